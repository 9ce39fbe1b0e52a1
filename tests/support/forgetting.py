"""A shop that forgets photos, and a search of all that lies in its folders for traces of them."""

from __future__ import annotations

import gzip
import re
import sqlite3
import zipfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from typing import Any

from daemon.domain.forgetting import Job, Receipt
from daemon.domain.orders import Forget, Speaker
from daemon.maintenance.forgetting import Forgetter
from daemon.maintenance.reconcile import Reconciler
from daemon.reporting.report_thread import ReportThread
from daemon.reporting.report_updater import ReportUpdater
from daemon.service.forgetting import ForgetOrders
from tests.support.core import Core
from tests.support.shop import Shop

SOMEBODY = Speaker("Petra Schmidt")

_DIGEST = re.compile(rb"\b[0-9a-f]{32,}\b")


class AtOnce(ReportThread):
    """Makes what is asked for at once."""

    def __init__(self, updater: Callable[[], ReportUpdater]) -> None:
        self._updater = updater

    def make(self, work: Any) -> Future[Any]:
        made: Future[Any] = Future()
        try:
            made.set_result(work(self._updater()))
        except Exception as exc:  # noqa: BLE001 - whoever asked is told
            made.set_exception(exc)
        return made

    def spoken(self) -> None:
        """Nobody waits."""


def forgetter_of(core: Core) -> Forgetter:
    """Forgets in a core."""
    return Forgetter(core.store, core.trees, core.seeker, core.settings(), core.clock)


def orders_of(core: Core, updater: Callable[[], ReportUpdater]) -> ForgetOrders:
    """Has a core forget."""
    return forgetting(core, AtOnce(updater))


def forgetting(core: Core, reports: ReportThread) -> ForgetOrders:
    """Has a core forget, with these reports."""
    return ForgetOrders(forgetter_of(core), reports, core.state, lambda: None)


class ForgettingShop(Shop):
    """Nights, and photos that are to be forgotten."""

    updater: Callable[[], ReportUpdater]

    def forget(self, what: str) -> Receipt:
        """As `nightsort forget --yes`."""
        meant = self.store.traces.meant(what)
        order = Forget(what, tuple(story.id for story in meant.stories))
        return orders_of(self, self.updater).carry_out(order, SOMEBODY).result()

    def resume(self) -> list[Job]:
        """As the next start; what is left under way then."""
        orders_of(self, self.updater).resume()
        return self.store.forgetting.under_way()

    def reconciler(self) -> Reconciler:
        return Reconciler(self.store, self.trees, self.seeker, self.clock, forgetter_of(self))


def traces(folders: Iterable[Path], *needles: str | bytes, but: str = "backups") -> list[str]:
    """Where any of these stands: in a name, in the bytes of a file, in a row of a database.

    Compressed files are looked into. but: a folder that is left out.
    """
    sought = [one.encode() if isinstance(one, str) else one for one in needles]
    found = []
    for path in (path for folder in folders for path in sorted(folder.rglob("*"))):
        if but in path.parts:
            continue
        where = [str(path).encode(), *(_contents(path) if path.is_file() else ())]
        found += [
            f"{path}: {one.decode(errors='replace')[:60]}"
            for one in sought
            if any(one in _without_digests(part, one) for part in where)
        ]
    return found


def _without_digests(text: bytes, sought: bytes) -> bytes:
    """A short number may stand by chance in a digest that is written in hex."""
    return text if len(sought) >= 32 else _DIGEST.sub(b"", text)


def _contents(path: Path) -> Iterator[bytes]:
    yield path.read_bytes()
    if path.suffix == ".gz":
        yield gzip.decompress(path.read_bytes())
    elif path.suffix in (".xlsx", ".npz"):
        with zipfile.ZipFile(path) as book:
            yield from (book.read(name) for name in book.namelist())
    elif path.suffix == ".db":
        yield from _rows(path)


def _rows(path: Path) -> Iterator[bytes]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        tables = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        for (table,) in tables:
            for row in db.execute(f"SELECT * FROM {table}"):
                yield b"|".join(one if isinstance(one, bytes) else str(one).encode() for one in row)
