"""Log events in plain words, for somebody who watches a terminal.

    02:14:07  filed      shirt-12.jpg → Shirts  94.2 %

An event without words of its own here appears as its name and fields: nothing is hidden.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from config.units import certainty

Event = Mapping[str, Any]
# Makes verb, text and colour of an event.
Speaker = Callable[[Event], tuple[str, str, str]]

_VERB_WIDTH = 10
_NO_BREAK = "\N{NO-BREAK SPACE}"
_LONGEST_FIELD = 200
_GREEN, _YELLOW, _RED, _CYAN, _DIM, _RESET = (
    f"\x1b[{code}m" for code in ("32", "33", "31", "36", "2", "0")
)
_COLOUR_OF_LEVEL = {"warning": _YELLOW, "error": _RED, "critical": _RED}
# Said by the line in other words, or of no use to somebody who watches.
_UNSPOKEN = {"timestamp", "level", "event", "run", "exception", "photo", "request"}


def terminal_line(event: Event, *, colour: bool) -> str:
    """One event as a line for a terminal, with the time of day; a traceback follows below."""
    clock = datetime.fromisoformat(event["timestamp"]).strftime("%H:%M:%S")
    verb, text, paint = _words(event)
    line = f"{verb:<{_VERB_WIDTH}} {text}".rstrip()
    if colour:
        painted = f"{paint}{verb:<{_VERB_WIDTH}}{_RESET}" if paint else f"{verb:<{_VERB_WIDTH}}"
        return f"{_DIM}{clock}{_RESET}  {painted} {text}".rstrip() + _traceback(event)
    return f"{clock}  {line}{_traceback(event)}"


def command_line(event: Event) -> str:
    """One event as a plain line for a command's stderr."""
    verb, text, _ = _words(event)
    return f"{event['level']}: {verb}: {text}".removesuffix(": ") + _traceback(event)


def _words(event: Event) -> tuple[str, str, str]:
    """Verb, text and colour of an event."""
    spoken = _SPOKEN.get(event["event"])
    if spoken is not None:
        verb, text, paint = spoken(event)
        return verb, plain(text), paint
    paint = _COLOUR_OF_LEVEL.get(event["level"], "")
    return plain(str(event["event"]).replace("_", " ")), plain(_fields(event)), paint


def plain(text: str) -> str:
    """`text` without anything that a terminal would obey: names in the share are anybody's."""
    return "".join(c if c.isprintable() or c == _NO_BREAK else ascii(c)[1:-1] for c in text)


def _fields(event: Event) -> str:
    return "  ".join(
        f"{key.replace('_', ' ')}: {_short(str(value))}"
        for key, value in event.items()
        if key not in _UNSPOKEN and value not in (None, "")
    )


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_FIELD else f"{text[:_LONGEST_FIELD]} …"


def _traceback(event: Event) -> str:
    lines = str(event.get("exception") or "").splitlines()
    return "".join(f"\n    {plain(line)}" for line in lines)


def _filed(event: Event) -> tuple[str, str, str]:
    name, category = event.get("name"), event.get("category")
    percent = certainty(float(event.get("confidence") or 0))
    if event.get("band") == "review":
        why = event.get("why") or "a person decides"
        return "review", f"{name} → {category}?  {percent}, {why}", _YELLOW
    doubt = ", worth a quick look" if event.get("band") == "check" else ""
    return "filed", f"{name} → {category}  {percent}{doubt}", _GREEN


def _duplicate(event: Event) -> tuple[str, str, str]:
    return "duplicate", f"{event.get('name')}: the same photo is filed already", _CYAN


def _quarantined(event: Event) -> tuple[str, str, str]:
    return "set aside", f"{event.get('name')}: {event.get('why')}", _RED


def _with_name(verb: str, text: str) -> Speaker:
    return lambda event: (verb, f"{event.get('name')}: {text}", _DIM)


def _watching(event: Event) -> tuple[str, str, str]:
    return "watching", f"{event.get('folder')}", _DIM


def _service_started(event: Event) -> tuple[str, str, str]:
    text = (
        f"drop photos into {event.get('incoming')}; they go to {event.get('sorted')}, "
        f"results to {event.get('results')}; Ctrl-C ends"
    )
    return "ready", text, _GREEN


def _run_started(event: Event) -> tuple[str, str, str]:
    return "run", f"{event.get('run')} begins, {event.get('waiting')} waiting", _DIM


def _run_finished(event: Event) -> tuple[str, str, str]:
    parts = [
        f"{event.get(key)} {word}"
        for key, word in (
            ("successful", "filed"),
            ("review", "for review"),
            ("duplicates", "duplicate"),
            ("failed", "set aside"),
            ("deferred", "left for later"),
        )
        if event.get(key)
    ]
    return "run", f"{event.get('run')} ended: {', '.join(parts) or 'nothing to do'}", _DIM


def _request(event: Event) -> tuple[str, str, str]:
    who = f"  {event.get('caller')}" if event.get("caller") else ""
    said = f"{event.get('method')} {event.get('path')} {event.get('status')}"
    return "asked", f"{said}, {event.get('milliseconds')} ms{who}", _DIM


def _library(event: Event) -> tuple[str, str, str]:
    paint = _COLOUR_OF_LEVEL.get(event["level"], "")
    return str(event.get("library")), str(event.get("text")), paint


_SPOKEN: dict[str, Speaker] = {
    "service_started": _service_started,
    "service_stopped": lambda _: ("ended", "what still waits is taken up at the next start", _DIM),
    "folder_adopted": lambda event: ("adopted", f"{event.get('path')}", _DIM),
    "watch_started": _watching,
    "photo_gone": _with_name("gone", "somebody took it away before its turn"),
    "photo_changed": _with_name("waits", "it is still being written"),
    "photo_cut_off": _with_name("waits", "its end is missing, the rest may still come"),
    "photo_filed": _filed,
    "photo_duplicate": _duplicate,
    "photo_quarantined": _quarantined,
    "run_started": _run_started,
    "run_finished": _run_finished,
    "web_started": lambda event: ("page", f"{event.get('url')}", _GREEN),
    "request_served": _request,
    "library_said": _library,
}
