"""Figures over labelled photos, checked against small cases that can be counted by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.evaluation import Evaluation, evaluate, expected_calibration_error
from classifier.verdict import Band, Reason, Verdict
from tests.support.classifiers import verdict

CATEGORIES = ("Shirts", "Tops")


def evaluated(*pairs: tuple[str, str], seconds: float = 2.0) -> Evaluation:
    truth, guesses = zip(*pairs, strict=True)
    return evaluate(truth, [verdict(guess) for guess in guesses], CATEGORIES, seconds)


FOUR = (("Shirts", "Shirts"), ("Shirts", "Tops"), ("Shirts", "Shirts"), ("Tops", "Tops"))


def test_accuracy_is_the_share_of_right_categories() -> None:
    assert evaluated(*FOUR).accuracy == 0.75


def test_accuracy_counts_the_best_category_whatever_the_band() -> None:
    verdicts = [verdict("Shirts", 0.3, Band.REVIEW), verdict("Tops", 0.3, Band.REVIEW)]
    assert evaluate(["Shirts", "Tops"], verdicts, CATEGORIES, 1.0).accuracy == 1.0


def test_confusion_has_truth_in_rows_and_verdicts_in_columns() -> None:
    evaluation = evaluated(*FOUR)
    assert evaluation.labels == ("Shirts", "Tops")
    assert evaluation.confusion == ((2, 1), (0, 1))


def test_precision_recall_and_f1_are_those_of_the_textbook() -> None:
    categories = evaluated(*FOUR).categories
    assert categories["Shirts"] == pytest.approx((1.0, 2 / 3, 0.8, 3))
    assert categories["Tops"] == pytest.approx((0.5, 1.0, 2 / 3, 1))


def test_category_without_photos_or_claims_scores_zero() -> None:
    assert evaluated(("Shirts", "Shirts")).categories["Tops"] == (0.0, 0.0, 0.0, 0)


def test_truth_that_the_model_does_not_know_counts_as_wrong_and_has_its_row() -> None:
    evaluation = evaluated(("Boots", "Shirts"), ("Shirts", "Shirts"))
    assert evaluation.accuracy == 0.5
    assert evaluation.labels == ("Shirts", "Tops", "Boots")
    assert evaluation.confusion[2] == (1, 0, 0)
    assert evaluation.categories["Boots"] == (0.0, 0.0, 0.0, 1)


def test_each_band_has_its_share_and_how_much_of_it_is_right() -> None:
    verdicts = [
        verdict("Shirts", 0.99),
        verdict("Tops", 0.98),
        verdict("Shirts", 0.5, Band.REVIEW),
        verdict("Shirts", 0.95),
    ]
    bands = evaluate(["Shirts", "Shirts", "Tops", "Shirts"], verdicts, CATEGORIES, 1.0).bands
    assert bands[Band.AUTO] == pytest.approx((0.75, 2 / 3))
    assert bands[Band.CHECK] == (0.0, None)
    assert bands[Band.REVIEW] == (0.25, 0.0)


def test_speed_is_photos_by_seconds() -> None:
    assert evaluated(*FOUR, seconds=0.5).images_per_second == 8.0
    assert evaluated(*FOUR, seconds=0.0).images_per_second == 0.0


# Calibration


def ece(confidence: list[float], right: list[bool]) -> float:
    return expected_calibration_error(np.array(confidence), np.array(right))


def test_confidence_that_comes_true_has_no_calibration_error() -> None:
    assert ece([0.5, 0.5], [True, False]) == 0
    assert ece([1.0, 1.0], [True, True]) == 0


def test_calibration_error_is_the_gap_of_each_bin_weighed_by_its_photos() -> None:
    # Bin of 0.9: three photos, two right; bin of 0.2: one photo, wrong.
    expected = (3 * abs(0.9 - 2 / 3) + 1 * 0.2) / 4
    assert ece([0.9, 0.9, 0.9, 0.2], [True, True, False, False]) == pytest.approx(expected)


def test_bins_do_not_make_up_for_each_other() -> None:
    assert ece([0.1, 0.9], [True, False]) == pytest.approx(0.9)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=50))
def test_calibration_error_is_between_zero_and_one(photos: list[tuple[float, bool]]) -> None:
    confidence, right = zip(*photos, strict=True)
    assert 0 <= ece([*confidence], [*right]) <= 1


# The document


def test_json_has_the_promised_keys_and_the_moved_thresholds() -> None:
    document = json.loads(json.dumps(evaluated(*FOUR).as_json(), allow_nan=False))
    assert list(document) == [
        "images", "accuracy", "ece", "bands", "categories", "confusion", "images_per_second",
        "thresholds",
    ]  # fmt: skip
    assert list(document["bands"]) == ["auto", "check", "review"]
    assert document["bands"]["auto"] == {"share": 1.0, "accuracy": 0.75}
    assert document["bands"]["check"] == {"share": 0.0, "accuracy": None}
    assert list(document["categories"]["Shirts"]) == ["precision", "recall", "f1", "support"]
    assert document["confusion"] == {"labels": ["Shirts", "Tops"], "matrix": [[2, 1], [0, 1]]}


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from("AB")), min_size=1, max_size=40))
def test_whatever_the_verdicts_the_figures_agree_with_each_other(
    pairs: list[tuple[str, str]],
) -> None:
    verdicts: list[Verdict] = [verdict(guess) for _, guess in pairs]
    evaluation = evaluate([truth for truth, _ in pairs], verdicts, ("A", "B"), 1.0)
    matrix = np.array(evaluation.confusion)
    assert matrix.sum() == evaluation.images == len(pairs)
    assert np.trace(matrix) / len(pairs) == pytest.approx(evaluation.accuracy)
    supports = [scores[3] for scores in evaluation.categories.values()]
    assert supports == matrix.sum(axis=1).tolist()
    assert sum(share for share, _ in evaluation.bands.values()) == pytest.approx(1)


# Moving band auto


def test_moved_threshold_says_what_would_be_filed_unseen_and_how_right_it_is() -> None:
    verdicts = [
        verdict("Shirts", 0.96),
        verdict("Tops", 0.91),
        verdict("Shirts", 0.75, Band.CHECK),
        verdict("Shirts", 0.55, Band.REVIEW),
    ]
    rows = evaluate(["Shirts"] * 4, verdicts, CATEGORIES, 1.0).thresholds
    moved = {row.threshold: (row.share, row.accuracy) for row in rows}
    assert moved[0.95] == (0.25, 1.0)
    assert moved[0.9] == (0.5, 0.5)
    assert moved[0.7] == (0.75, 2 / 3)
    assert moved[0.5] == (1.0, 0.75)
    assert moved[0.99] == (0.0, None)


@pytest.mark.parametrize("reason", [Reason.UNKNOWN, Reason.TOO_DARK])
def test_moving_the_threshold_files_nothing_that_is_held_back_for_another_reason(
    reason: Reason,
) -> None:
    held_back = verdict("Shirts", 0.999, Band.REVIEW, reason)
    rows = evaluate(["Shirts"], [held_back], CATEGORIES, 1.0).thresholds
    assert all(row.share == 0 for row in rows)


def test_higher_thresholds_never_file_more() -> None:
    verdicts = [verdict("Shirts", n / 100) for n in range(30, 100)]
    shares = [row.share for row in evaluate(["Shirts"] * 70, verdicts, CATEGORIES, 1.0).thresholds]
    assert shares == sorted(shares, reverse=True)


def test_every_photo_is_in_one_bin_of_the_calibration() -> None:
    verdicts = [verdict("Shirts", 0.99), verdict("Shirts", 0.98), verdict("Tops", 0.41)]
    bins = evaluate(["Shirts"] * 3, verdicts, CATEGORIES, 1.0).calibration
    assert [(b.right, b.wrong) for b in bins] == [(0, 1), (2, 0)]
    assert [b.confidence for b in bins] == pytest.approx([0.41, 0.985])
