"""The trial of a candidate: before and after on the same photos, which neither learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from classifier.features import Features
from classifier.head import NO_CATEGORY
from classifier.learning.calibration import Calibrated, Scored
from classifier.learning.comparison import (
    Changed,
    Figures,
    Judged,
    changed,
    figures,
    judgement,
)
from classifier.verdict import Band, Verdict, judge
from classifier.version import Version, ids_of


class Standing(Protocol):
    """The version in use, to compare with; a `classifier.classifier.Classifier` is one."""

    @property
    def categories(self) -> tuple[str, ...]:
        """What it files into."""

    @property
    def version(self) -> Version | None:
        """None where it is as the bundle came."""

    def judge(self, features: Features) -> list[Verdict]:
        """Its verdicts."""


@dataclass(frozen=True, slots=True, eq=False)
class Photos:
    """Photos to be tried on, with what the candidate, or its sister, says of them."""

    ids: tuple[str, ...]
    features: Features
    scored: Scored

    def where(self, chosen: NDArray[np.bool_]) -> Photos:
        """Some of them."""
        ids = tuple(one for one, kept in zip(self.ids, chosen, strict=True) if kept)
        return Photos(ids, self.features[chosen], self.scored.where(chosen))

    def beside(self, others: Photos) -> Photos:
        """These and others."""
        return Photos(
            self.ids + others.ids,
            np.concatenate([self.features, others.features]),
            self.scored.beside(others.scored),
        )


@dataclass(frozen=True, slots=True)
class Trial:
    """Verdicts of both on the same photos. before: None where there is nothing to compare with."""

    before: tuple[Judged, ...] | None
    after: tuple[Judged, ...]
    old: tuple[bool, ...]  # whether a photo's category was there before
    unknown: tuple[float | None, float] | None  # other things in review, before and after
    unknown_photos: int

    @property
    def figures(self) -> tuple[Figures | None, Figures]:
        """Of all photos, before and after."""
        return (None if self.before is None else figures(self.before), figures(self.after))

    @property
    def figures_of_old(self) -> tuple[Figures, Figures] | None:
        """The same of the old categories alone."""
        if self.before is None:
            return None
        before, after = (
            figures([one for one, old in zip(side, self.old, strict=True) if old])
            for side in (self.before, self.after)
        )
        return before, after

    @property
    def changed(self) -> Changed:
        """Which photos become right, and which wrong."""
        return Changed((), ()) if self.before is None else changed(self.before, self.after)

    def judgement(self) -> tuple[str, str]:
        """Say "better", "as good" or "worse", and why.

        Where there is nothing to compare with, nothing is claimed: "as good", which no setting
        adopts by itself, and how right it is.
        """
        if self.before is not None:
            return judgement(self.before, self.after, np.array(self.old, bool))
        accuracy, photos = figures(self.after).accuracy, len(self.after)
        why = (
            f"by itself {accuracy:.1%} of {photos} photos are right; there is nothing to compare "
            "with, so whether to judge with it is a person's decision"
        )
        return "as good", why


def tried(photos: Photos, candidate: Calibrated, before: Standing | None) -> Trial:
    """Judge photos by both."""
    known = photos.where(photos.scored.truth != NO_CATEGORY)
    other = photos.where(photos.scored.truth == NO_CATEGORY)
    names = [candidate.head.categories[at] for at in known.scored.truth]
    there = {*(before.categories if before is not None else ())}
    verdicts = before.judge(known.features) if before is not None else None
    return Trial(
        before=None if verdicts is None else _judged(known.ids, names, verdicts),
        after=_judged(known.ids, names, verdicts_of(known, candidate)),
        old=tuple(name in there for name in names),
        unknown=_in_review(other, candidate, before),
        unknown_photos=len(other.ids),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """Photos whose category is known, to try two versions on."""

    ids: tuple[str, ...]
    features: Features
    labels: tuple[str, ...]


def between(first: Standing, second: Standing, known: Known, other: Features) -> Trial:
    """Judge photos by two versions. other: photos of what is no category of either."""
    there = {*first.categories}
    in_review = None
    if len(other):
        in_review = (_review_share(first.judge(other)), _review_share(second.judge(other)))
    return Trial(
        before=_judged(known.ids, known.labels, first.judge(known.features)),
        after=_judged(known.ids, known.labels, second.judge(known.features)),
        old=tuple(label in there for label in known.labels),
        unknown=in_review,
        unknown_photos=len(other),
    )


def has_learnt(standing: Standing, ids: Sequence[str]) -> NDArray[np.bool_]:
    """Which of these examples a version learnt from."""
    version = standing.version
    learnt = set() if version is None else {row.tobytes() for row in version.learnt_from}
    return np.array([ids_of([one])[0].tobytes() in learnt for one in ids], bool)


def unlearnt(photos: Photos, before: Standing | None) -> Photos:
    """Without the photos that the version before learnt from."""
    return photos if before is None else photos.where(~has_learnt(before, photos.ids))


def verdicts_of(photos: Photos, candidate: Calibrated) -> list[Verdict]:
    """What the candidate says, or its sister, by the evidence that stands there already."""
    shares = candidate.head.shares_of(photos.scored.evidence)
    return judge(shares, candidate.head.categories, candidate.thresholds, [None] * len(shares))


def _in_review(
    other: Photos, candidate: Calibrated, before: Standing | None
) -> tuple[float | None, float] | None:
    if not other.ids:
        return None
    earlier = None if before is None else _review_share(before.judge(other.features))
    return earlier, _review_share(verdicts_of(other, candidate))


def _review_share(verdicts: Sequence[Verdict]) -> float:
    return sum(one.band is Band.REVIEW for one in verdicts) / len(verdicts)


def _judged(
    ids: Sequence[str], names: Sequence[str], verdicts: Sequence[Verdict]
) -> tuple[Judged, ...]:
    return tuple(
        Judged(photo, name, verdict)
        for photo, name, verdict in zip(ids, names, verdicts, strict=True)
    )
