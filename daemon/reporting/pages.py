"""What all pages share: the template engine that escapes all that comes from outside, and words.

A page is one self-contained file: its pictures are in it, it loads nothing and runs no script.
"""

from __future__ import annotations

from base64 import b64encode
from functools import cache, partial
from pathlib import Path
from typing import Any, BinaryIO

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from config.readable import plain
from daemon.domain.photos import as_text
from daemon.domain.speech import Speech

_TEMPLATES = Path(__file__).parent / "templates"


def write_page(file: BinaryIO, template: str, say: Speech, *, ask: str = "", **values: Any) -> None:
    """Write a page, piece by piece. In it `say` speaks, and `t` in HTML. ask: whom people ask."""
    speaking = {"say": say, "t": partial(_in_html, say), "ask": ask}
    style = Markup((_TEMPLATES / "page.css").read_text(encoding="utf-8"))  # noqa: S704 - ours
    stream = _environment().get_template(template).stream(style=style, **speaking, **values)
    stream.enable_buffering(64)
    stream.dump(file, encoding="utf-8")


def _in_html(say: Speech, key: str, number: int | None = None, **values: object) -> Markup:
    """A sentence, which may hold marks of ours; what is filled in is text unless it is HTML."""
    sentence = Markup(say.sentence(key, number))  # noqa: S704 - ours
    counted = {} if number is None else {"n": say.number(number)}
    return sentence.format(**values, **counted)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "plain": lambda text: plain(str(text)),
        "base64": lambda data: b64encode(data).decode("ascii"),
        "as_text": as_text,
    }
    return environment
