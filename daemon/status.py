"""Status: a small file that the daemon keeps, and what `nightsort status` reads from it.

The file answers at once, also when the daemon hangs or is down, and without opening the database;
whether the daemon lives is read off its lock and the age of the file.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from daemon.lock import held_seconds, is_held, no_look_at
from daemon.words import count, outcomes

STATUS = "status.json"
WRITE_SECONDS = 5.0
# The daemon writes every few seconds; after this long without a word it hangs.
SILENCE_SECONDS = 30.0
# Before its first word it may check, or mend, a database of millions of photos.
START_SECONDS = 300.0

Document = dict[str, Any]

HEALTHY, DEGRADED, NOT_RUNNING = 0, 1, 3

_KEYS = (
    "state", "share", "watch", "queue", "window", "forecast", "last_run", "week", "model", "disk",
    "alerts", "problems",
)  # fmt: skip


class StatusFile:
    """Keeps the file, written when something changed or it grows old."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / STATUS
        self._written: Document = {}
        self._written_at = float("-inf")

    def tell(self, document: Document) -> None:
        """Note how things are. A status that cannot be written must not stop the sorting."""
        now = _steady()
        if document == self._written and now - self._written_at < WRITE_SECONDS:
            return
        partial = self._path.with_suffix(".part")
        with suppress(OSError):
            partial.write_text(json.dumps(document | {"steady": now}), encoding="utf-8")
            partial.chmod(0o640)
            partial.replace(self._path)
            self._written, self._written_at = document, now


def read(state_dir: Path) -> tuple[Document, int]:
    """How things are, and the exit code that says so.

    Raises RefusedError for a user who may not look.
    """
    document = _last_words(state_dir)
    silent = _steady() - document.pop("steady", float("-inf"))
    if not is_held(state_dir):
        problem = "nightsort is not running; start it with systemctl start nightsort"
        stale = dict.fromkeys(("share", "watch", "window", "forecast"))
        return document | stale | {"state": "not running", "problems": [problem]}, NOT_RUNNING
    if silent > SILENCE_SECONDS and held_seconds(state_dir) < min(silent, START_SECONDS):
        document |= {"state": "starting", "problems": ["it is starting; ask again in a moment"]}
    elif silent > SILENCE_SECONDS:
        problem = "the daemon has said nothing for a while and seems to hang; restarting it is safe"
        document |= {"state": "hangs", "problems": [problem, *document["problems"]]}
    return document, DEGRADED if document["problems"] else HEALTHY


def in_words(document: Document) -> str:
    """The status for people: one screen."""
    rows = [("State", document["state"])]
    rows += [("Problem", problem) for problem in document["problems"]]
    rows += [(f"{name} folder", _folder_words(said)) for name, said in _folders(document)]
    for title, describe, key in (
        ("Watching", _watch_words, "watch"),
        ("Queue", _queue_words, "queue"),
        ("Window", _window_words, "window"),
        ("Forecast", lambda forecast: forecast["text"], "forecast"),
        ("Last run", _run_words, "last_run"),
        ("This week", _week_words, "week"),
        ("Model", str, "model"),
        ("Free disk", _disk_words, "disk"),
        ("Alerts", _alert_words, "alerts"),
    ):
        if document[key] is not None:
            rows.append((title, describe(document[key])))
    width = max(len(title) for title, _ in rows) + 2
    return "\n".join(f"{title.capitalize():<{width}}{text}" for title, text in rows)


def in_one_line(document: Document) -> str:
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


def _last_words(state_dir: Path) -> Document:
    empty: Document = dict.fromkeys(_KEYS) | {"state": "unknown", "problems": []}
    try:
        written = json.loads((state_dir / STATUS).read_text(encoding="utf-8"))
    except PermissionError:
        raise no_look_at(state_dir) from None
    except (OSError, ValueError):
        return empty
    return empty | written if isinstance(written, dict) else empty


def _folders(document: Document) -> Iterable[tuple[str, str]]:
    return (document["share"] or {}).items()


def _folder_words(said: str) -> str:
    return said if said == "available" else "unavailable"  # a problem above says why


def _watch_words(watch: dict[str, Any]) -> str:
    kinds = {"junk": "junk", "not_a_photo": "not photos", "special": "links or special files"}
    ignored = [f"{n} {kinds.get(kind, kind)}" for kind, n in watch["ignored"].items() if n]
    left_out = f"; left alone: {', '.join(ignored)}" if ignored else ""
    return f"{watch['mode']} ({watch['why']}){left_out}"


def _queue_words(queue: dict[str, int]) -> str:
    retrying = f", {queue['retrying']:,} of them for a new try" if queue["retrying"] else ""
    return f"{queue['waiting']:,} waiting{retrying}; {queue['settling']:,} still being written"


def _window_words(window: dict[str, Any]) -> str:
    if window["mode"] != "window":
        return str(window["mode"])
    if window["open"]:
        return f"open until {_clock_time(window['closes'])}"
    return f"opens {_clock_time(window['opens'])}, closes {_clock_time(window['closes'])}"


def _run_words(run: dict[str, Any]) -> str:
    ended = f"{datetime.fromisoformat(run['finished']):%a %d %b %H:%M}"
    return f"{run['run']}, ended {ended}: {outcomes(run)}, {run['deferred']:,} left waiting"


def _week_words(week: dict[str, int]) -> str:
    if week["runs"] == 0:
        return "no run since Monday"
    return f"{count(week['runs'], 'run')}: {outcomes(week)}"


def _disk_words(disk: dict[str, int]) -> str:
    return ", ".join(f"{name} {free / 1000:.1f} GB" for name, free in disk.items())


def _alert_words(alerts: dict[str, Any]) -> str:
    if not alerts.get("targets"):
        return "nobody is told of trouble; set [alerts] targets"
    said = [count(alerts["targets"], "target")]
    kinds = {"delivered": "delivered", "undelivered": "on the way", "given_up": "given up"}
    said += [f"{alerts[key]:,} {words}" for key, words in kinds.items() if alerts.get(key)]
    if alerts.get("open"):
        said.append(f"open: {', '.join(rule.replace('_', ' ') for rule in alerts['open'])}")
    return "; ".join(said)


def _clock_time(text: str) -> str:
    return f"{datetime.fromisoformat(text):%a %H:%M}"


def _steady() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)
