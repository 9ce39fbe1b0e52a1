"""What a prediction says, before it is put into JSON."""

from __future__ import annotations

from dataclasses import dataclass

from classifier.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict, and whose it is."""

    verdict: Verdict
    model: str

    @property
    def best(self) -> dict[str, float]:
        """The likeliest categories with their confidences, the best first."""
        found = self.verdict
        return {found.category: found.confidence} | {
            one.category: one.confidence for one in found.alternatives
        }


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """The model in use."""

    title: str
    base: str  # the bundle that it was learnt over, or is
    categories: tuple[str, ...]


class LargeError(Exception):
    """A photo whose decoder would hold it whole: `web.predictions.alone` is for these."""
