"""The classifier as others use it: a checked bundle, and workers that judge pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from classifier.bundle import Bundle, load_bundle
from classifier.model import Model
from classifier.pixels import Picture
from classifier.quality import flaw_of
from classifier.self_test import check_answers
from classifier.verdict import Thresholds, Verdict, judge, probabilities

# What bands mean where neither the settings nor the card say so.
FALLBACK_AUTO, FALLBACK_REVIEW = 0.85, 0.70
# A photo takes the model as long among sixteen as among four, but each takes 1.8 MB (measured).
MODEL_BATCH = 4


class Classifier:
    """One interpreter with its calibration. Not thread-safe: one for each worker (`spare`)."""

    def __init__(self, bundle: Bundle, thresholds: Thresholds) -> None:
        self.bundle = bundle
        self.thresholds = thresholds
        self._model = Model(bundle)

    @classmethod
    def load(
        cls, folder: Path | None = None, *, auto: float | None = None, review: float | None = None
    ) -> Classifier:
        """Load, check and try out a bundle; `auto` and `review` override the card's bands.

        Raises ModelError when the bundle cannot be trusted.
        """
        bundle = load_bundle(folder)
        classifier = cls(bundle, thresholds_of(bundle, auto, review))
        classifier.self_test()
        return classifier

    def spare(self) -> Classifier:
        """Another one over the same bundle, for another thread."""
        return Classifier(self.bundle, self.thresholds)

    @property
    def input_size(self) -> tuple[int, int]:
        """Width and height of the pixels that `classify` takes."""
        return self.bundle.card.input.width, self.bundle.card.input.height

    @property
    def categories(self) -> tuple[str, ...]:
        """What photos are filed into, in the model's order."""
        return self.bundle.card.categories

    def self_test(self) -> None:
        """Raise ModelError unless the model says of the bundle's own pictures what it should."""
        check_answers(self.bundle, self._model)

    def classify(self, pictures: Sequence[Picture]) -> list[Verdict]:
        """Judge photos, decoded to `input_size`; one verdict each."""
        return [
            verdict
            for at in range(0, len(pictures), MODEL_BATCH)
            for verdict in self._classify(pictures[at : at + MODEL_BATCH])
        ]

    def _classify(self, pictures: Sequence[Picture]) -> list[Verdict]:
        card = self.bundle.card
        temperature = 1.0 if card.calibration is None else card.calibration.temperature
        pixels = np.stack([picture.pixels for picture in pictures])
        scores = probabilities(self._model.logits(pixels), temperature)
        flaws = [flaw_of(picture) for picture in pictures]
        return judge(scores, card.categories, self.thresholds, flaws)


def thresholds_of(bundle: Bundle, auto: float | None, review: float | None) -> Thresholds:
    """The settings' word, else the card's, else the fall-back; review is never above auto."""
    card = bundle.card
    promised_auto = FALLBACK_AUTO if card.bands is None else card.bands.auto
    promised_review = FALLBACK_REVIEW if card.bands is None else card.bands.review
    auto = promised_auto if auto is None else auto
    review = min(promised_review, auto) if review is None else review
    return Thresholds(
        auto=max(auto, review),
        review=review,
        unknown=None if card.unknown is None else card.unknown.threshold,
    )
