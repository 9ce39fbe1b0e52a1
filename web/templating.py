"""What pages are made of: templates, which escape all that is filled in; and where they lie."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

HERE = Path(__file__).parent
TEXTS = HERE / "texts"


def templates() -> Environment:
    """The templates, read when they are asked for."""
    return Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
