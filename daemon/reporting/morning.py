"""What a person wants to know of a run in the morning, gathered from the store.

`report` makes a page of it, `workbook` a spreadsheet. Memory does not grow with the run: what is
shown in pictures is bounded, of what was filed for sure only a sample is kept.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from classifier.verdict import Band
from daemon.records import Correction, Status, Story
from daemon.store import Store

# How many are shown with a picture; whoever has more looks into the folder.
MOST_IN_REVIEW = 300
MOST_SAMPLES = 250
MOST_LISTED = 200
SAMPLE_SHARE = 0.05
CONFIDENCE_BINS = 20


@dataclass(slots=True)
class Category:
    """What became of the photos of one category."""

    name: str
    bands: Counter[Band] = field(default_factory=Counter)

    @property
    def photos(self) -> int:
        """How many there are."""
        return self.bands.total()


@dataclass(frozen=True, slots=True)
class Twin:
    """A duplicate and the photo whose bytes it has."""

    story: Story
    original: str  # its place in sorted; empty when it is there no more


@dataclass(slots=True)
class Morning:
    """One run."""

    summary: dict[str, Any]
    review: list[Story] = field(default_factory=list)  # those that still wait come first
    undecided: int = 0  # how many of them all still wait
    quarantined: list[Story] = field(default_factory=list)
    duplicates: list[Twin] = field(default_factory=list)
    samples: dict[str, list[Story]] = field(default_factory=dict)
    categories: list[Category] = field(default_factory=list)
    confidences: list[Counter[Band]] = field(default_factory=list)  # by bin, from 0 to 1
    timeline: list[tuple[datetime, int]] = field(default_factory=list)  # photos from that time on
    words: dict[int, Correction] = field(default_factory=dict)  # the last of each shown photo

    @property
    def started(self) -> datetime:
        """When the run began, local time."""
        return datetime.fromisoformat(self.summary["started"])

    @property
    def finished(self) -> datetime:
        """When it ended."""
        return datetime.fromisoformat(self.summary["finished"])


def gather(store: Store, summary: dict[str, Any]) -> Morning:
    """All that a report of the run tells."""
    morning = Morning(summary, confidences=[Counter() for _ in range(CONFIDENCE_BINS)])
    categories: dict[str, Category] = {}
    minutes: Counter[int] = Counter()
    samples = _Samples(summary["run"])
    decided: list[Story] = []
    for story in store.stories_of_run(summary["run"]):
        at = datetime.fromisoformat(story.recorded_at)
        minutes[int((at - morning.started).total_seconds() // 60)] += 1
        if story.category and story.status in (Status.SUCCESS, Status.REVIEW):
            category = categories.setdefault(story.category, Category(story.category))
            category.bands[Band(story.band)] += 1
            morning.confidences[_bin(story)][Band(story.band)] += 1
        match Status(story.status):
            case Status.REVIEW if story.state == "review":
                morning.undecided += 1
                _add(morning.review, story, MOST_IN_REVIEW)
            case Status.REVIEW:
                _add(decided, story, MOST_IN_REVIEW)
            case Status.ERROR:
                _add(morning.quarantined, story, MOST_LISTED)
            case Status.DUPLICATE:
                _add(morning.duplicates, Twin(story, _original(store, story)), MOST_LISTED)
            case Status.SUCCESS:
                samples.see(story)
    morning.review += decided[: MOST_IN_REVIEW - len(morning.review)]
    morning.samples = samples.chosen()
    morning.categories = sorted(categories.values(), key=lambda one: (-one.photos, one.name))
    morning.timeline = _timeline(morning.started, minutes)
    morning.words = _words(store, morning)
    return morning


class _Samples:
    """Chooses a few photos of each category at random, the same ones each time for one run."""

    def __init__(self, run: str) -> None:
        self._rng = random.Random(run)
        self._kept: dict[str, list[Story]] = defaultdict(list)
        self._seen: Counter[str] = Counter()

    def see(self, story: Story) -> None:
        """Reservoir sampling: every photo of a category has the same chance, in flat memory.

        Only of what was filed without asking, and is where it was filed.
        """
        if story.band != Band.AUTO or story.state != "filed":
            return
        self._seen[story.category] += 1
        kept = self._kept[story.category]
        if len(kept) < MOST_SAMPLES:
            kept.append(story)
        elif (slot := self._rng.randrange(self._seen[story.category])) < MOST_SAMPLES:
            kept[slot] = story

    def chosen(self) -> dict[str, list[Story]]:
        """A twentieth of each category, at least one; fewer when they are many."""
        total = sum(self._seen.values())
        share = min(SAMPLE_SHARE, MOST_SAMPLES / total) if total else 0.0
        chosen = {}
        for category, kept in sorted(self._kept.items()):
            count = max(1, min(round(self._seen[category] * share), len(kept)))
            chosen[category] = sorted(self._rng.sample(kept, count), key=lambda story: story.id)
        return chosen


def _add(kept: list[Any], one: object, most: int) -> None:
    if len(kept) < most:
        kept.append(one)


def _bin(story: Story) -> int:
    return min(int((story.confidence or 0) * CONFIDENCE_BINS), CONFIDENCE_BINS - 1)


def _original(store: Store, story: Story) -> str:
    twins = store.twins(story.sha256)
    return twins[0][0] if twins else ""


def _timeline(started: datetime, minutes: Counter[int]) -> list[tuple[datetime, int]]:
    """Photos in equal spans of time, at most about thirty of them."""
    last = max(minutes, default=0)
    span = max(1, -(-(last + 1) // 30))
    spans: Counter[int] = Counter()
    for minute, photos in minutes.items():
        spans[max(0, minute) // span] += photos
    return [
        (started + timedelta(minutes=number * span), spans[number])
        for number in range(last // span + 1)
    ]


def _words(store: Store, morning: Morning) -> dict[int, Correction]:
    shown: Iterable[Story] = (
        *morning.review,
        *morning.quarantined,
        *(twin.story for twin in morning.duplicates),
    )
    told = ((story.id, store.corrections_of(story.id)) for story in shown)
    return {photo_id: words[-1] for photo_id, words in told if words}
