"""The mirror's thread: follows the store as long as the service runs, and tries again for ever.

It has a connection of its own to the store, and nobody waits for it: whatever becomes of the other
side, sorting goes on, and what was not copied yet is copied later.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import structlog

from config.mirror import FleetSettings, MirrorSettings
from config.units import duration
from config.variables import credential
from daemon.domain.status import LiveStatus, MirrorStatus
from daemon.domain.status_words import Problem, problem
from daemon.mirror.attempts import Attempts
from daemon.mirror.calls import Calls
from daemon.mirror.copier import Copier
from daemon.mirror.exchange import Exchange
from daemon.mirror.postgres import connect
from daemon.mirror.saying import Saying
from daemon.store import Store
from daemon.store.mirrored import MIRROR

log = structlog.get_logger()

TURN_SECONDS = 2.0
# A server that is there and does not answer is told, too; it is waited for all the same.
SILENCE_SECONDS = 120.0


def address_of(settings: MirrorSettings | FleetSettings) -> str:
    """The connection string. Raises ConfigError where its credential is not there."""
    if settings.postgres_credential is not None:
        return credential(settings.postgres_credential)
    assert settings.postgres is not None
    return settings.postgres.get_secret_value()


class MirrorThread:
    """Keeps the mirror of one service."""

    def __init__(
        self,
        settings: MirrorSettings,
        state_dir: Path,
        *,
        saying: Saying | None = None,
        is_service: bool = True,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        """saying: what this station says of itself there; None: nothing.

        is_service: else the process ends with its run, and the next service copies what it did.
        silence_seconds: after which a server that does not answer fails, as people see it.
        """
        self._settings = settings
        self._state_dir = state_dir
        self._saying = saying
        self._exchange = Exchange(
            settings.station or "", state_dir, is_wanted=settings.fetch_versions
        )
        self._calls = Calls(settings.station or "", state_dir)
        self._is_service = is_service
        self._attempts = Attempts("postgres", settings.station)
        self._silence_seconds = silence_seconds
        self._asked_at: float | None = None  # since when an answer is waited for
        self._figures: MirrorStatus | None = None
        if settings.has_postgres and is_service:
            self._figures = {"station": settings.station or "", "waiting": 0, "why": None}

    @property
    def figures(self) -> MirrorStatus | None:
        """How far it is, None where there is to be no mirror; for any thread."""
        figures, asked_at = self._figures, self._asked_at
        if figures is None or asked_at is None or figures["why"] is not None:
            return figures
        if time.monotonic() - asked_at < self._silence_seconds:
            return figures
        patience = duration(self._silence_seconds, digits=0)
        return {**figures, "why": problem("postgres_silent", span=patience)}

    def tell(self, document: LiveStatus) -> None:
        """Take the newest status, to be said there; for any thread."""
        if self._saying is not None:
            self._saying.take(document)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Copy until the end of the `with` block, where there is to be a mirror."""
        if not self._is_service:
            yield
            return
        if not self._settings.has_postgres:
            with closing(Store(self._state_dir)) as store:
                store.changes.unfollow(MIRROR)  # else everything would be kept for it
            yield
            return
        with self._attempts.kept(self._serve, self._failed):
            yield

    # --- the thread ------------------------------------------------------------------------------

    def _serve(self) -> None:
        with closing(Store(self._state_dir)) as store:
            self._tell(store, self._attempts.failure or None)
            with closing(connect(address_of(self._settings))) as postgres:
                assert self._settings.station is not None
                with self._waiting_for_answers():
                    copier = Copier(store, postgres, self._settings.station)
                self._attempts.resumed()
                while not self._attempts.is_over:
                    was_filling = copier.filling
                    with self._waiting_for_answers():
                        has_copied = copier.step()
                        if self._saying is not None:
                            self._saying.say(copier, store)
                        self._exchange.step(postgres, store)
                        if copier.filling is None:
                            self._calls.step(postgres)
                        else:  # one side was put back, or somebody asked
                            self._calls.begin_anew()
                    self._tell(store)
                    if was_filling and copier.filling is None:
                        log.info("mirror_filled", station=self._settings.station)
                    if not has_copied:
                        self._attempts.rest(TURN_SECONDS)

    @contextmanager
    def _waiting_for_answers(self) -> Iterator[None]:
        self._asked_at = time.monotonic()
        try:
            yield
        finally:
            self._asked_at = None

    def _failed(self, why: Problem) -> None:
        if self._figures is not None:
            self._figures = {**self._figures, "why": why}

    def _tell(self, store: Store, why: Problem | None = None) -> None:
        self._figures = {
            "station": self._settings.station or "",
            "waiting": store.mirrored.waiting(),
            "why": why,
        }
