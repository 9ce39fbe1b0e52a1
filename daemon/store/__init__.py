"""The store: every photo's state, every run, in one SQLite database on the box's local disk.

The only package that speaks SQL. A photo's row is its place in the queue, then the intention of its
move (written durably before the first byte moves), then its line in the history: one row from
admission to the end, so that nothing can be counted twice. One `Store` belongs to one thread.
"""

from __future__ import annotations

from pathlib import Path

from daemon.store.admissions import Admissions
from daemon.store.ahead import Ahead
from daemon.store.alerts import Alerts
from daemon.store.arrivals import Arrival, Arrivals
from daemon.store.audit import Audit, begin_chain
from daemon.store.bucket_copies import BucketCopies
from daemon.store.changes import Change, Changes
from daemon.store.corrections import Corrections
from daemon.store.database import (
    DATABASE,
    PATIENCE_SECONDS,
    Database,
    is_free,
    keep_log,
    swapping,
    whole,
)
from daemon.store.deliveries import Deliveries, Delivery, Failing
from daemon.store.examples import Examples
from daemon.store.facts import Facts
from daemon.store.forgetting import Forgetting
from daemon.store.handovers import Handovers
from daemon.store.history import History
from daemon.store.intentions import Intentions
from daemon.store.lessons import Lessons
from daemon.store.looks import Looks
from daemon.store.mirrored import Mirrored
from daemon.store.promoted import PromotedVersion
from daemon.store.queue import LONGEST_RETRY_SECONDS, Queue
from daemon.store.recall import Found, Recall, Recalled
from daemon.store.removals import Removals
from daemon.store.retention import Retention
from daemon.store.returns import Returns
from daemon.store.rows import Intention, Waiting
from daemon.store.runs import Runs
from daemon.store.schema import SCHEMA_VERSION
from daemon.store.search import Search, Wanted, Whereabouts
from daemon.store.sights import Sights
from daemon.store.spot_checks import SpotChecks
from daemon.store.traces import Known, Meant, Traces
from daemon.store.version_copies import VersionCopies
from daemon.store.workbooks import Workbooks

__all__ = [
    "DATABASE",
    "LONGEST_RETRY_SECONDS",
    "SCHEMA_VERSION",
    "Admissions",
    "Ahead",
    "Alerts",
    "Arrival",
    "Arrivals",
    "Audit",
    "BucketCopies",
    "Change",
    "Changes",
    "Corrections",
    "Deliveries",
    "Delivery",
    "Examples",
    "Facts",
    "Failing",
    "Forgetting",
    "Found",
    "Handovers",
    "History",
    "Intention",
    "Intentions",
    "Known",
    "Lessons",
    "Looks",
    "Meant",
    "Mirrored",
    "PromotedVersion",
    "Queue",
    "Recall",
    "Recalled",
    "Removals",
    "Retention",
    "Returns",
    "Runs",
    "Search",
    "Sights",
    "SpotChecks",
    "Store",
    "Traces",
    "VersionCopies",
    "Waiting",
    "Wanted",
    "Whereabouts",
    "Workbooks",
    "is_free",
    "keep_log",
    "swapping",
    "whole",
]


class Store:
    """The state of one instance, in parts; what a method of one writes is durable, or says so.

    Every method raises TransientError, and has then changed nothing, while the disk of the
    database is full or fails.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        reading: bool = False,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        """Open the database, making it on first use; arguments and errors as `Database`'s."""
        self._db = Database(state_dir, reading=reading, patience_seconds=patience_seconds)
        self.audit = Audit(self._db)
        if not reading:
            begin_chain(self._db)
        self.facts = Facts(self._db)
        self.admissions = Admissions(self._db)
        self.queue = Queue(self._db)
        self.ahead = Ahead(self._db)
        self.arrivals = Arrivals(self._db)
        self.intentions = Intentions(self._db)
        self.runs = Runs(self._db)
        self.history = History(self._db)
        self.search = Search(self._db)
        self.corrections = Corrections(self._db)
        self.examples = Examples(self._db)
        self.lessons = Lessons(self._db)
        self.version_copies = VersionCopies(self._db)
        self.promoted = PromotedVersion(self._db)
        self.removals = Removals(self._db)
        self.returns = Returns(self._db)
        self.recall = Recall(self._db)
        self.spot_checks = SpotChecks(self._db)
        self.sights = Sights(self._db)
        self.looks = Looks(self._db)
        self.workbooks = Workbooks(self._db)
        self.retention = Retention(self._db)
        self.forgetting = Forgetting(self._db)
        self.traces = Traces(self._db)
        self.changes = Changes(self._db)
        self.mirrored = Mirrored(self._db)
        self.bucket = BucketCopies(self._db)
        self.alerts = Alerts(self._db)
        self.deliveries = Deliveries(self._db)
        self.handovers = Handovers(self._db)

    def is_of_today(self) -> bool:
        """Whether it has this version's form; one that is only read may be an older one's still."""
        return self._db.require_known_version() == SCHEMA_VERSION

    def end_looks(self) -> None:
        """Let what was asked and not read to its end go, so that the next question sees all."""
        self._db.end_looks()

    def close(self) -> None:
        """Close the database."""
        self._db.close()
