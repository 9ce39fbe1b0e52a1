"""Before and after, on photos that neither learnt from: figures, changes, and whether it pays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifier.evaluation import expected_calibration_error
from classifier.proportions import wilson
from classifier.verdict import Band, Verdict

OLD_MAY_LOSE = 0.015  # of the old categories' accuracy, for what is new
ONE_IN = 20  # what would happen by chance less often than that is none
_ONE_SIDED = 1.645  # standard errors of the same chance


@dataclass(frozen=True, slots=True)
class Judged:
    """A photo that neither version learnt from."""

    id: str
    truth: str
    verdict: Verdict

    @property
    def right(self) -> bool:
        """Whether the best category is the true one, whatever the band."""
        return self.verdict.category == self.truth


@dataclass(frozen=True, slots=True)
class Figures:
    """How right a version is; shares are 0..1."""

    photos: int
    accuracy: float
    ece: float
    auto: tuple[float, float | None]  # share of the photos, accuracy in it
    review_share: float
    categories: dict[str, tuple[float, int]]  # recall, support

    def as_json(self) -> dict[str, Any]:
        """The M of `learn --json`."""
        share, accuracy = self.auto
        return {
            "accuracy": self.accuracy,
            "ece": self.ece,
            "auto": {"share": share, "accuracy": accuracy},
            "review_share": self.review_share,
            "categories": {
                name: {"recall": recall, "support": support}
                for name, (recall, support) in self.categories.items()
            },
        }

    @property
    def interval(self) -> tuple[float, float]:
        """The accuracy's 95 % interval."""
        return wilson(round(self.accuracy * self.photos), self.photos)


@dataclass(frozen=True, slots=True)
class Changed:
    """What a version changes, over photos in the same order."""

    became_right: tuple[str, ...]
    became_wrong: tuple[str, ...]


def figures(judged: Sequence[Judged]) -> Figures:
    """Count. Categories without a photo are left out."""
    right = np.array([one.right for one in judged], bool)
    confidence = np.array([one.verdict.confidence for one in judged])
    auto = np.array([one.verdict.band is Band.AUTO for one in judged], bool)
    review = [one.verdict.band is Band.REVIEW for one in judged]
    truth = np.array([one.truth for one in judged])
    return Figures(
        photos=len(judged),
        accuracy=_share(right),
        ece=expected_calibration_error(confidence, right),
        auto=(_share(auto), float(right[auto].mean()) if auto.any() else None),
        review_share=_share(np.array(review, bool)),
        categories={
            str(name): (_share(right[truth == name]), int((truth == name).sum()))
            for name in np.unique(truth)
        },
    )


def changed(before: Sequence[Judged], after: Sequence[Judged]) -> Changed:
    """Which photos become right, and which wrong."""
    pairs = list(zip(before, after, strict=True))
    return Changed(
        tuple(b.id for a, b in pairs if b.right and not a.right),
        tuple(b.id for a, b in pairs if a.right and not b.right),
    )


def judgement(
    before: Sequence[Judged], after: Sequence[Judged], old: NDArray[np.bool_]
) -> tuple[str, str]:
    """Say "better", "as good" or "worse", and why. old: photos of labels that there were before.

    Judged are all photos together, and the old alone: these may lose a little for what is new.
    """
    of_old = [(a, b) for a, b, kept in zip(before, after, old, strict=True) if kept]
    lost = changed([a for a, _ in of_old], [b for _, b in of_old])
    if loses_too_much(len(lost.became_wrong), len(lost.became_right), len(of_old)):
        why = (
            f"of {len(of_old)} photos of the old categories {len(lost.became_wrong)} become wrong "
            f"and {len(lost.became_right)} right"
        )
        return "worse", why
    both = changed(before, after)
    right, wrong = len(both.became_right), len(both.became_wrong)
    why = f"of {len(before)} photos {right} become right and {wrong} wrong"
    if beyond_chance(wrong, right):
        return "worse", why
    return ("better" if beyond_chance(right, wrong) else "as good"), why


def loses_too_much(wrong: int, right: int, photos: int) -> bool:
    """Whether so many changes are a loss above OLD_MAY_LOSE that is no chance (one-sided)."""
    chance = _ONE_SIDED * sqrt(wrong + right)
    return wrong - right - chance > OLD_MAY_LOSE * photos


def beyond_chance(more: int, fewer: int) -> bool:
    """Whether so many more changes one way than the other are no chance (sign test, one-sided).

    Source: McNemar 1947.
    """
    total = more + fewer
    tail = sum(comb(total, k) for k in range(more, total + 1))
    # Whole numbers: of thousands of changes no fraction is left of a float.
    return total > 0 and tail * ONE_IN <= 2**total


def _share(values: NDArray[np.bool_]) -> float:
    return float(values.mean()) if len(values) else 0.0
