import numpy as np
import pytest

from classifier.proportions import wilson
from classifier.training import calibrate


def scores(count: int, sharpness: float) -> tuple[np.ndarray, np.ndarray]:
    """Logits whose softmax is the truth's distribution, times sharpness."""
    rng = np.random.default_rng(5)
    logits = rng.normal(0, 2, (count, 4))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = np.array([rng.choice(4, p=row) for row in shares])
    return (logits * sharpness).astype(np.float32), truth


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 2.0])
def test_temperature_undoes_over_and_under_confidence(sharpness: float) -> None:
    logits, truth = scores(8000, sharpness)
    assert calibrate.fit_temperature(logits, truth, 4) == pytest.approx(sharpness, rel=0.1)


def test_calibrated_scores_have_a_small_calibration_error() -> None:
    logits, truth = scores(8000, 2.0)
    before, after = (calibrate.judge(logits, 4, temperature) for temperature in (1.0, 2.0))
    error = calibrate.expected_calibration_error
    assert error(after.confidence, after.right(truth)) < 0.02
    assert error(before.confidence, before.right(truth)) > 0.1


def test_calibration_error_of_certain_and_always_right_is_none() -> None:
    ones = np.ones(10, np.float32)
    assert calibrate.expected_calibration_error(ones, np.ones(10, bool)) == 0
    assert calibrate.expected_calibration_error(ones, np.zeros(10, bool)) == 1


def test_category_is_the_best_of_the_categories_whatever_other_labels_say() -> None:
    judged = calibrate.judge(np.array([[1.0, 2.0, 9.0]], np.float32), categories=2, temperature=1)
    assert judged.best[0] == 1
    assert judged.confidence[0] == pytest.approx(1 / (1 + np.exp(-1)), abs=1e-6)
    assert judged.unknown[0] > 0.99


def test_gate_stops_at_most_the_share_asked_for() -> None:
    unknown = np.linspace(0, 1, 1000).astype(np.float32) ** 3
    assert (unknown > calibrate.gate_threshold(unknown, 0.05)).mean() <= 0.05


def test_band_keeps_its_promise_from_its_threshold_on() -> None:
    rng = np.random.default_rng(2)
    confidence = rng.uniform(0.3, 1, 20_000).astype(np.float32)
    right = rng.random(20_000) < confidence
    threshold = calibrate.band_threshold(confidence, right, promise=0.95)
    assert right[confidence >= threshold].mean() >= 0.95
    assert threshold == pytest.approx(0.9, abs=0.02)


def test_band_takes_everything_when_all_is_right() -> None:
    confidence = np.linspace(0.5, 1, 100).astype(np.float32)
    assert calibrate.band_threshold(confidence, np.ones(100, bool), 0.99) <= 0.5


def test_band_is_as_small_as_can_be_when_its_promise_cannot_be_kept() -> None:
    confidence = np.linspace(0.5, 1, 100).astype(np.float32)
    assert calibrate.band_threshold(confidence, np.zeros(100, bool), 0.99) == 0.995


def test_interval_holds_the_share_and_never_leaves_zero_to_one() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    low, high = wilson(96, 100)
    assert 0.89 < low < 0.96 < high < 1.0
    assert wilson(10, 10)[1] <= 1.0


def test_ranking_is_perfect_random_or_upside_down() -> None:
    low, high = np.zeros(5, np.float32), np.ones(7, np.float32)
    assert calibrate.auroc(low, high) == 1
    assert calibrate.auroc(high, low) == 0
    assert calibrate.auroc(low, np.zeros(3, np.float32)) == 0.5


def test_band_by_a_bound_begins_later_the_fewer_photos_there_are() -> None:
    rng = np.random.default_rng(2)
    confidence = rng.uniform(0.5, 1, 4000).astype(np.float32)
    right = rng.random(4000) < confidence
    by_share = calibrate.band_threshold(confidence, right, 0.95)
    by_bound = calibrate.band_threshold(confidence, right, 0.95, errors=2.0)
    weights = np.where(np.arange(4000) % 20 == 0, 1.0, 0.0).astype(np.float32)
    of_few = calibrate.band_threshold(confidence, right, 0.95, weights, errors=2.0)
    assert by_share < by_bound < of_few


def test_bound_without_errors_is_the_share_itself() -> None:
    right = np.array([True, True, True, False])
    weights = np.array([1.0, 1.0, 1.0, 3.0], np.float32)
    assert calibrate.bound(right, weights, 0.0) == pytest.approx(0.5)
    assert calibrate.bound(right, weights, 1.0) < 0.5


def test_calibration_error_counts_each_photo_with_its_weight() -> None:
    confidence = np.array([0.9, 0.9], np.float32)
    right = np.array([True, False])
    error = calibrate.expected_calibration_error
    assert error(confidence, right) == pytest.approx(0.4)
    assert error(confidence, right, np.array([9.0, 1.0], np.float32)) == pytest.approx(0, abs=1e-6)
