"""Promotions: a version that head office offers is compared here, as a lesson of nobody's.

So it gives way to sorting and to people, is begun again after a stop, and its comparison is shown
with the others.
"""

from __future__ import annotations

from pathlib import Path

from classifier.learning.document import LessonDocument
from daemon.domain.clock import Clock
from daemon.domain.lessons import Lesson, Wanted
from daemon.domain.promotions import Promoted
from daemon.store import Store

_TRY_AGAIN_SECONDS = 3600.0


class Promotions:
    """Has what came compared, once. For the loop's thread."""

    def __init__(self, store: Store, clock: Clock, file: Path) -> None:
        """file: where what came lies."""
        self._store = store
        self._clock = clock
        self._file = file
        self._try_at = float("-inf")  # steady seconds

    def due(self) -> Lesson | None:
        """A comparison that waits from now on, where one is due and no lesson is under way."""
        promoted = self._store.promoted.known()
        if promoted is None or promoted["state"] != "came" or self._clock.steady() < self._try_at:
            return None
        if not self._file.exists():  # after a restored backup it is fetched once more
            return None
        self._store.lessons.ask(Wanted(promoted=promoted["name"]), None, self._clock.now())
        return self._store.lessons.under_way()

    def put_off(self) -> None:
        """It failed, or somebody cancelled it: not again for a while."""
        self._try_at = self._clock.steady() + _TRY_AGAIN_SECONDS

    def is_offered(self, lesson: Lesson, sha256: str) -> bool:
        """Whether what a lesson compared is still offered; one of our own needs no offer.

        sha256: of the file that was compared.
        """
        if not lesson.wanted.promoted:
            return True
        promoted = self._store.promoted.known()
        return promoted is not None and (promoted["state"], promoted["sha256"]) == ("came", sha256)

    def concluded(self, lesson: Lesson, document: LessonDocument, sha256: str) -> None:
        """Remember what came of it, where it was one; withdrawn, it matters if it was adopted."""
        if not lesson.wanted.promoted:
            return
        while (promoted := self._store.promoted.known()) and promoted["sha256"] == sha256:
            if promoted["state"] != "came" and not document["adopted"]:
                return
            over: Promoted = {
                **promoted,
                "state": "over",
                "judgement": document["judgement"],
                "why": document["why"],
                "adopted": document["adopted"],
            }
            if self._store.promoted.replace(promoted, over, self._clock.now()):
                return  # else it has changed meanwhile, and is looked at once more
