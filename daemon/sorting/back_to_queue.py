"""Photos that cannot be filed now go back to the queue, each with the reason for its wait."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from config.errors import PhotoProblem
from daemon.domain.clock import Clock
from daemon.domain.failures import retry_delay
from daemon.domain.photos import Fingerprint, Photo, as_text
from daemon.domain.sorting import Examined, Returned, Setback
from daemon.folders.tree import Tree
from daemon.store.queue import Queue

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Waits:
    """How long photos are waited for."""

    settle_seconds: float
    cut_off_seconds: float  # how long a photo cut off in the middle may wait for its rest


class BackToQueue:
    """Gives photos back to the queue."""

    def __init__(self, queue: Queue, incoming: Tree, clock: Clock, patience: Waits) -> None:
        self._queue = queue
        self._incoming = incoming
        self._clock = clock
        self._patience = patience

    def waits_for_its_rest(self, examined: Examined, run: str) -> bool:
        """Give a photo back that is cut off in the middle, unless it waited long enough."""
        if examined.problem is not PhotoProblem.TRUNCATED:
            return False
        photo = examined.photo
        waited = self._queue.cut_off_for(photo, self._clock.steady(), self._clock.boot)
        left = self._patience.cut_off_seconds - waited
        if left <= 0:
            return False
        self._queue.give_back(
            [photo],
            self._clock.steady() + min(retry_delay(photo.attempts), left),
            at=self._clock.now(),
            why="its end is missing",
        )
        log.info("photo_cut_off", **_about(photo, run), waited_s=round(waited))
        return True

    def give(self, look: Returned, run: str) -> None:
        """Give a photo back that could not be read, or changed, or is gone, or is to be judged."""
        photo, why, text = look.photo, look.why, look.text
        if why is Setback.OUTDATED:
            self._queue.judge_anew(photo)
            return
        steady = self._clock.steady()
        seen: Fingerprint | None = None
        if why is Setback.CHANGED:
            try:
                seen = self._incoming.fingerprint(photo.path)
            except OSError as exc:
                why, text = Setback.FAILED, exc.strerror or str(exc)
        if why is Setback.FAILED:
            retry_at = steady + retry_delay(photo.attempts)
            self._queue.give_back([photo], retry_at, at=self._clock.now(), why=text)
            log.warning("photo_not_readable_now", **_about(photo, run), why=text)
        elif seen is not None:
            self._queue.resettle(photo, seen, steady + self._patience.settle_seconds)
            log.info("photo_changed", **_about(photo, run))
        else:
            self._queue.gone([photo], run, self._clock.now())
            log.info("photo_gone", **_about(photo, run))


def _about(photo: Photo, run: str) -> dict[str, object]:
    """By what the log knows a photo of this run."""
    return {"run": run, "photo": photo.id, "name": as_text(photo.path)}
