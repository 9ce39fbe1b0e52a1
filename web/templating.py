"""What pages are made of: templates, which escape all that is filled in; and where they lie."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

HERE = Path(__file__).parent
TEXTS = HERE / "texts"


def templates() -> Environment:
    """The templates, each read and compiled when it is first asked for."""
    return Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
