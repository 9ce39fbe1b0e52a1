"""Photos and what was said of them, from the history: looked at, never written.

Each request has it for itself; `web.reading.open_histories` keeps it open for the next one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from config.errors import ConfigError, RefusedError, StoreDamaged
from daemon.domain.corrections import Correction, Word
from daemon.domain.photos import Story, as_text
from daemon.store import Store
from web.problems import Problem, busy
from web.reading.open_histories import HISTORIES

__all__ = [
    "Correction", "Seen", "Store", "Story", "Word", "as_text", "history", "history_if_any", "photo",
    "seen",
]  # fmt: skip

_OLDER = "the history is of an older nightsort; it is brought up to this one when the daemon starts"
# States in which a photo lies in sorted_dir, and is one that a decoder has read before.
_SHOWN = frozenset({"filed", "review", "retake", "duplicate"})


@dataclass(frozen=True, slots=True)
class Seen:
    """One photo, and what people said of it, oldest first."""

    story: Story
    words: tuple[Correction, ...]

    @property
    def said(self) -> int:
        """The number of the last word on it; 0 while there is none."""
        return self.words[-1].id if self.words else 0

    @property
    def decision(self) -> Correction | None:
        """The word that holds now; None while it waits for one, or needs none."""
        last = self.words[-1] if self.words else None
        return None if last is None or self.story.state == "review" else last

    @property
    def is_shown(self) -> bool:
        """Whether there is a picture to show of it."""
        return self.story.state in _SHOWN


@contextmanager
def history(state_dir: Path) -> Iterator[Store]:
    """The history until the end of the `with` block. Raises Problem 503 where there is none."""
    with ExitStack() as held:
        try:
            store = held.enter_context(HISTORIES.of(state_dir))
            is_of_today = store.is_of_today()  # also of one that was opened before an upgrade
        except RefusedError as exc:
            raise busy(_told(exc, state_dir), 30, "no_history") from exc
        except (ConfigError, StoreDamaged) as exc:
            raise busy(_told(exc, state_dir), 30, "unavailable") from exc
        if not is_of_today:
            raise busy(_OLDER, 30, "unavailable")
        try:
            yield store
        except StoreDamaged as exc:
            raise busy(_told(exc, state_dir), 30, "unavailable") from exc


@contextmanager
def history_if_any(state_dir: Path) -> Iterator[Store | None]:
    """As `history`; None while nothing was ever sorted."""
    with ExitStack() as held:
        store = None
        try:
            store = held.enter_context(history(state_dir))
        except Problem as problem:
            if problem.code != "no_history":
                raise
        yield store


def _told(error: Exception, state_dir: Path) -> str:
    """What is wrong; where that lies on this machine is not for whoever asks."""
    return str(error).replace(str(state_dir), "state_dir")


def photo(state_dir: Path, number: int) -> Seen:
    """The photo of that number. Raises Problem 404, 503."""
    with history(state_dir) as store:
        return seen(store, number)


def seen(store: Store, number: int) -> Seen:
    """The photo of that number, in a history that is open. Raises Problem 404."""
    found = known(store, number)
    if found is None:
        raise Problem(404, "not_found", f"there is no photo {number}")
    return found


def known(store: Store, number: int) -> Seen | None:
    """The same; None: there is none, or it was forgotten."""
    story = store.history.of_number(number)
    return None if story is None else Seen(story, tuple(store.corrections.of(number)))
