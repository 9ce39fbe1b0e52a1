"""What a period did, in figures: counted from the summaries of its runs and the store's history.

A run, with all its photos, belongs to the local day on which it began, as a window does: so that
the figures of a period are the sum of what `nightsort history` lists.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from typing import Any

from daemon.domain.corrections import Correction, Word
from daemon.domain.photos import Status, Story
from daemon.domain.summaries import RunSummary
from daemon.reporting.periods import Period
from daemon.store import Store


@dataclass(slots=True)
class Counts:
    """What became of photos, added up over runs."""

    runs: int = 0
    successful: int = 0
    review: int = 0
    duplicates: int = 0
    failed: int = 0
    busy_seconds: float = 0.0
    ahead_seconds: float = 0.0
    confidence: float = 0.0  # the sum over all photos with a verdict

    @classmethod
    def of(cls, summaries: Iterable[Mapping[str, Any]]) -> Counts:
        """Those of all these runs."""
        counts = cls()
        for summary in summaries:
            counts.add(summary)
        return counts

    def add(self, summary: Mapping[str, Any]) -> None:
        """Add a run by its summary."""
        self.runs += 1
        self.successful += summary["successful"]
        self.review += summary["review"]
        self.duplicates += summary["duplicates"]
        self.failed += summary["failed"]
        self.busy_seconds += summary["processing_time_seconds"]
        self.ahead_seconds += summary.get("judged_ahead_seconds", 0.0)
        self.confidence += summary["average_confidence"] * sum(summary["categories"].values())

    @property
    def photos(self) -> int:
        """All that were processed."""
        return self.judged + self.duplicates + self.failed

    @property
    def judged(self) -> int:
        """Those with a verdict."""
        return self.successful + self.review

    @property
    def success_rate(self) -> float | None:
        """In percent, as in a run's summary; None when there was nothing to succeed in."""
        tried = self.judged + self.failed
        return 100 * self.judged / tried if tried else None

    @property
    def review_share(self) -> float | None:
        """Of the photos with a verdict, in percent, how many a person was asked about."""
        return 100 * self.review / self.judged if self.judged else None

    @property
    def average_confidence(self) -> float | None:
        """Of the photos with a verdict, 0..1."""
        return self.confidence / self.judged if self.judged else None

    @property
    def photos_per_second(self) -> float | None:
        """While runs were at work, and photos were judged ahead of them."""
        seconds = self.busy_seconds + self.ahead_seconds
        return self.photos / seconds if seconds else None


@dataclass(frozen=True, slots=True)
class Share:
    """One category's part of a period."""

    category: str
    photos: int
    share: float  # of all photos with a verdict, 0..1
    before: float | None  # in the period before; None when that had no photos

    @property
    def change(self) -> float | None:
        """In percentage points."""
        return None if self.before is None else 100 * (self.share - self.before)


@dataclass(frozen=True, slots=True)
class Words:
    """What people said in a period, whenever the photos had come; of a photo the last counts."""

    changed: int = 0  # the verdict was wrong: another category
    changed_unasked: int = 0  # of those, filed without that anybody was asked
    confirmed: int = 0  # the guess was right
    undone: int = 0


@dataclass(frozen=True, slots=True)
class Figures:
    """A period in figures."""

    period: Period
    total: Counts
    before: Counts  # of the period before
    steps: list[tuple[Period, Counts]]
    mix: list[Share]  # largest first
    bands: Counter[str]
    failures: Counter[str]  # by the code of the reason
    doubts: Counter[str]  # of the photos in review, likewise
    words: Words
    runs: list[RunSummary] = field(default_factory=list)  # summaries, oldest first

    def as_json(self) -> dict[str, Any]:
        """For programs and alerts; the words of a summary where it has them."""
        total, before = self.total, self.before
        return {
            "period": self.period.name,
            "from": self.period.first.isoformat(),
            "to": self.period.last.isoformat(),
            "runs": total.runs,
            "total_processed": total.photos,
            "total_processed_before": before.photos,
            "successful": total.successful,
            "review": total.review,
            "duplicates": total.duplicates,
            "failed": total.failed,
            "success_rate": _rounded(total.success_rate, 2),
            "success_rate_before": _rounded(before.success_rate, 2),
            "average_confidence": _rounded(total.average_confidence, 4),
            "processing_time_seconds": round(total.busy_seconds, 3),
            "images_per_second": _rounded(total.photos_per_second, 2),
            "categories": {one.category: one.photos for one in self.mix},
            "failures": dict(self.failures),
            "corrected": self.words.changed,
            "confirmed": self.words.confirmed,
            "undone": self.words.undone,
        }


def figures_of(
    store: Store, period: Period, zone: tzinfo, *, by_day: bool = False, with_words: bool = True
) -> Figures:
    """Count what a period did. zone: of the local days in which people spoke.

    by_day: its steps are days, however many; with_words: what people said is counted, too.
    """
    runs = store.runs.summaries_of_days(period.first, period.last)
    earlier = store.runs.summaries_of_days(period.before.first, period.before.last)
    reasons = store.runs.reasons_of_days(period.first, period.last)
    bands: Counter[str] = Counter()
    for summary in runs:
        bands.update(summary["confidence_distribution"])
    return Figures(
        period=period,
        total=Counts.of(runs),
        before=Counts.of(earlier),
        steps=steps_of(period.by_day() if by_day else period.steps(), runs),
        mix=_mix(categories_of(runs), categories_of(earlier)),
        bands=bands,
        failures=Counter(reasons.get(Status.ERROR, {})),
        doubts=Counter(reasons.get(Status.REVIEW, {})),
        words=_words(store.corrections.between(*period.limits(zone))) if with_words else Words(),
        runs=runs,
    )


def steps_of(
    parts: Iterable[Period], runs: Iterable[Mapping[str, Any]]
) -> list[tuple[Period, Counts]]:
    """What these parts of a period did, from the summaries of all its runs."""
    steps = [(step, Counts()) for step in parts]
    step_of: dict[date, Counts] = {}
    for step, counts in steps:
        step_of |= dict.fromkeys(step.each_day(), counts)
    for summary in runs:
        step_of[datetime.fromisoformat(summary["started"]).date()].add(summary)
    return steps


def categories_of(summaries: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """How many photos of these runs the verdict put into each category."""
    found: Counter[str] = Counter()
    for summary in summaries:
        found.update(summary["categories"])
    return found


def _mix(now: Counter[str], before: Counter[str]) -> list[Share]:
    shares = [
        Share(
            category,
            now[category],
            now[category] / now.total() if now else 0.0,
            before[category] / before.total() if before else None,
        )
        for category in {**now, **before}
    ]
    return sorted(shares, key=lambda one: (-one.photos, one.category))


def _words(said: Iterable[tuple[Correction, Story]]) -> Words:
    last = {story.id: (one, story) for one, story in said}
    changed = [
        story
        for one, story in last.values()
        if one.word is not Word.UNDONE and one.category != story.category
    ]
    undone = sum(one.word is Word.UNDONE for one, _ in last.values())
    return Words(
        changed=len(changed),
        changed_unasked=sum(story.status == Status.SUCCESS for story in changed),
        confirmed=len(last) - len(changed) - undone,
        undone=undone,
    )


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
