"""Fills facts into the words of a rule, so that whatever they say is shown literally later.

`templates/rules/<rule>.j2` holds the words, in blocks: `headline`, `what` (happened, how bad),
`todo`, `over` (said when it is resolved), and lines: `label | value` in `figures`, and in `places`
`label | folder | file`. What a fact says is marked while it is filled in: a file may be named like
markup, a mention or a link. Numbers and times are written by the filters below, and are ours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from config.readable import plain
from daemon.alerting.alert import Alert
from daemon.records import as_text
from daemon.tables import took
from daemon.words import count

TEMPLATES = Path(__file__).parent / "templates"
# Around what a fact says. Private characters: in the fact itself they would be spelt out.
_OPEN, _CLOSE = "\ue000", "\ue001"
# A part of filled-in words that is a fact, or a command to be typed.
PIECES = re.compile(f"{_OPEN}(?P<given>.*?){_CLOSE}|`(?P<command>[^`]+)`", re.DOTALL)
SEPARATOR = re.compile(rf" \| (?![^{_OPEN}]*{_CLOSE})")
_BLOCKS = ("what", "todo", "over", "figures", "places", "lead")
_LONGEST_FACT = 300
_MOST_CATEGORIES = 5


def words_of(alert: Alert, facts: Mapping[str, Any]) -> dict[str, str]:
    """The blocks of an alert's rule, with its (clean) facts filled in and marked.

    An alert without words here, as another version of nightsort may have left it in the outbox, is
    told with its facts as they are.
    """
    try:
        return _filled_in(alert.rule, alert, facts)
    except (TemplateError, LookupError, TypeError, ValueError, ArithmeticError):
        return _filled_in("other", alert, facts)


def rules_with_words() -> set[str]:
    """The rules that have a template."""
    return {path.name.partition(".")[0] for path in (TEMPLATES / "rules").glob("*.j2")}


def _filled_in(rule: str, alert: Alert, facts: Mapping[str, Any]) -> dict[str, str]:
    template = _rules().get_template(f"rules/{rule}.j2")
    about = {"rule": alert.rule, "facts": facts, "now": alert.at}
    blocks = dict.fromkeys(_BLOCKS, "")
    for name in template.blocks:
        blocks[name] = "".join(
            template.blocks[name](template.new_context({**facts, **about}))
        ).strip()
    if alert.phase in ("repeated", "resolved") and facts.get("since"):
        lasts = "It has lasted since" if alert.phase == "repeated" else "It had begun"
        blocks["lead"] = f"{lasts} {_moment(facts['since'], alert.at)}."
    return blocks


@cache
def _rules() -> Environment:
    """For the words of rules: what a fact says is marked, unless a filter of ours wrote it."""
    environment = Environment(  # noqa: S701 - it makes marked text; the pages escape
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        finalize=_marked,
        lstrip_blocks=True,
        trim_blocks=True,
    )
    environment.filters |= {name: _ours(make) for name, make in _FILTERS.items()}
    environment.filters["clock"] = _clock
    return environment


def _marked(value: Any) -> Any:
    is_fact = isinstance(value, str) and value and not isinstance(value, Markup)
    return f"{_OPEN}{value}{_CLOSE}" if is_fact else value


def _ours(make: Any) -> Any:
    return lambda *args: Markup(make(*args))  # noqa: S704 - made of numbers and words of ours


def clean(value: Any) -> Any:
    """A fact as any JSON, mail and terminal can hold it, and not too long."""
    match value:
        case str():
            text = plain(as_text(value))
            return text if len(text) <= _LONGEST_FACT else f"{text[:_LONGEST_FACT]}…"
        case Mapping():
            return {clean(str(key)): clean(inner) for key, inner in value.items()}
        case list() | tuple():
            return [clean(inner) for inner in value]
    return value


@pass_context
def _clock(context: Context, moment: str) -> Markup:
    return Markup(_moment(moment, context["now"]))  # noqa: S704 - ours


def _moment(moment: str, now: datetime) -> str:
    at = datetime.fromisoformat(moment).astimezone(now.tzinfo)
    return f"{at:%H:%M}" if at.date() == now.date() else f"{at:%a %d %b %H:%M}"


def _word(value: Any) -> str:
    text = str(value)
    return text if re.fullmatch(r"[A-Za-z0-9 _.-]*", text) else f"{_OPEN}{text}{_CLOSE}"


def _number(value: float) -> str:
    return f"{value:,}"


def _percent(share: float) -> str:
    return f"{f'{100 * share:.1f}'.removesuffix('.0')}\N{NO-BREAK SPACE}%"


def _confidence(share: float) -> str:
    # Never "100 %": that sounds like knowing.
    return f"{min(100 * share, 99.9):.1f}\N{NO-BREAK SPACE}%"


def _size(megabytes: float) -> str:
    return f"{megabytes / 1000:.1f} GB" if megabytes >= 1000 else f"{megabytes:.0f} MB"


def _minutes(minutes: float) -> str:
    hours, rest = divmod(round(minutes), 60)
    return f"{hours} h {rest:02} min" if hours else count(rest, "minute")


def _most(categories: Mapping[str, int]) -> str:
    ordered = sorted(categories.items(), key=lambda one: -one[1])
    first = ", ".join(f"{_word(name)} {photos:,}" for name, photos in ordered[:_MOST_CATEGORIES])
    others = sum(photos for _, photos in ordered[_MOST_CATEGORIES:])
    return f"{first}, others {others:,}" if others else first


_FILTERS = {
    "word": _word,
    "shown": lambda text: f"{_OPEN}{text}{_CLOSE}",
    "number": _number,
    "count": count,
    "percent": _percent,
    "confidence": _confidence,
    "size": _size,
    "minutes": _minutes,
    "took": took,
    "day": lambda day: f"{date.fromisoformat(day):%a %d %b}",
    "names": lambda folders: " and ".join(_word(name) for name in folders),
    "free": lambda disks: ", ".join(f"{_word(d)} {_size(mb)}" for d, mb in disks.items()),
    "most": _most,
}
