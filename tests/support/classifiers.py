"""A classifier without a model: a test says what it thinks of a photo."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from classifier.features import Features
from classifier.pixels import Picture, UInt8Array
from classifier.verdict import Alternative, Band, Reason, Thresholds, Verdict
from config.errors import ModelError

Opinion = Callable[[UInt8Array], Verdict]


def verdict(
    category: str = "Shirts",
    confidence: float = 0.99,
    band: Band = Band.AUTO,
    reason: Reason | None = None,
) -> Verdict:
    """A verdict with what matters to a test; in review it is `unsure` unless said otherwise."""
    if band is Band.REVIEW and reason is None:
        reason = Reason.UNSURE
    return Verdict(
        category=category,
        confidence=confidence,
        band=band,
        reason=reason,
        reason_text=None if reason is None else f"unsure between {category} and Tops",
        alternatives=(Alternative("Tops", round(1 - confidence, 4)),),
    )


class ScriptedClassifier:
    """Takes the place of `classifier.classifier.Classifier`, in as many threads as are asked for.

    seen: how many pictures each call held, over all threads. complaints: what its self-test says,
    if it says anything; also of its spares, which share the list. tested: which of them were.
    """

    input_size = (8, 8)
    categories = ("Shirts", "Tops", "Tshirts")
    given_up: frozenset[str] = frozenset()
    network = "scripted"
    thresholds = Thresholds(auto=0.85, review=0.70, unknown=None)
    promise: float | None = 0.99

    def __init__(
        self,
        think: Opinion = lambda picture: verdict(),
        seen: list[int] | None = None,
        title: str = "scripted 1",
    ) -> None:
        self._think = think
        self.title = title
        self.seen: list[int] = [] if seen is None else seen
        self.complaints: list[str] = []
        self.tested: set[int] = set()

    @property
    def mark(self) -> str:
        """Of which it is."""
        return repr((self.title, self.categories, self.thresholds))

    def self_test(self) -> None:
        """Complain as the test wants it."""
        self.tested.add(id(self))
        if self.complaints:
            raise ModelError(self.complaints[0])

    def spare(self) -> ScriptedClassifier:
        """Another one of the same opinions, for another thread."""
        other = ScriptedClassifier(self._think, self.seen, self.title)
        other.complaints, other.tested = self.complaints, self.tested
        return other

    def examine(self, pictures: Sequence[Picture]) -> list[tuple[Verdict, Features]]:
        """The same, and features that tell bright pictures from dark ones."""
        return [
            (said, np.full(4, round(float(picture.pixels.mean())), np.uint8))
            for picture, said in zip(pictures, self.classify(pictures), strict=True)
        ]

    def classify(self, pictures: Sequence[Picture]) -> list[Verdict]:
        """What the script says of each picture."""
        self.seen.append(len(pictures))
        return [self._think(picture.pixels) for picture in pictures]


def by_brightness(picture: UInt8Array) -> Verdict:
    """An opinion that tells photos apart: dark ones are Shirts, bright ones Tops."""
    return verdict("Shirts" if picture.mean() < 128 else "Tops")
