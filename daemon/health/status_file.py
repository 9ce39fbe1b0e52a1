"""Status: a small file that the daemon keeps, and what `nightsort status` reads from it.

The file answers at once, also when the daemon hangs or is down, and without opening the database;
whether the daemon lives is read off its lock and the age of the file.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from config.readable import plain
from config.units import duration
from daemon.domain.learning_words import learning_words
from daemon.domain.left_alone import LeftAloneDocument, from_json, sentences
from daemon.domain.phrases import count, outcomes, undecided_words
from daemon.domain.status import (
    AlertingStatus,
    LiveStatus,
    QueueStatus,
    StatusDocument,
    UndecidedStatus,
    WatchStatus,
    WindowStatus,
)
from daemon.domain.status_words import problem
from daemon.domain.summaries import RunSummary
from daemon.folders.locks import held_seconds, is_held, no_look_at
from daemon.folders.writing import replace_small

STATUS = "status.json"
WRITE_SECONDS = 5.0
# The daemon writes every few seconds; after this long without a word it hangs.
SILENCE_SECONDS = 30.0
# Before its first word it may check, or mend, a database of millions of photos.
START_SECONDS = 300.0

T = TypeVar("T")

HEALTHY, DEGRADED, NOT_RUNNING = 0, 1, 3

_KEYS = (
    "state", "share", "watch", "queue", "left_alone", "window", "forecast", "last_run",
    "undecided", "week", "judged_ahead",
    "model", "learning", "disk", "mirror", "bucket", "alerts", "problems",
)  # fmt: skip


class StatusFile:
    """Keeps the file, written when something changed or it grows old."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / STATUS
        self._written: LiveStatus | None = None
        self._written_at = float("-inf")

    def tell(self, document: LiveStatus) -> None:
        """Note how things are. A status that cannot be written must not stop the sorting."""
        now = _steady()
        if document == self._written and now - self._written_at < WRITE_SECONDS:
            return
        with suppress(OSError):
            replace_small(self._path, json.dumps({**document, "steady": now}), 0o640)
            self._written, self._written_at = document, now


def read(state_dir: Path) -> tuple[StatusDocument, int]:
    """How things are, and the exit code that says so.

    Raises RefusedError for a user who may not look.
    """
    document, said_at = _last_words(state_dir)
    silent = _steady() - said_at
    if not is_held(state_dir):
        document["share"] = document["watch"] = document["window"] = document["forecast"] = None
        document["state"] = "not running"
        document["problems"] = [problem("not_running")]
        return document, NOT_RUNNING
    if silent > SILENCE_SECONDS and held_seconds(state_dir) < min(silent, START_SECONDS):
        document["state"] = "starting"
        document["problems"] = [problem("starting")]
    elif silent > SILENCE_SECONDS:
        document["state"] = "hangs"
        document["problems"] = [problem("silent"), *document["problems"]]
    return document, DEGRADED if document["problems"] else HEALTHY


def in_words(document: StatusDocument) -> str:
    """The status for people: one screen."""
    rows = [("State", document["state"])]
    rows += [("Problem", one) for one in document["problems"]]
    rows += [(f"{name} folder", _folder_words(said)) for name, said in _folders(document)]
    for title, text in (
        ("Watching", _said(_watch_words, document["watch"])),
        ("Queue", _said(_queue_words, document["queue"])),
        ("Judged", _judged_words(document["judged_ahead"])),
        ("Left alone", _said(_left_alone_words, document["left_alone"])),
        ("Window", _said(_window_words, document["window"])),
        ("Forecast", _said(lambda forecast: forecast["text"], document["forecast"])),
        ("Last run", _said(_run_words, document["last_run"])),
        ("To decide", _said(_undecided_words, document["undecided"])),
        ("This week", _said(_week_words, document["week"])),
        ("Model", document["model"]),
        ("Learning", _said(learning_words, document["learning"])),
        ("Free disk", _said(_disk_words, document["disk"])),
        ("Alerts", _said(_alert_words, document["alerts"])),
    ):
        if text:
            rows.append((title, text))
    width = max(len(title) for title, _ in rows) + 2
    return "\n".join(f"{title.capitalize():<{width}}{text}" for title, text in rows)


def _said(describe: Callable[[T], str], part: T | None) -> str:
    return "" if part is None else describe(part)


def left_alone_words(name: str, document: StatusDocument) -> str | None:
    """Why a file of that name in incoming is no photo that is known; None where nothing is said."""
    left = from_json(document["left_alone"])
    for one in left.held:
        if name in (one.name, one.name.rpartition("/")[2]):
            why = one.why or "is still being written, or open in another program"
            return f"{one.name}: {why}, for {duration(one.seconds)}"
    for other in left.names:
        if name in (other, other.rpartition("/")[2]):
            return f"{other}: lies in incoming and is no photo"
    return None


def in_one_line(document: LiveStatus) -> str:
    """The status in a few words, such as "waiting for 02:00, 412 queued"."""
    queued = f"{document['queue']['waiting']:,} queued"
    window = document["window"]
    if document["state"] != "waiting":
        said = f"{document['state']}, {queued}"
    elif window["open"]:
        said = f"waiting for photos, {queued}"
    elif window["opens"]:
        said = f"waiting for {datetime.fromisoformat(window['opens']):%H:%M}, {queued}"
    else:
        said = f"waiting to be asked, {queued}"
    return "; ".join((said, *document["problems"]))


def _last_words(state_dir: Path) -> tuple[StatusDocument, float]:
    """What was said last, and when, by the steady clock."""
    empty: Any = {**dict.fromkeys(_KEYS), "state": "unknown", "problems": []}
    try:
        written = json.loads((state_dir / STATUS).read_text(encoding="utf-8"))
    except PermissionError:
        raise no_look_at(state_dir) from None
    except (OSError, ValueError):
        written = None
    known = empty | written if isinstance(written, dict) else empty
    said_at = known.pop("steady", float("-inf"))
    return known, said_at


def _folders(document: StatusDocument) -> Iterable[tuple[str, str]]:
    return (document["share"] or {}).items()


def _folder_words(said: str) -> str:
    return said if said == "available" else "unavailable"  # a problem above says why


def _watch_words(watch: WatchStatus) -> str:
    kinds = {"junk": "junk", "not_a_photo": "not photos", "special": "links or special files",
             "unreadable_folder": "folders not looked into"}  # fmt: skip
    ignored = [f"{n} {kinds.get(kind, kind)}" for kind, n in watch["ignored"].items() if n]
    left_out = f"; left alone: {', '.join(ignored)}" if ignored else ""
    return f"{watch['mode']} ({watch['why']}){left_out}"


def _queue_words(queue: QueueStatus) -> str:
    retrying = f", {queue['retrying']:,} of them for a new try" if queue["retrying"] else ""
    return f"{queue['waiting']:,} waiting{retrying}; {queue['settling']:,} still being written"


def _judged_words(photos: int | None) -> str:
    return f"{count(photos, 'photo')} ahead of the run" if photos else ""


def _left_alone_words(said: LeftAloneDocument) -> str:
    return plain(" ".join(sentences(from_json(said))))


def _window_words(window: WindowStatus) -> str:
    if window["mode"] != "window":
        return str(window["mode"])
    if window["open"]:
        return f"open until {_clock_time(window['closes'])}"
    return f"opens {_clock_time(window['opens'])}, closes {_clock_time(window['closes'])}"


def _run_words(run: RunSummary) -> str:
    ended = f"{datetime.fromisoformat(run['finished']):%a %d %b %H:%M}"
    return f"{run['run']}, ended {ended}: {outcomes(run)}, {run['deferred']:,} left waiting"


def _undecided_words(undecided: UndecidedStatus) -> str:
    return undecided_words(undecided["photos"], undecided["oldest"]) or "nothing"


def _week_words(week: dict[str, int]) -> str:
    if week["runs"] == 0:
        return "no run since Monday"
    return f"{count(week['runs'], 'run')}: {outcomes(week)}"


def _disk_words(disk: dict[str, int]) -> str:
    return ", ".join(f"{name} {free / 1000:.1f} GB" for name, free in disk.items())


def _alert_words(alerts: AlertingStatus) -> str:
    if not alerts.get("targets"):
        return "nobody is told of trouble; set [alerts] targets"
    said = [count(alerts["targets"], "target")]
    for number, words in (
        (alerts.get("delivered"), "delivered"),
        (alerts.get("undelivered"), "on the way"),
        (alerts.get("given_up"), "given up"),
    ):
        said += [f"{number:,} {words}"] if number else []
    if alerts.get("open"):
        said.append(f"open: {', '.join(rule.replace('_', ' ') for rule in alerts['open'])}")
    return "; ".join(said)


def _clock_time(text: str | None) -> str:
    return f"{datetime.fromisoformat(text or ''):%a %H:%M}"


def _steady() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)
