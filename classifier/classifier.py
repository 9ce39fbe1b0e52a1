"""The classifier as others use it: a checked bundle and version, and workers that judge pictures.

    classifier = Classifier.load()                          the bundle that comes with nightsort
    classifier = Classifier.load(version=path)              a learnt version over it
    other = classifier.with_version(load_version(path, classifier.bundle))

The last costs next to nothing, for it works with the same interpreter: that is how a version can
change between two micro-batches. Of a classifier and those made from it so, only one may work at a
time; for another thread there is `spare`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple
from pathlib import Path

import structlog

from classifier.bundle import Bands, Bundle, load_bundle
from classifier.features import Features
from classifier.head import Head
from classifier.model import Model
from classifier.pixels import Picture
from classifier.quality import flaw_of
from classifier.self_test import check_answers, check_version
from classifier.threads import hold_to_one_thread, loose_pools
from classifier.verdict import RUNNERS_UP, Thresholds, Verdict, judge
from classifier.version import Version, load_version

# What bands mean where neither the settings nor the card say so.
FALLBACK_AUTO, FALLBACK_REVIEW = 0.85, 0.70
# A photo takes the model as long among sixteen as among four, but each takes 1.8 MB (measured).
MODEL_BATCH = 4

log = structlog.get_logger()


class Classifier:
    """One interpreter with a head. Not thread-safe: one for each worker (`spare`)."""

    def __init__(
        self,
        bundle: Bundle,
        thresholds: Thresholds,
        version: Version | None = None,
        model: Model | None = None,
        runners_up: int = RUNNERS_UP,
    ) -> None:
        """Take a model that is there already, or make one. runners_up: as `judge`'s."""
        self.bundle = bundle
        self.thresholds = thresholds
        self.version = version
        self._runners_up = runners_up
        self._model = model or Model(bundle)
        self._head: Head = self._model.own_head if version is None else version.head

    @classmethod
    def load(
        cls,
        folder: Path | None = None,
        *,
        version: Path | None = None,
        auto: float | None = None,
        review: float | None = None,
        runners_up: int = RUNNERS_UP,
    ) -> Classifier:
        """Load, check and try out a bundle, and a version over it if one is named.

        `auto` and `review` override the bands of version or card; `runners_up`: as `judge`'s.
        Raises ModelError when bundle or version cannot be trusted.
        """
        hold_to_one_thread()
        for pool in loose_pools():
            log.warning("threads_not_held", library=pool.library, threads=pool.threads)
        bundle = load_bundle(folder)
        learnt = None if version is None else load_version(version, bundle)
        thresholds = thresholds_of(bundle, auto, review, learnt)
        classifier = cls(bundle, thresholds, learnt, runners_up=runners_up)
        classifier.self_test()
        return classifier

    def spare(self) -> Classifier:
        """Another one of the same bundle and version, for another thread."""
        return Classifier(self.bundle, self.thresholds, self.version, runners_up=self._runners_up)

    def with_version(
        self, version: Version | None, *, auto: float | None = None, review: float | None = None
    ) -> Classifier:
        """One of another version (None: as the bundle came) over the same interpreter.

        `auto` and `review` override the version's bands. Its self-test is up to the caller.
        """
        thresholds = thresholds_of(self.bundle, auto, review, version)
        return Classifier(self.bundle, thresholds, version, self._model, self._runners_up)

    @property
    def title(self) -> str:
        """What verdicts, rows and summaries name as their model."""
        return self.bundle.card.title if self.version is None else self.version.title

    @property
    def promise(self) -> float | None:
        """The share that is to be right of band auto, as the card in use says.

        None where it says nothing, or of a band that begins higher than this one's.
        """
        bands = bands_of(self.bundle, self.version)
        if bands is None or self.thresholds.auto < bands.auto:
            return None
        return bands.promise

    @property
    def mark(self) -> str:
        """By what one knows another that judges otherwise."""
        return repr(
            (self.title, self.bundle.card.sha256, self.categories, astuple(self.thresholds))
        )

    @property
    def network(self) -> str:
        """Which network it is: by this one knows whether features fit."""
        return self.bundle.card.sha256

    @property
    def input_size(self) -> tuple[int, int]:
        """Width and height of the pixels that `classify` takes."""
        return self.bundle.card.input.width, self.bundle.card.input.height

    @property
    def categories(self) -> tuple[str, ...]:
        """What photos are filed into, in the model's order."""
        return self._head.categories

    @property
    def given_up(self) -> frozenset[str]:
        """Labels that were categories, and into which it files nothing any more."""
        return categories_of(self.bundle, self.version)[1]

    def self_test(self) -> None:
        """Raise ModelError unless the model says of the bundle's own pictures what it should."""
        check_answers(self.bundle, self._model)
        if self.version is not None:
            check_version(self.bundle, self._model, self.version)

    def classify(self, pictures: Sequence[Picture]) -> list[Verdict]:
        """Judge photos, decoded to `input_size`; one verdict each."""
        # What only learnt heads look at would cost a photo as much as all that heads do.
        whole = self.version is not None
        return [
            verdict
            for some in _batches(pictures)
            for verdict in self.judge(self._seen(some, whole=whole), some)
        ]

    def examine(self, pictures: Sequence[Picture]) -> list[tuple[Verdict, Features]]:
        """Judge photos; with each verdict what the network saw, to be kept with an example.

        That is one byte a number, (FeatureSpec.size,): 2,432 of the fashion network.
        """
        found: list[tuple[Verdict, Features]] = []
        for some in _batches(pictures):
            features = self._seen(some, whole=True)
            found += zip(self.judge(features, some), features, strict=True)
        return found

    def judge(self, features: Features, pictures: Sequence[Picture] | None = None) -> list[Verdict]:
        """Judge photos by what the network saw of them: (photos, FeatureSpec.size).

        Whether they are too dark, blurred or small is only known where the pictures are given.
        """
        hold_to_one_thread()
        shares = self._head.shares(features)
        flaws = [None] * len(shares) if pictures is None else [flaw_of(one) for one in pictures]
        return judge(shares, self.categories, self.thresholds, flaws, self._runners_up)

    def _seen(self, pictures: Sequence[Picture], *, whole: bool) -> Features:
        return self._model.features([picture.pixels for picture in pictures], whole=whole)


def _batches(pictures: Sequence[Picture]) -> Iterator[Sequence[Picture]]:
    for at in range(0, len(pictures), MODEL_BATCH):
        yield pictures[at : at + MODEL_BATCH]


def categories_of(
    bundle: Bundle, version: Version | None
) -> tuple[tuple[str, ...], frozenset[str]]:
    """What photos are filed into, and what was a category and is none any more."""
    own = tuple(bundle.card.categories)
    if version is None:
        return own, frozenset()
    card = version.card
    return card.categories, (frozenset(own) | card.given_up) - {*card.categories}


def bands_of(bundle: Bundle, version: Version | None) -> Bands | None:
    """What the card of a version promises, or of the bundle where there is none."""
    return bundle.card.bands if version is None else version.card.bands


def thresholds_of(
    bundle: Bundle, auto: float | None, review: float | None, version: Version | None = None
) -> Thresholds:
    """The settings' word, else that of version or card, else the fall-back.

    Review is never above auto.
    """
    promised = bands_of(bundle, version)
    if promised is None:
        promised = Bands(auto=FALLBACK_AUTO, review=FALLBACK_REVIEW)
    auto = promised.auto if auto is None else auto
    review = min(promised.review, auto) if review is None else review
    return Thresholds(auto=max(auto, review), review=review, unknown=_gate_of(bundle, version))


def _gate_of(bundle: Bundle, version: Version | None) -> float | None:
    if version is not None:
        return version.card.gate.threshold
    return None if bundle.card.unknown is None else bundle.card.unknown.threshold
