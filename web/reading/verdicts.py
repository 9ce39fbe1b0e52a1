"""The model as the daemon and `nightsort classify` judge with it, and whether the daemon sorts now.

The version in use is looked up in the state folder, so predictions need no daemon. Importing this
loads NumPy: only what predicts does, when it predicts for the first time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from classifier.bundle import CARD
from classifier.classifier import Classifier
from config.errors import ModelError, RefusedError
from config.settings import Settings
from daemon.sorting.model_slot import Classifying, ModelSlot
from daemon.sorting.versions import FOLDER, IN_USE, load_classifier, load_instead

__all__ = ["Leased", "ModelInUse"]

log = structlog.get_logger()

# A model that was refused is tried again after so long, or when another is adopted.
AGAIN_SECONDS = 10.0
# The best five are named: the category and these.
RUNNERS_UP = 4

# By what a file is known to be the same as before.
_Mark = tuple[int, int, int] | None


@dataclass(frozen=True, slots=True)
class Leased:
    """A copy of the model, for one thread."""

    model: Classifying
    generation: int  # another one for each model that is loaded


class ModelInUse:
    """Copies of the model in use; one that is adopted takes its place by itself."""

    def __init__(
        self, settings: Settings, copies: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Nothing is loaded before it is needed."""
        self._settings = settings
        self._copies = copies
        self._clock = clock
        self._changing = threading.Lock()
        self._slot: ModelSlot | None = None
        self._marks: tuple[_Mark, ...] | None = None
        self._tried_at = 0.0
        self._problem = ""
        self._generation = 0
        self.base = ""  # the title of the bundle

    @contextmanager
    def lease(self) -> Iterator[Leased]:
        """A copy, for the calling thread until the end of the `with` block.

        Raises ModelError when there is none that can be trusted.
        """
        slot = self.current()
        generation = self._generation  # not later: what an older copy says is not the newer one's
        with slot.lease() as copy:
            yield Leased(copy, generation)

    def current(self) -> ModelSlot:
        """The slot, with the model that is to be used now. Raises ModelError."""
        is_first = self._slot is None
        # Beside a model in use, one thread loads the next, and the others go on.
        if (is_first or self._is_due()) and self._changing.acquire(blocking=is_first):
            try:
                if self._is_due():
                    self._change()
            finally:
                self._changing.release()
        if self._slot is None:
            raise ModelError(self._problem)
        return self._slot

    def _is_due(self) -> bool:
        if self._look() != self._marks:
            return True
        return bool(self._problem) and self._clock() - self._tried_at >= AGAIN_SECONDS

    def _look(self) -> tuple[_Mark, ...]:
        files = [self._settings.state_dir / FOLDER / IN_USE]
        if self._settings.model_dir is not None:
            files.append(self._settings.model_dir / CARD)
        return tuple(map(_mark, files))

    def _change(self) -> None:
        self._marks, self._tried_at = self._look(), self._clock()
        if self._slot is not None:
            self._problem = self._slot.change()
        else:
            self._begin()
        if not self._problem:
            self._generation += 1

    def _begin(self) -> None:
        try:
            self._slot = ModelSlot(self._load, self._copies, self._load_instead)
        except ModelError as exc:
            self._problem = str(exc)
            log.error("predictions_without_model", why=self._problem)
        else:
            self._problem = self._slot.problem  # of a version that another stands in for
            log.info("predictions_ready", model=self._slot.model.title)

    def _load(self) -> Classifier:
        try:
            found = load_classifier(self._settings, RUNNERS_UP)
        except RefusedError as exc:
            raise ModelError(str(exc)) from exc
        self.base = found.bundle.card.title
        return found

    def _load_instead(self) -> Classifier:
        """As the daemon does where the version in use cannot be trusted."""
        found = load_instead(self._settings, RUNNERS_UP)
        self.base = found.bundle.card.title
        return found


def _mark(file: Path) -> _Mark:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
