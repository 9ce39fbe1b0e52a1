"""What the review page shows of one photo: the picture, the guess, and what else it may be. Pure.

The keys 1 to 9 stand for the categories by likelihood; as the model tells of its best three only,
those that people name most come after them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from web.reading.photos import Correction, Seen, Story

MOST_KEYS = 9
_MOST_SURE = 99  # per cent; a hundred would sound like knowing


@dataclass(frozen=True, slots=True)
class Choice:
    """A category that a key stands for."""

    key: int
    category: str
    percent: int | None  # None: the model did not say


@dataclass(frozen=True, slots=True)
class Panel:
    """One photo, ready to be shown."""

    photo: Seen
    beside: Sequence[Story]  # the other photos of its return
    choices: Sequence[Choice]
    categories: Sequence[str]  # all, to search in

    @property
    def story(self) -> Story:
        """All that is known of the photo."""
        return self.photo.story

    @property
    def decision(self) -> Correction | None:
        """What was decided, where it does not wait any more."""
        return self.photo.decision

    @property
    def is_waiting(self) -> bool:
        """Whether a person is to decide."""
        return self.story.state == "review"

    @property
    def may_be_decided(self) -> bool:
        """Whether it waits, or was filed and nobody has said a word yet: a spot check, say."""
        is_unseen = self.story.state == "filed" and self.story.status == "success"
        return self.is_waiting or (is_unseen and not self.photo.words)

    @property
    def sure(self) -> int | None:
        """How sure the guess is, in per cent."""
        return _percent(self.story.confidence)

    @property
    def since(self) -> datetime | None:
        """Since when it waits, on this machine's clock."""
        at = self.story.recorded_at
        return datetime.fromisoformat(at).astimezone() if at else None

    @property
    def runner_up(self) -> str:
        """The second guess; empty where there is none."""
        return self.story.alternatives[0].category if self.story.alternatives else ""


def panel(
    photo: Seen, beside: Sequence[Story], usual: Iterable[str], categories: Sequence[str]
) -> Panel:
    """What is shown of this photo. usual: what people named most of late."""
    return Panel(photo, beside, choices(photo.story, usual, categories), categories)


def choices(story: Story, usual: Iterable[str], categories: Sequence[str]) -> list[Choice]:
    """The guess, the runners-up, then what people name most; at most nine."""
    percent: dict[str, int | None] = dict(_guesses(story))
    for category in usual:
        if category in categories and len(percent) < MOST_KEYS:
            percent.setdefault(category, None)
    return [Choice(key, *one) for key, one in enumerate(percent.items(), 1)]


def _guesses(story: Story) -> Iterator[tuple[str, int | None]]:
    if story.category:
        yield story.category, _percent(story.confidence)
    for one in story.alternatives:
        yield one.category, _percent(one.confidence)


def _percent(confidence: float | None) -> int | None:
    return None if confidence is None else min(_MOST_SURE, round(100 * confidence))
