"""The figures of a card: chosen on validation, measured on the hold-out. Numpy only."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from classifier.proportions import wilson
from classifier.training import calibrate

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]

AUTO_PROMISE = 0.99
SURE = 0.8416  # standard errors: a bound that four of five such samples keep
FILED_PROMISE = 0.975
GATED_SHARE = 0.06  # with those that are unsure, 8 % of the catalogue's photos go to review
LEAST_AUTO, LEAST_REVIEW = 0.7, 0.4  # below, a guess is no verdict however often it is right
BACKGROUND_MARGIN = 3.0  # nats, for a photo with nothing new in it


@dataclass(frozen=True, slots=True)
class Scored:
    """Photos of one source with their labels' indices and the model's logits for them."""

    truth: IntArray
    logits: FloatArray

    def __len__(self) -> int:
        return len(self.truth)


@dataclass(frozen=True, slots=True)
class Choice:
    """What is chosen on validation and stored in the card."""

    temperature: float
    unknown: float | None
    auto: float
    review: float


def joined(*parts: Scored) -> Scored:
    """Several sources as one."""
    return Scored(
        np.concatenate([part.truth for part in parts]), np.concatenate([p.logits for p in parts])
    )


def choose(known: Scored, categories: int) -> Choice:
    """Choose temperature, gate and bands. known: validation photos of the categories."""
    temperature = calibrate.fit_temperature(known.logits, known.truth, categories)
    judged = calibrate.judge(known.logits, categories, temperature)
    gate = None
    passed = np.ones(len(known), bool)
    if known.logits.shape[1] > categories:
        gate = calibrate.gate_threshold(judged.unknown, GATED_SHARE)
        passed = judged.unknown <= gate
    right = judged.right(known.truth)[passed]
    confidence = judged.confidence[passed]
    auto = max(LEAST_AUTO, calibrate.band_threshold(confidence, right, AUTO_PROMISE, errors=SURE))
    review = max(LEAST_REVIEW, calibrate.band_threshold(confidence, right, FILED_PROMISE))
    return Choice(temperature, gate, auto, min(auto, review))


def background(known: Scored, categories: int, temperature: float) -> float:
    """Find the least score of a label for everything else: a margin below a known photo's.

    What speaks for no category loses against it, as by energy (Liu et al. 2020); what is new in a
    photo is added to it (`classifier.novelty`). As a label it needs no second gate.
    """
    scaled = known.logits[:, :categories].astype(np.float64) / temperature
    evidence = np.log(np.exp(scaled - scaled.max(1, keepdims=True)).sum(1)) + scaled.max(1)
    return float((np.median(evidence) - BACKGROUND_MARGIN) * temperature)


def figures(scored: Scored, categories: int, choice: Choice) -> dict[str, Any]:
    """Accuracy, calibration and bands of known photos."""
    judged = calibrate.judge(scored.logits, categories, choice.temperature)
    right = judged.right(scored.truth)
    gated = judged.unknown > (1.0 if choice.unknown is None else choice.unknown)
    auto = ~gated & (judged.confidence >= choice.auto)
    filed = ~gated & (judged.confidence >= choice.review)
    before = calibrate.judge(scored.logits, categories, 1.0)
    low, high = wilson(int(right.sum()), len(scored))
    return {
        "n": len(scored),
        "accuracy": _share(right),
        "interval_95": [round(low, 4), round(high, 4)],
        "ece": round(calibrate.expected_calibration_error(judged.confidence, right), 4),
        "ece_uncalibrated": round(
            calibrate.expected_calibration_error(before.confidence, before.right(scored.truth)), 4
        ),
        "auto": {"share": _share(auto), "accuracy": _share(right[auto])},
        "filed": {"share": _share(filed), "accuracy": _share(right[filed])},
        "gated": _share(gated),
    }


def unknown_figures(
    known: Scored, unknown: Scored, categories: int, choice: Choice
) -> dict[str, Any]:
    """How well things outside the categories are told. unknown: their logits, truth is ignored."""
    inside = calibrate.judge(known.logits, categories, choice.temperature)
    outside = calibrate.judge(unknown.logits, categories, choice.temperature)
    gate = 1.0 if choice.unknown is None else choice.unknown
    gated = outside.unknown > gate
    review = gated | (outside.confidence < choice.review)
    return {
        "n": len(unknown),
        "auroc": round(calibrate.auroc(inside.unknown, outside.unknown), 4),
        "gated": _share(gated),
        "review": _share(review),
        "known_gated": _share(inside.unknown > gate),
    }


def per_category(scored: Scored, names: list[str], choice: Choice) -> dict[str, dict[str, float]]:
    """Precision, recall, F1 and support of each category."""
    matrix = confusion(scored, len(names), choice)
    result = {}
    for index, name in enumerate(names):
        hits = float(matrix[index, index])
        support, guessed = float(matrix[index].sum()), float(matrix[:, index].sum())
        result[name] = {
            "precision": round(hits / guessed, 4) if guessed else 0.0,
            "recall": round(hits / support, 4) if support else 0.0,
            "f1": round(2 * hits / (support + guessed), 4) if support + guessed else 0.0,
            "support": int(support),
        }
    return result


def confusion(scored: Scored, categories: int, choice: Choice) -> IntArray:
    """Counts, truth by rows, best category by columns."""
    best = calibrate.judge(scored.logits, categories, choice.temperature).best
    matrix = np.zeros((categories, categories), np.int64)
    np.add.at(matrix, (scored.truth, best), 1)
    return matrix


def threshold_table(scored: Scored, categories: int, choice: Choice) -> list[dict[str, float]]:
    """What moving the auto threshold would do: threshold, share filed without a look, accuracy."""
    judged = calibrate.judge(scored.logits, categories, choice.temperature)
    passed = judged.unknown <= (1.0 if choice.unknown is None else choice.unknown)
    right = judged.right(scored.truth)
    rows = []
    for threshold in (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.97, 0.98, 0.99):
        above = passed & (judged.confidence >= threshold)
        rows.append(
            {"threshold": threshold, "share": _share(above), "accuracy": _share(right[above])}
        )
    return rows


def _share(values: npt.NDArray[np.bool_]) -> float:
    return round(float(values.mean()), 4) if len(values) else 0.0
