"""What an alert says: subject, plain text, HTML, and Slack's markup, of the same words.

`templates/rules/<rule>.j2` holds the words, in blocks: `headline`, `what` (happened, how bad),
`todo`, `over` (said when it is resolved), and lines: `label | value` in `figures`, and in `places`
`label | folder | file`. What a fact says is marked while it is filled in, so that it is shown
literally later: a file may be named like markup, a mention or a link. Numbers and times are written
by the filters below, and are ours.
"""

from __future__ import annotations

import html
import platform
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import (
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateError,
    pass_context,
    select_autoescape,
)
from jinja2.runtime import Context
from markupsafe import Markup, escape

from config.readable import plain
from config.settings import Settings
from config.units import certainty_unbroken, duration, in_hours
from daemon.domain.alerts import Alert
from daemon.domain.clock import local_zone
from daemon.domain.links import link, shown
from daemon.domain.photos import as_text
from daemon.domain.phrases import count

TEMPLATES = Path(__file__).parent / "templates"
# Around what a fact says. Private characters: in the fact itself they would be spelt out.
_OPEN, _CLOSE = "\ue000", "\ue001"
# A part of filled-in words that is a fact, or a command to be typed.
PIECES = re.compile(f"{_OPEN}(?P<given>.*?){_CLOSE}|`(?P<command>[^`]+)`", re.DOTALL)
SEPARATOR = re.compile(rf" \| (?![^{_OPEN}]*{_CLOSE})")
_BLOCKS = ("what", "todo", "over", "figures", "places", "lead")
_LONGEST_FACT = 300
_MOST_CATEGORIES = 5
_LONGEST_SUBJECT = 150
_APOSTROPHE = "\N{MODIFIER LETTER APOSTROPHE}"
_COLOURS = {
    "info": "#0b57a4",
    "warning": "#8a5a00",
    "error": "#c4472b",
    "critical": "#9c2413",
    "resolved": "#0b5d3b",
}


@dataclass(frozen=True, slots=True)
class Message:
    """An alert in words."""

    subject: str
    text: str
    html: str
    slack: str
    facts: dict[str, Any]  # as any JSON can hold them


@dataclass(frozen=True, slots=True)
class _Place:
    label: str
    shown: str
    address: str | None


def message_of(alert: Alert, settings: Settings, host: str | None = None) -> Message:
    """The words of an alert, with times as the clocks of its people show them.

    host: this machine, as its people call it.
    """
    at = alert.at.astimezone(settings.window.zone() or local_zone())
    alert = replace(alert, at=at)
    facts = {str(name): clean(value) for name, value in alert.facts.items()}
    blocks = _words_of(alert, facts)
    is_over = alert.phase == "resolved"
    headline = _before(alert) + " ".join(blocks["headline"].split())
    page: dict[str, Any] = {
        "headline": headline,
        "lead": "" if is_over else blocks["lead"],
        "what": f"{blocks['over']} {blocks['lead']}" if is_over else blocks["what"],
        "todo": "" if is_over else blocks["todo"],
        "figures": [] if is_over else [*_pairs(blocks["figures"])],
        "places": [] if is_over else [*_places(blocks["places"], settings)],
        "contact": settings.contact.line,
        "footer": f"nightsort on {plain(host or platform.node())} · {alert.rule} · "
        f"{alert.severity} · {at:%Y-%m-%d %H:%M}",
        "colour": _COLOURS["resolved" if is_over else alert.severity],
    }
    tag = "" if is_over or alert.severity in ("info", "warning") else f" {alert.severity}"
    subject = PIECES.sub(lambda piece: piece["given"] or piece["command"], headline)
    return Message(
        subject=f"[nightsort{tag}] {subject[:_LONGEST_SUBJECT]}",
        text=_written("mail.txt.j2", _as_text, page),
        html=_written("mail.html.j2", _as_html, page),
        slack=_written("slack.j2", _as_slack, page),
        facts=facts,
    )


def _before(alert: Alert) -> str:
    """What stands before the headline, by the phase."""
    if alert.phase == "resolved":
        return "Resolved: "
    if alert.phase != "repeated":
        return ""
    fails = alert.severity in ("error", "critical")
    return f"Still {'failing' if fails else 'so'}, day {alert.day}: "


def _pairs(lines: str) -> Iterator[tuple[str, str]]:
    """Label and value of each line that has both."""
    for line in lines.splitlines():
        label, _, value = SEPARATOR.sub("\n", line.strip(), count=1).partition("\n")
        if value:
            yield label, value


def _places(lines: str, settings: Settings) -> Iterator[_Place]:
    roots = {
        "sorted": (settings.links.sorted, settings.sorted_dir),
        "results": (settings.links.results, settings.results_dir),
    }
    for label, value in _pairs(lines):
        root, _, name = value.partition(" | ")
        base, folder = roots[root]
        path = PIECES.sub(lambda piece: piece["given"], name)
        where = (base or str(folder)) if path == "." else shown(base, str(folder), path)
        yield _Place(label, where, link(base, path))


# --- four ways of writing ------------------------------------------------------------------------


def _written(template: str, way: Any, page: Mapping[str, Any]) -> str:
    """The page, each of its sentences in that way."""
    return _pages().get_template(template).render(page, way=way).strip() + "\n"


def _as_text(text: str) -> str:
    return PIECES.sub(lambda piece: f"“{piece['given'] or piece['command']}”", text)


def _as_html(text: str) -> Markup:
    written: Markup = _joined(
        text,
        escape,
        lambda given: Markup("<bdi>“{}”</bdi>").format(given),
        lambda command: Markup('<code style="font-family:monospace">{}</code>').format(command),
    )
    return written


def _as_slack(text: str) -> str:
    return str(_joined(text, _slack_escaped, _slack_code, _slack_code))


def _slack_code(text: str) -> str:
    # In it Slack formats nothing, and knows no way to write a backtick.
    return f"`{_slack_escaped(text.replace('`', _APOSTROPHE))}`"


def _slack_escaped(text: str) -> str:
    return html.escape(text, quote=False)


def _joined(text: str, ours: Any, given: Any, command: Any) -> Any:
    """`text` with its parts written, each in the way of its kind."""
    parts, end = [], 0
    for piece in PIECES.finditer(text):
        parts.append(ours(text[end : piece.start()]))
        inside = piece["given"]
        parts.append(command(piece["command"]) if inside is None else given(inside))
        end = piece.end()
    parts.append(ours(text[end:]))
    return type(parts[0])("").join(parts)


@cache
def _pages() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(("html.j2",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"escaped": _slack_escaped, "code": _slack_code}
    return environment


# --- facts into words -----------------------------------------------------------------------------


def _words_of(alert: Alert, facts: Mapping[str, Any]) -> dict[str, str]:
    """The blocks of an alert's rule, with its (clean) facts filled in and marked.

    An alert without words here, as another version of nightsort may have left it in the outbox, is
    told with its facts as they are.
    """
    try:
        return _filled_in(alert.rule, alert, facts)
    except (TemplateError, LookupError, TypeError, ValueError, ArithmeticError):
        return _filled_in("other", alert, facts)


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


def _size(megabytes: float) -> str:
    return f"{megabytes / 1000:.1f} GB" if megabytes >= 1000 else f"{megabytes:.0f} MB"


def _minutes(minutes: float) -> str:
    whole = round(minutes)
    return in_hours(whole) if whole >= 60 else count(whole, "minute")


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
    "confidence": certainty_unbroken,
    "size": _size,
    "minutes": _minutes,
    "took": duration,
    "money": lambda amount: f"{amount:,.2f}",
    "plainly": lambda number: f"{number:g}",
    "day": lambda day: f"{date.fromisoformat(day):%a %d %b}",
    "names": lambda folders: " and ".join(_word(name) for name in folders),
    "free": lambda disks: ", ".join(f"{_word(d)} {_size(mb)}" for d, mb in disks.items()),
    "most": _most,
}
