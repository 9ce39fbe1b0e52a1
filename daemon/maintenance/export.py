"""The history as Parquet, for whoever asks it what no page answers: one file for each table.

A folder of its own, which `export.json` marks as an export of this box: what else lies in a folder
is never written over. All files are made whole under hidden names, and then take their places.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from pathlib import Path

from classifier.bundle import load_bundle
from config.errors import NamedWrongly, RefusedError
from config.settings import Settings
from daemon.domain.forgetting import Job, Redaction
from daemon.folders.os_errors import printable, trouble
from daemon.folders.writing import replacing
from daemon.maintenance.export_tables import TABLES, ExportTable
from daemon.maintenance.parquet import ROWS_AT_ONCE, write_parquet
from daemon.reporting.periods import Period
from daemon.sorting.version_list import listed
from daemon.sorting.versions import Versions
from daemon.store import Store
from daemon.store.facts import PRESENCE
from daemon.store.mirrored import Key, Row, Table
from daemon.store.page_calls import page_calls

MARKER = "export.json"
BEGINNING = date(1970, 1, 1)  # no day before is asked for
_FORMAT = "nightsort export 1"
_PARTIAL = ".nightsort-"  # how the names begin of what is not whole yet
_OF_HISTORY: tuple[Table, ...] = ("corrections", "examples", "photos", "runs", "alerts")

Advance = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written, by the names of tables."""

    rows: dict[str, int]
    size_bytes: dict[str, int]


def file_of(folder: Path, table: str) -> Path:
    """Where a table belongs."""
    return folder / f"{table}.parquet"


def export(
    settings: Settings, folder: Path, period: Period | None, now: datetime, advance: Advance
) -> Exported:
    """Write all tables. now: in the zone of the period's days. advance: rows done, and in all.

    Raises NamedWrongly where that folder is not to be written to, RefusedError where there is no
    history, TransientError when a disk fails.
    """
    _require_apart(settings, folder)
    with closing(Store(settings.state_dir, reading=True)) as store:
        box = (store.facts.get(PRESENCE) or {}).get("instance", "")
        _require_ours(folder, box)
        with _made(folder):
            _require_ours(folder, box)  # nobody else writes there from here on
            # First, so that a forgetting knows of it whatever becomes of this.
            with closing(Store(settings.state_dir)) as noting:
                noting.facts.note_export(printable(os.path.realpath(folder)), now)
            return _write(_Source(settings, store, period, now.tzinfo), folder, box, now, advance)


class _Source:
    """The rows of all tables."""

    def __init__(
        self, settings: Settings, store: Store, period: Period | None, zone: tzinfo | None
    ) -> None:
        self._settings = settings
        self._store = store
        self.period = period
        self._zone = zone

    def total(self) -> int:
        """How many there are, about: the history's."""
        return self._store.mirrored.count()

    def rows(self, name: str, table: ExportTable) -> Iterator[Row]:
        """Those of a table that belong to the period."""
        for row in self._all(name):
            if not table.moment or self._holds(row[table.moment]):
                yield row

    def _holds(self, moment: str) -> bool:
        if self.period is None:
            return True
        day = datetime.fromisoformat(moment).astimezone(self._zone).date()
        return self.period.first <= day <= self.period.last

    def _all(self, name: str) -> Iterable[Row]:
        if name == "versions":
            return self._versions()
        if name == "api_calls":
            return page_calls(self._settings.state_dir)
        return self._history(next(one for one in _OF_HISTORY if one == name))

    def _history(self, table: Table) -> Iterator[Row]:
        """Page by page, so that nothing holds up who writes; without what is being forgotten."""
        after: Key | None = None
        while page := self._store.mirrored.rows_after(table, after, ROWS_AT_ONCE):
            after = page[-1]["id"]
            kept = _without(self._store.forgetting.under_way(), table, page)
            # A run's own columns win: what is called `started` there is so in its summary, too.
            yield from ({**row.get("summary", {}), **row} for row in kept)

    def _versions(self) -> Iterator[Row]:
        found = listed(Versions(self._settings.state_dir), load_bundle(self._settings.model_dir))
        for one in found["versions"]:
            yield {**one, "is_in_use": one["version"] == found["in_use"]}


def _without(jobs: list[Job], table: Table, rows: list[Row]) -> list[Row]:
    """The rows without the photos of which no trace shall be left, though some is, for now."""
    for job in jobs:
        about = {"photos": "id", "corrections": "photo", "examples": "photo"}.get(table)
        if table == "examples":
            hashes = {sha256 for one in job.photos for sha256 in one.own_hashes}
            rows = [row for row in rows if row["sha256"] not in hashes]
        if about is not None:
            rows = [row for row in rows if row[about] not in job.numbers]
        else:
            redaction = Redaction(job.names)
            rows = [redaction.of(row) for row in rows]
    return rows


def _write(source: _Source, folder: Path, box: str, now: datetime, advance: Advance) -> Exported:
    done, total, counts = 0, source.total(), dict[str, int]()

    def told(more: int) -> None:
        nonlocal done
        done += more
        advance(done, max(done, total))

    if not (folder / MARKER).exists():
        _mark(folder, {"format": _FORMAT, "box": box})
    with ExitStack() as files:
        for name, table in TABLES.items():
            file = files.enter_context(replacing(file_of(folder, name)))
            counts[name] = write_parquet(file, table, source.rows(name, table), told)
    _mark(folder, _said(source.period, box, now, counts))
    return Exported(counts, {name: file_of(folder, name).stat().st_size for name in TABLES})


def _said(
    period: Period | None, box: str, now: datetime, rows: dict[str, int]
) -> dict[str, object]:
    return {
        "format": _FORMAT,
        "box": box,
        "made": now.isoformat(timespec="seconds"),
        **span(period),
        "rows": rows,
    }


def span(period: Period | None) -> dict[str, str | None]:
    """Its first and last day; null where it is all there is."""
    first = None if period is None or period.first == BEGINNING else period.first.isoformat()
    return {"from": first, "to": None if period is None else period.last.isoformat()}


def _mark(folder: Path, said: dict[str, object]) -> None:
    with replacing(folder / MARKER) as file:
        file.write(f"{json.dumps(said, indent=2)}\n".encode("ascii"))


def _require_apart(settings: Settings, folder: Path) -> None:
    wanted = Path(os.path.realpath(folder))
    for key in ("incoming_dir", "sorted_dir", "results_dir", "state_dir", "model_dir"):
        place = getattr(settings, key)
        if place is not None and wanted.is_relative_to(os.path.realpath(place)):
            raise NamedWrongly(
                f"{printable(str(folder))}: lies in {key}, which is nightsort's own; name a folder "
                "outside of it"
            )


def _require_ours(folder: Path, box: str) -> None:
    """Raise NamedWrongly where something else lies there, or another box's export."""
    try:
        names = [one for one in folder.iterdir() if not one.name.startswith(_PARTIAL)]
    except FileNotFoundError:
        return
    except OSError as exc:
        raise NamedWrongly(
            f"{printable(str(folder))}: cannot be looked into ({exc.strerror}); name another folder"
        ) from exc
    if names and _owner_of(folder) != box:
        raise NamedWrongly(
            f"{printable(str(folder))}: holds what is no export of this box; name a new folder"
        )


def _owner_of(folder: Path) -> str | None:
    """The box whose export lies there; None where it is nobody's."""
    try:
        said = json.loads((folder / MARKER).read_text(encoding="ascii"))
        return str(said["box"]) if said["format"] == _FORMAT else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Make the folder if need be, and keep other exports out of it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as exc:
        raise trouble(exc, str(folder)) from exc
    try:
        _lock(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        raise RefusedError(
            f"{printable(str(folder))}: another export is written there; wait for it"
        ) from exc
