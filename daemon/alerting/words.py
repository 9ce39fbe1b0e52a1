"""What an alert says: subject, plain text, HTML, and Slack's markup, of the same words.

The words are for `filling`; here they are laid out, and each fact shown in the way of its page.
"""

from __future__ import annotations

import html
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from config.readable import plain
from config.settings import Settings
from daemon.alerting.alert import Alert
from daemon.alerting.filling import PIECES, SEPARATOR, TEMPLATES, clean, words_of
from daemon.clock import local_zone
from daemon.links import link, shown

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
    blocks = words_of(alert, facts)
    is_over = alert.phase == "resolved"
    headline = _before(alert) + " ".join(blocks["headline"].split())
    page: dict[str, Any] = {
        "headline": headline,
        "lead": "" if is_over else blocks["lead"],
        "what": f"{blocks['over']} {blocks['lead']}" if is_over else blocks["what"],
        "todo": "" if is_over else blocks["todo"],
        "figures": [] if is_over else [*_pairs(blocks["figures"])],
        "places": [] if is_over else [*_places(blocks["places"], settings)],
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
