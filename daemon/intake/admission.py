"""Admission: what the watcher sights goes through intake into the queue, by one path.

Events, rescans and start-up all come this way, so that nothing is taken before it is settled, and
nothing is queued twice.
"""

from __future__ import annotations

from dataclasses import replace

from daemon.domain.clock import Clock
from daemon.domain.left_alone import MOST_NAMED, Held, LeftAlone
from daemon.domain.photo_names import has_photo_extension
from daemon.domain.photos import Fingerprint, Sighting, as_text
from daemon.folders.open_writers import file_has_writers
from daemon.folders.os_errors import REFUSED, trouble
from daemon.folders.photo_files import content_is_photo
from daemon.folders.tree import Tree
from daemon.intake.settling import Intake
from daemon.intake.watcher import Watcher
from daemon.store import Store

SIGHTINGS_AT_ONCE = 2000
# Of photos that were put back into incoming, so many are looked for after each look at it.
_MOST_PUT_BACK = 500
_MOST_OTHERS = 10_000


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
        # Files without an extension whose content is no photo's, as they were then.
        self._others: dict[str, Fingerprint] = {}
        self._looks = 0  # after how many looks of the watcher the put back were looked for

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
        for sighting in self._store.admissions.unknown(
            self._watcher.sightings(room) if room else []
        ):
            if self._others.get(sighting.path) != sighting.fingerprint:
                self._intake.observe(sighting, now)
        if self._watcher.looks != self._looks:
            self._looks = self._watcher.looks
            self._end_put_back()
            self._others = {path: seen for path, seen in self._others.items() if self._look(path)}
        settled = self._intake.settled(now, self._look, self._is_still_open)
        settled = [sighting for sighting in settled if self._is_photo(sighting)]
        if settled:
            in_order = sorted(settled, key=lambda sighting: sighting.path)
            self._store.admissions.admit(in_order, self._clock.now())

    def left_alone(self, seconds: float) -> LeftAlone:
        """What lies in incoming and is not taken; of what still cannot be, that for so long."""
        seen = self._watcher.left_alone
        held = [
            Held(as_text(path), how_long)
            for path, how_long in self._intake.held(self._clock.steady(), seconds)
        ]
        held += self._store.queue.failing(self._clock.now(), seconds, MOST_NAMED)
        held.sort(key=lambda one: -one.seconds)
        return replace(
            seen,
            not_photos=seen.not_photos + len(self._others),
            names=(*map(as_text, self._others), *seen.names)[:MOST_NAMED],
            held=tuple(held[:MOST_NAMED]),
        )

    def _is_photo(self, sighting: Sighting) -> bool:
        """Whether a settled file is one; where its name does not say so, its content does."""
        path = sighting.path
        if has_photo_extension(path) or content_is_photo(self._incoming, path) is not False:
            self._others.pop(path, None)
            return True
        if len(self._others) < _MOST_OTHERS:
            self._others[path] = sighting.fingerprint
        return False

    def _end_put_back(self) -> None:
        """Leave alone only what is still there of the photos that people had put back."""
        left_alone = self._store.admissions.put_back(_MOST_PUT_BACK)
        if gone := [photo for photo, place in left_alone if self._look(place) is None]:
            self._store.admissions.end_put_back(gone)

    def look_afresh(self) -> None:
        """Look at all of incoming again, and try again what waits for its retry."""
        self._store.queue.retry_now()
        self._watcher.rescan()

    def is_settling(self) -> bool:
        """Whether a file is still to be seen, is being written, or was written to in hand."""
        now = self._clock.steady()
        retry = self._store.queue.next_retry(now)
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
