"""Logging: JSON lines for journald, readable lines for a terminal, warnings only for a command.

Modules say `log = structlog.get_logger()` and `log.info("photo_filed", name=..., ...)`; where and
how that appears is decided here, once, by the command that runs.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from collections.abc import Mapping, MutableMapping
from datetime import datetime
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from config.readable import command_line, terminal_line

# Lines of 4,096 bytes and more come out of `journalctl -o json` as null.
MAX_LINE_BYTES = 4095
_ESSENTIAL = ("timestamp", "level", "event", "run", "photo")
_SHORTEST_CUT = 64
# Levels of syslog: systemd reads them from the start of the line and takes them away.
_PRIORITY = {"critical": 2, "error": 3, "warning": 4, "info": 6, "debug": 7}


def configure(*, service: bool, stream: TextIO | None = None) -> None:
    """Set up logging for this process.

    service: True for `nightsort run`, which logs from info on to stdout, as JSON unless that is a
    terminal; False for every other command, which only warns, in plain lines on stderr.
    stream: writes there instead.
    """
    level = logging.INFO if service else logging.WARNING
    writer = _Writer("stdout" if service else "stderr", stream)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            _add_timestamp,
            structlog.processors.format_exc_info,
            _renderer(service, writer),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: writer,
        cache_logger_on_first_use=False,
    )
    _take_in_libraries()


def is_journal(descriptor: int, environment: Mapping[str, str]) -> bool:
    """Whether what is written to this descriptor goes to the journal. Source: systemd.exec(5)."""
    told = environment.get("JOURNAL_STREAM")
    if told is None:
        return False
    found = os.fstat(descriptor)
    return told == f"{found.st_dev}:{found.st_ino}"


def json_line(event: MutableMapping[str, Any]) -> str:
    """One event as journald wants it: priority, JSON, plain ASCII, short enough.

    Fields that are too long lose their middle; what they begin and end with says most.
    """
    fields = {key: _clean(value) for key, value in event.items()}
    prefix = f"<{_PRIORITY.get(str(event.get('level')), 6)}>"
    room = MAX_LINE_BYTES - len(prefix) - len("\n")
    line = json.dumps(fields)
    while len(line) > room:
        _shorten(fields)
        line = json.dumps(fields)
    return prefix + line


class _Writer:
    """The end of every log line. A log that cannot be written must not stop the sorting."""

    def __init__(self, name: str, stream: TextIO | None) -> None:
        self._name = name
        self._stream = stream
        self._lock = threading.Lock()

    @property
    def stream(self) -> TextIO:
        # Looked up anew each time: progress bars put a stand-in there, to keep lines apart.
        return self._stream or getattr(sys, self._name)

    def msg(self, line: str) -> None:
        stream = self.stream
        encoding = stream.encoding or "utf-8"
        try:
            with self._lock:
                stream.write(line.encode(encoding, "replace").decode(encoding) + "\n")
                stream.flush()
        except (OSError, ValueError):  # the reader is gone, the stream is closed
            pass

    debug = info = warning = error = critical = msg


class _Libraries(logging.Handler):
    """Passes on what libraries say through the standard library's logging."""

    def emit(self, record: logging.LogRecord) -> None:
        fields: dict[str, Any] = {"library": record.name, "text": record.getMessage()}
        if record.exc_info and record.exc_info[0]:
            fields["exc_info"] = record.exc_info
        structlog.get_logger().log(record.levelno, "library_said", **fields)


def _take_in_libraries() -> None:
    """Warnings of watchdog, Apprise and Pillow become events; their chatter is dropped."""
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if isinstance(handler, _Libraries):
            root.removeHandler(handler)
    root.addHandler(_Libraries())
    root.setLevel(logging.WARNING)
    logging.captureWarnings(True)


def _renderer(service: bool, writer: _Writer) -> Processor:
    if not service:
        return lambda _logger, _method, event: command_line(event)
    if writer.stream.isatty():
        return lambda _logger, _method, event: terminal_line(event, colour=True)
    return lambda _logger, _method, event: json_line(event)


def _add_timestamp(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Local time with its offset, first in the line."""
    now = datetime.now().astimezone().isoformat(timespec="milliseconds")
    return {"timestamp": now, "level": event.pop("level"), "event": event.pop("event"), **event}


def _clean(value: Any) -> Any:
    """`value` as JSON can hold it; lone surrogates, which strict readers refuse, spelt out."""
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return value.encode("utf-8", "backslashreplace").decode()
        case dict():
            return {str(_clean(key)): _clean(inner) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_clean(inner) for inner in value]
        case _:
            return _clean(str(value))


def _shorten(fields: dict[str, Any]) -> None:
    """Halve the longest field; when all are short, there are too many: keep the essential ones."""
    sizes = {key: len(json.dumps(value)) for key, value in fields.items()}
    longest = max(sizes, key=sizes.__getitem__)
    if sizes[longest] > _SHORTEST_CUT:
        value = fields[longest]
        text = value if isinstance(value, str) else json.dumps(value)
        keep = len(text) // 4
        fields[longest] = f"{text[:keep]} ... {text[-keep:]}"
        return
    for key in [key for key in fields if key not in _ESSENTIAL]:
        del fields[key]
