"""The store: every photo's state, every run, in one SQLite database on the box's local disk.

The only package that speaks SQL. A photo's row is its place in the queue, then the intention of its
move (written durably before the first byte moves), then its line in the history: one row from
admission to the end, so that nothing can be counted twice. One `Store` belongs to one thread.
"""

from __future__ import annotations

from daemon.store.alerts import LONGEST_WAIT, Alerts, Delivery, Failing
from daemon.store.database import DATABASE, is_free, swapping
from daemon.store.filing import Filing
from daemon.store.keeping import Keeping
from daemon.store.queue import LONGEST_RETRY_SECONDS
from daemon.store.recall import Found, Recall, Recalled
from daemon.store.rows import Intention, Waiting
from daemon.store.runs import RUN_UNTOLD, Runs
from daemon.store.schema import SCHEMA_VERSION

__all__ = [
    "DATABASE",
    "LONGEST_RETRY_SECONDS",
    "LONGEST_WAIT",
    "RUN_UNTOLD",
    "SCHEMA_VERSION",
    "Delivery",
    "Failing",
    "Found",
    "Intention",
    "Recalled",
    "Store",
    "Waiting",
    "is_free",
    "swapping",
]


class Store(Runs, Filing, Recall, Keeping, Alerts):
    """The state of one instance; what a method writes is durable unless it says otherwise.

    Every method raises TransientError, and has then changed nothing, while the disk of the
    database is full or fails.
    """
