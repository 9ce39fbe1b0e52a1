"""Made-up kinds to learn from: a base without a network, and examples whose truth is known.

base = made_up_base()                 knows Shirts, Tops and Tshirts, and Trunk as something else
told = examples_of("Sandals", 30)     thirty photos of a kind of their own, told apart with ease
bundle = made_up(tmp_path)            a bundle that they fit to; only its card counts
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from classifier.bundle import Bundle, load_bundle
from classifier.features import Features, FeatureSpec
from classifier.learning.base import CALIBRATE, COMPARE, Base, HeldOut
from classifier.learning.lesson import Example, Lesson, Request, learn
from classifier.learning.trial import Standing
from classifier.verdict import Alternative, Band, Verdict
from classifier.version import Version
from tests.support.bundles import change_card, made_up_bundle

SPEC = FeatureSpec(embedding=64, scale=0.02, zero=0)
CATEGORIES = ("Shirts", "Tops", "Tshirts")
LABELS = (*CATEGORIES, "Trunk")
REQUEST = Request(name="2026-11-26.1", learnt="2026-11-26T20:00:00+01:00")


def made_up(tmp_path: Path) -> Bundle:
    """A bundle whose embeddings are as long as ours."""
    folder = made_up_bundle(tmp_path / "bundle")
    change_card(folder, {"outputs": {"logits": 4, "embedding": SPEC.embedding}})
    return load_bundle(folder)


def centre(label: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Where the photos of a kind lie: anywhere, but always there."""
    seed = int.from_bytes(sha256(label.encode()).digest()[:4], "big")
    return np.random.default_rng(seed).uniform(0, 120, SPEC.embedding)


def photos(label: str, count: int, seed: int = 0, spread: float = 40.0) -> Features:
    """What the network would see of photos of a kind."""
    rng = np.random.default_rng([seed, len(label), ord(label[0])])
    drawn = centre(label) + rng.normal(0, spread, (count, SPEC.embedding))
    return np.clip(np.rint(drawn), 0, 255).astype(np.uint8)


def examples_of(
    label: str,
    count: int,
    *,
    seed: int = 1,
    said: str | None = None,
    source: str = "upload",
    group: str = "",
) -> list[Example]:
    """Photos of a kind; `said`: what a person called them, if something else."""
    seen = photos(label, count, seed)
    return [
        Example(f"{label}-{seed}-{at:03d}", one, said or label, group=group, source=source)
        for at, one in enumerate(seen)
    ]


def made_up_base(each: int = 200) -> Base:
    """What a network that knows three categories and a trunk says of them."""
    drawn = {label: SPEC.inputs(photos(label, each, seed=10)) for label in LABELS}
    means = np.stack([drawn[label].mean(axis=0) for label in LABELS])
    apart = np.concatenate([drawn[label] - drawn[label].mean(axis=0) for label in LABELS])
    held = [(label, part) for label in LABELS for part in (CALIBRATE, COMPARE)]
    return Base(
        spec=SPEC,
        labels=LABELS,
        categories=CATEGORIES,
        means=means.astype(np.float32),
        counts=np.full(len(LABELS), each),
        factor=np.zeros((SPEC.size, 1), np.float32),
        diagonal=apart.var(axis=0).astype(np.float32),
        photos=each * len(LABELS),
        held_out=HeldOut(
            features=np.concatenate([photos(label, 60, seed=20 + part) for label, part in held]),
            labels=tuple(label for label, _ in held for _ in range(60)),
            parts=np.repeat(np.array([part for _, part in held], np.uint8), 60),
        ),
        specimens=photos("Shirts", 2, seed=30),
        own_weights=np.zeros((SPEC.embedding, len(CATEGORIES)), np.float32),
        own_bias=np.zeros(len(CATEGORIES), np.float32),
    )


@dataclass
class Before:
    """A version in use that says what a test wants of each photo; as the bundle came, if not."""

    categories: tuple[str, ...] = CATEGORIES
    version: Version | None = None
    says: str | None = None  # of every photo; None: the nearest of its categories

    def judge(self, features: Features) -> list[Verdict]:
        """Sure of everything."""
        return [
            Verdict(self.says or self._nearest(one), 0.99, Band.AUTO, None, None, _NOTHING)
            for one in features
        ]

    def _nearest(self, photo: Features) -> str:
        return min(self.categories, key=lambda label: float(((photo - centre(label)) ** 2).sum()))


_NOTHING: tuple[Alternative, ...] = ()


def lesson(
    bundle: Bundle,
    told: Sequence[Example],
    request: Request = REQUEST,
    before: Standing | None = None,
) -> Lesson:
    """Learn over the made-up base."""
    return learn(made_up_base(), bundle, told, request, before)
