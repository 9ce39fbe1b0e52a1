"""What a person wants to know of a run in the run_data, gathered from the store.

`report` makes a page of it, `workbook` a spreadsheet. Memory does not grow with the run: what is
shown in pictures is bounded, of what was filed for sure only spot checks are kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from classifier.verdict import Band
from daemon.domain.corrections import Correction, Word
from daemon.domain.left_alone import from_json, sentences
from daemon.domain.photos import Status, Story
from daemon.domain.phrases import undecided_words
from daemon.domain.return_checks import Doubt, doubts
from daemon.domain.speech import ENGLISH, Speech
from daemon.domain.summaries import RunSummary
from daemon.reporting.picking import Double
from daemon.reporting.retakes import Retakes
from daemon.store import Corrections, History, Store
from daemon.store.facts import LEFT_ALONE, Facts

# How many are shown with a picture; whoever has more looks into the folder.
MOST_IN_REVIEW = 300
MOST_LISTED = 200
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
    double: Double | None = None  # where the two name two returns


@dataclass(slots=True)
class RunData:
    """One run."""

    summary: RunSummary
    review: list[Story] = field(default_factory=list)  # those that still wait come first
    undecided: int = 0  # how many of them all still wait
    undecided_in_all: str = ""  # how many do, of all nights, in words
    quarantined: list[Story] = field(default_factory=list)
    duplicates: list[Twin] = field(default_factory=list)
    samples: dict[str, list[Story]] = field(default_factory=dict)  # spot checks, by category
    categories: list[Category] = field(default_factory=list)
    confidences: list[Counter[Band]] = field(default_factory=list)  # by bin, from 0 to 1
    timeline: list[tuple[datetime, int]] = field(default_factory=list)  # photos from that time on
    left_alone: list[str] = field(default_factory=list)  # what is told of the rest of incoming
    doubts: list[Doubt] = field(default_factory=list)  # about its return ids
    retakes: Retakes = field(default_factory=Retakes)
    words: dict[int, Correction] = field(default_factory=dict)  # the last of each shown photo

    @property
    def started(self) -> datetime:
        """When the run began, local time."""
        return datetime.fromisoformat(self.summary["started"])

    @property
    def finished(self) -> datetime:
        """When it ended."""
        return datetime.fromisoformat(self.summary["finished"])


def gather(store: Store, summary: RunSummary, say: Speech = ENGLISH) -> RunData:
    """All that a report of the run tells."""
    run_data = RunData(summary, confidences=[Counter() for _ in range(CONFIDENCE_BINS)])
    categories: dict[str, Category] = {}
    minutes: Counter[int] = Counter()
    spots = store.spot_checks.of_run(summary["run"])
    decided: list[Story] = []
    for story in store.history.stories_of_run(summary["run"]):
        at = datetime.fromisoformat(story.recorded_at)
        minutes[int((at - run_data.started).total_seconds() // 60)] += 1
        if story.category and story.status in (Status.SUCCESS, Status.REVIEW):
            category = categories.setdefault(story.category, Category(story.category))
            category.bands[Band(story.band)] += 1
            run_data.confidences[_bin(story)][Band(story.band)] += 1
        match Status(story.status):
            case Status.REVIEW if story.state == "review":
                run_data.undecided += 1
                _add(run_data.review, story, MOST_IN_REVIEW)
            case Status.REVIEW:
                _add(decided, story, MOST_IN_REVIEW)
            case Status.ERROR:
                _add(run_data.quarantined, story, MOST_LISTED)
            case Status.DUPLICATE:
                _add(run_data.duplicates, _twin(store.history, story), MOST_LISTED)
            case Status.SUCCESS if story.id in spots and story.state == "filed":
                run_data.samples.setdefault(story.category, []).append(story)
    run_data.review += decided[: MOST_IN_REVIEW - len(run_data.review)]
    run_data.samples = dict(sorted(run_data.samples.items()))
    run_data.categories = sorted(categories.values(), key=lambda one: (-one.photos, one.name))
    run_data.timeline = _timeline(run_data.started, minutes)
    run_data.words = _words(store.corrections, run_data)
    run_data.retakes = Retakes.among(store.returns.of_run(summary["run"]))
    run_data.undecided_in_all = undecided_words(**store.history.undecided(), say=say)
    run_data.left_alone = _left_alone(store.facts, summary["run"], say)
    counts = store.history.return_counts(summary["run"])
    run_data.doubts = doubts(counts, sum(one.photos for one in counts), say)
    return run_data


def _left_alone(facts: Facts, run: str, say: Speech) -> list[str]:
    """What is told of what lay in incoming when the run was closed, if it is the newest."""
    left = facts.get(LEFT_ALONE)
    return sentences(from_json(left), say) if left and left["run"] == run else []


def _add(kept: list[Any], one: object, most: int) -> None:
    if len(kept) < most:
        kept.append(one)


def _bin(story: Story) -> int:
    return min(int((story.confidence or 0) * CONFIDENCE_BINS), CONFIDENCE_BINS - 1)


def _twin(history: History, story: Story) -> Twin:
    original = history.original(story.sha256)
    return Twin(story, original.place if original else "", Double.of(story, original))


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


def _words(corrections: Corrections, run_data: RunData) -> dict[int, Correction]:
    shown: Iterable[Story] = (
        *run_data.review,
        *run_data.quarantined,
        *(twin.story for twin in run_data.duplicates),
        *chain.from_iterable(run_data.samples.values()),
    )
    told = ((story.id, corrections.of(story.id)) for story in shown)
    last = {photo_id: words[-1] for photo_id, words in told if words}
    return {photo: word for photo, word in last.items() if word.word is not Word.TAKEN_BACK}
