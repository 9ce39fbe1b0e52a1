"""What pages are made of: templates, which escape all that is filled in; and where they lie."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from config import catalogue
from config.catalogue import Texts

HERE = Path(__file__).parent
TEXTS = HERE / "texts"
# What the first pages of a morning are made of: compiling these takes 0.14 s, all of them 0.5.
FIRST = (
    "base.html", "parts.html", "login.html", "home.html", "now.html", "lesson_parts.html",
    "figure_parts.html", "tables.html", "review.html", "review_photo.html", "review_empty.html",
)  # fmt: skip


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


@cache
def settings_texts() -> Mapping[str, Texts]:
    """What each key of the settings means, by language; in English the schema itself says it."""
    return catalogue.read(TEXTS / "settings")
