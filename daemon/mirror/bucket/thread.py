"""The bucket's thread: copies as long as the service runs, and tries again for ever.

It has a connection of its own to the store, and nobody waits for it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress

from config.mirror import MirrorSettings
from config.settings import Settings
from daemon.domain.clock import Clock
from daemon.domain.status import BucketStatus
from daemon.domain.status_words import Problem
from daemon.mirror.attempts import Attempts
from daemon.mirror.bucket.client import Bucket, connect
from daemon.mirror.bucket.copier import COMPARE_SECONDS, Copier
from daemon.mirror.bucket.sources import Sources
from daemon.mirror.bucket.troubles import Troubles
from daemon.store import Store
from daemon.store.bucket_copies import BUCKET

TURN_SECONDS = 2.0
_LOWEST_PRIORITY = 19
# Between two counts: of a million copies one takes a good part of a second.
_COUNT_SECONDS = 60.0


class BucketThread:
    """Keeps the bucket of one service."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        opened: Callable[[MirrorSettings], Bucket] = connect,
        *,
        is_service: bool = True,
    ) -> None:
        """opened: reaches the bucket that the settings name.

        is_service: else the process ends with its run, and the next service copies what it did.
        """
        self._settings = settings
        self._clock = clock
        self._opened = opened
        self._is_service = is_service
        self._attempts = Attempts("bucket", settings.mirror.station)
        self._troubles = Troubles(clock)
        self._compared_at = self._counted_at = float("-inf")
        self._copies = 0
        self.figures: BucketStatus | None = None  # None: there is to be none; for any thread
        if settings.mirror.has_bucket and is_service:
            self.figures = self._figures(0, 0)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Copy until the end of the `with` block, where there is to be a bucket."""
        if not self._is_service:
            yield
            return
        if not self._settings.mirror.has_bucket:
            with closing(Store(self._settings.state_dir)) as store:
                store.changes.unfollow(BUCKET)  # else everything would be kept for it
            yield
            return
        with self._attempts.kept(self._serve, self._failed):
            yield

    # --- the thread ------------------------------------------------------------------------------

    def _serve(self) -> None:
        with suppress(OSError):  # a hardened unit forbids even that
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWEST_PRIORITY)
        with closing(Store(self._settings.state_dir)) as store:
            self._tell(store, store.bucket.waiting(), self._attempts.failure or None)
            age = self._clock.steady() - self._compared_at
            copier = copier_of(
                self._settings,
                store,
                self._opened(self._settings.mirror),
                self._clock,
                is_compared=age < COMPARE_SECONDS,
                troubles=self._troubles,
            )
            while not self._attempts.is_over:
                has_copied = copier.step()
                # What was refused before may be the next thing to be done.
                if not copier.is_comparing and not self._troubles:
                    self._attempts.resumed()
                # What could not be compared is tried again after the next outage.
                self._compared_at = float("-inf") if copier.problem else copier.compared_at
                why = self._troubles.why or self._attempts.failure or copier.problem
                self._tell(store, copier.waiting, why or None)
                if not has_copied:
                    self._attempts.rest(TURN_SECONDS)

    def _failed(self, why: Problem) -> None:
        if self.figures is not None:
            self.figures = {**self.figures, "why": why}

    def _tell(self, store: Store, waiting: int, why: Problem | None = None) -> None:
        now = self._clock.steady()
        if now >= self._counted_at + _COUNT_SECONDS:
            self._copies, self._counted_at = store.bucket.count(), now
        self.figures = self._figures(self._copies, waiting, why)

    def _figures(self, copies: int, waiting: int, why: Problem | None = None) -> BucketStatus:
        station = self._settings.mirror.station or ""
        return {"station": station, "copies": copies, "waiting": waiting, "why": why}


def copier_of(
    settings: Settings,
    store: Store,
    bucket: Bucket,
    clock: Clock,
    *,
    is_compared: bool = False,
    troubles: Troubles | None = None,
) -> Copier:
    """What copies as the settings say. Raises as `Copier` does."""
    assert settings.mirror.station is not None
    return Copier(
        store,
        bucket,
        settings.mirror.station,
        Sources(settings),
        clock,
        is_compared=is_compared,
        troubles=troubles,
    )
