"""Admission: what the watcher sights goes through intake into the queue, by one path.

Events, rescans and start-up all come this way, so that nothing is taken before it is settled, and
nothing is queued twice.
"""

from __future__ import annotations

from daemon.clock import Clock
from daemon.intake import Intake
from daemon.records import Fingerprint
from daemon.store import Store
from daemon.tree import Tree
from daemon.trouble import REFUSED, trouble
from daemon.watcher import Watcher
from daemon.writers import file_has_writers

SIGHTINGS_AT_ONCE = 2000


class Admission:
    """Takes files in as they settle."""

    def __init__(
        self, incoming: Tree, watcher: Watcher, store: Store, clock: Clock, settle_seconds: float
    ) -> None:
        self._incoming = incoming
        self._watcher = watcher
        self._store = store
        self._clock = clock
        self._settle_seconds = settle_seconds
        self._intake = Intake(settle_seconds)

    @property
    def settling(self) -> int:
        """Files that were seen and may still be written to."""
        return len(self._intake)

    def take_in(self) -> None:
        """Sightings to intake, settled files to the queue.

        Raises TransientError when the folder does not answer.
        """
        now = self._clock.steady()
        room = min(self._intake.room, SIGHTINGS_AT_ONCE)
        for sighting in self._store.unknown(self._watcher.sightings(room) if room else []):
            self._intake.observe(sighting, now)
        settled = self._intake.settled(now, self._look, self._is_still_open)
        if settled:
            in_order = sorted(settled, key=lambda sighting: sighting.path)
            self._store.admit(in_order, self._clock.now())

    def look_afresh(self) -> None:
        """Look at all of incoming again, and try again what waits for its retry."""
        self._store.retry_now()
        self._watcher.rescan()

    def is_settling(self) -> bool:
        """Whether a file is still to be seen, is being written, or was written to in hand."""
        now = self._clock.steady()
        retry = self._store.next_retry(now)
        changed_in_hand = retry is not None and retry <= now + self._settle_seconds
        return self._watcher.scanning or self.settling > 0 or changed_in_hand

    def next_due(self) -> float | None:
        """When the next file may be settled, in steady seconds."""
        return self._intake.next_due()

    def _look(self, path: str) -> Fingerprint | None:
        try:
            return self._incoming.fingerprint(path)
        except OSError as exc:
            if exc.errno in REFUSED:
                return None  # one folder that may not be entered; a look finds it when it may
            raise trouble(exc, self._incoming.full(path)) from exc

    def _is_still_open(self, path: str) -> bool:
        # Where it cannot be told, quiet time alone decides.
        return file_has_writers(self._incoming, path) is True
