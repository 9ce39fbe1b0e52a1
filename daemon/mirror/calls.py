"""Calls of the API in PostgreSQL, added up by hour; no name of a key or a person.

They lie in the page's own database, which no change feed follows. But an hour's only become more:
so the newest hour is read again, and what the page has let go of by now stays there.
"""

from __future__ import annotations

import time
from contextlib import closing
from datetime import datetime
from itertools import islice
from pathlib import Path

import structlog

from config.errors import RefusedError
from daemon.mirror import tables
from daemon.mirror.postgres import Postgres
from daemon.store.page_calls import page_calls

log = structlog.get_logger()

CALLS_SECONDS = 60.0
_ROWS_AT_ONCE = 5_000  # far more than one hour has


class Calls:
    """Of one station; for the thread that has the connection."""

    def __init__(
        self,
        station: str,
        state_dir: Path,
        rows_at_once: int = _ROWS_AT_ONCE,
        pause_seconds: float = CALLS_SECONDS,
    ) -> None:
        self._station = station
        self._state_dir = state_dir
        self._most = rows_at_once
        self._pause_seconds = pause_seconds
        self._at = float("-inf")
        self._since = 0.0  # the newest hour that was copied
        self._why = ""  # they could not be read; empty where they could

    def begin_anew(self) -> None:
        """Copy all of them the next time: nobody knows what is there."""
        self._at, self._since = float("-inf"), 0.0

    def step(self, postgres: Postgres) -> None:
        """Copy what came, where that is due. Raises MirrorFailed."""
        if time.monotonic() - self._at < self._pause_seconds:
            return
        try:
            while self._copy(postgres):
                pass
        except RefusedError as exc:  # the history is copied all the same
            if str(exc) != self._why:
                log.warning("calls_not_copied", why=str(exc))
            self._why = str(exc)
        else:
            self._why = ""
        self._at = time.monotonic()

    def _copy(self, postgres: Postgres) -> bool:
        """Copy some from the newest hour on; whether there are more."""
        with closing(page_calls(self._state_dir, self._since)) as found:
            rows = list(islice(found, self._most))
        if not rows:
            return False
        tables.write_calls(postgres, self._station, rows)
        before = self._since
        self._since = datetime.fromisoformat(rows[-1]["hour"]).timestamp()
        return len(rows) == self._most and self._since > before
