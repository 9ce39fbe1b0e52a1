"""What an alert says: subject, plain text, HTML, and Slack's markup, of the same words.

`templates/rules/<language>/<rule>.j2` holds the words, in blocks: `headline`, `what` (happened, how
bad), `todo`, `over` (said when it is resolved), and lines: `label | value` in `figures`, and in
`places` `label | folder | file`. What a fact says is marked while it is filled in, so that it is
shown literally later: a file may be named like markup, a mention or a link. Numbers and times are
written by `render_filters`, and are ours.
"""

from __future__ import annotations

import html
import platform
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import (
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateError,
    select_autoescape,
)
from markupsafe import Markup, escape

from config.readable import plain
from config.settings import Settings
from daemon.alerting.render_filters import filters, moment
from daemon.domain.alerts import Alert
from daemon.domain.clock import zone_of
from daemon.domain.links import link, shown
from daemon.domain.photos import as_text
from daemon.domain.speech import Speech, speech

TEMPLATES = Path(__file__).parent / "templates"
# Around what a fact says. Private characters: in the fact itself they would be spelt out.
_OPEN, _CLOSE = "\ue000", "\ue001"
# A part of filled-in words that is a fact, or a command to be typed.
PIECES = re.compile(f"{_OPEN}(?P<given>.*?){_CLOSE}|`(?P<command>[^`]+)`", re.DOTALL)
SEPARATOR = re.compile(rf" \| (?![^{_OPEN}]*{_CLOSE})")
_BLOCKS = ("what", "todo", "over", "figures", "places", "lead")
_LONGEST_FACT = 300
_LONGEST_SUBJECT = 150
_APOSTROPHE = "\N{MODIFIER LETTER APOSTROPHE}"
Quoted = Callable[..., str]
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
    at = alert.at.astimezone(zone_of(settings))
    alert, say = replace(alert, at=at), speech(settings.reports.language)
    facts = {str(name): clean(value) for name, value in alert.facts.items()}
    blocks = _words_of(alert, facts, say)
    is_over = alert.phase == "resolved"
    headline = _by_phase(alert, " ".join(blocks["headline"].split()), say)
    where = say("alerts.footer", host=plain(host or platform.node()))
    page: dict[str, Any] = {
        "say": say,
        "headline": headline,
        "lead": "" if is_over else blocks["lead"],
        "what": f"{blocks['over']} {blocks['lead']}" if is_over else blocks["what"],
        "todo": "" if is_over else blocks["todo"],
        "figures": [] if is_over else [*_pairs(blocks["figures"])],
        "places": [] if is_over else [*_places(blocks["places"], settings)],
        "contact": settings.contact.line,
        "footer": f"{where} · {alert.rule} · {alert.severity} · {say.when('footer', at)}",
        "colour": _COLOURS["resolved" if is_over else alert.severity],
    }
    # Codes, as the rule in the footer: people's mail programs sort by them.
    tag = "" if is_over or alert.severity in ("info", "warning") else f" {alert.severity}"
    subject = PIECES.sub(lambda piece: piece["given"] or piece["command"], headline)
    quoted = partial(say, "alerts.quoted")
    return Message(
        subject=f"[nightsort{tag}] {subject[:_LONGEST_SUBJECT]}",
        text=_written("mail.txt.j2", partial(_as_text, quoted), page),
        html=_written("mail.html.j2", partial(_as_html, quoted), page),
        slack=_written("slack.j2", _as_slack, page),
        facts=facts,
    )


def _by_phase(alert: Alert, headline: str, say: Speech) -> str:
    """What stands before the headline says the phase."""
    if alert.phase == "resolved":
        return say("alerts.resolved", headline=headline)
    if alert.phase != "repeated":
        return headline
    fails = alert.severity in ("error", "critical")
    still = "alerts.still_failing" if fails else "alerts.still_so"
    return say(still, day=alert.day, headline=headline)


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


def _as_text(quoted: Quoted, text: str) -> str:
    return PIECES.sub(lambda piece: quoted(text=piece["given"] or piece["command"]), text)


def _as_html(quoted: Quoted, text: str) -> Markup:
    written: Markup = _joined(
        text,
        escape,
        lambda given: Markup("<bdi>{}</bdi>").format(quoted(text=given)),
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


def _words_of(alert: Alert, facts: Mapping[str, Any], say: Speech) -> dict[str, str]:
    """The blocks of an alert's rule, with its (clean) facts filled in and marked.

    An alert without words here, as another version of nightsort may have left it in the outbox, is
    told with its facts as they are.
    """
    try:
        return _filled_in(alert.rule, alert, facts, say)
    except (TemplateError, LookupError, TypeError, ValueError, ArithmeticError):
        return _filled_in("other", alert, facts, say)


def _filled_in(rule: str, alert: Alert, facts: Mapping[str, Any], say: Speech) -> dict[str, str]:
    template = _rules(say).get_template(f"rules/{say.language}/{rule}.j2")
    about = {"rule": alert.rule, "facts": facts, "now": alert.at}
    blocks = dict.fromkeys(_BLOCKS, "")
    for name in template.blocks:
        blocks[name] = "".join(
            template.blocks[name](template.new_context({**facts, **about}))
        ).strip()
    if alert.phase in ("repeated", "resolved") and facts.get("since"):
        since = moment(facts["since"], alert.at, say)
        lasts = "alerts.lasts" if alert.phase == "repeated" else "alerts.had_begun"
        blocks["lead"] = say(lasts, since=since)
    return blocks


@cache
def _rules(say: Speech) -> Environment:
    """For the words of rules: what a fact says is marked, unless a filter of ours wrote it."""
    environment = Environment(  # noqa: S701 - it makes marked text; the pages escape
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        finalize=_marked,
        lstrip_blocks=True,
        trim_blocks=True,
    )
    environment.filters |= filters(say, marked)
    return environment


def marked(text: str) -> str:
    """What a fact says, so that it is shown literally later."""
    return f"{_OPEN}{text}{_CLOSE}"


def _marked(value: Any) -> Any:
    is_fact = isinstance(value, str) and value and not isinstance(value, Markup)
    return marked(value) if is_fact else value


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
