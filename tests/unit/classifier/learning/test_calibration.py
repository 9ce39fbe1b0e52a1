"""Temperature, gate and bands, chosen on photos of which the truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from classifier.features import FeatureSpec
from classifier.head import NO_CATEGORY, Evidence, Gate, LearntHead, Rows
from classifier.learning.calibration import (
    AUTO_PROMISE,
    ENOUGH,
    GATED_SHARE,
    HIGHEST,
    LEAST_AUTO,
    NEW_COUNTS_AS,
    Scored,
    balanced,
    band_threshold,
    calibrate,
    doubts_of,
    lower_bound,
)

SPEC = FeatureSpec(embedding=2, scale=1.0, zero=0)


def head() -> LearntHead:
    rows = Rows(np.zeros((2, 3), np.float32), np.zeros(3, np.float32), np.array([0, 1, -1]))
    return LearntHead(
        SPEC, rows, None, Gate(np.zeros(2, np.float32), 1.0, 0.0), None, ("Shirts", "Tops")
    )


def scored(count: int, temperature: float, seed: int = 0) -> Scored:
    """Photos whose category is drawn from what the scores say at that temperature."""
    rng = np.random.default_rng(seed)
    nats = rng.normal(0, 3, count)
    truth = (rng.random(count) > 1 / (1 + np.exp(-nats))).astype(np.int64)
    scores = np.stack([nats * temperature, np.zeros(count), np.full(count, -9.0)], axis=1)
    return Scored(Evidence(scores.astype(np.float32), None, None), truth)


def test_temperature_that_made_the_truth_is_found() -> None:
    found = calibrate(head(), scored(4000, 12.0))
    assert found.head.temperature == pytest.approx(12.0, rel=0.1)


def test_photos_of_other_things_do_not_sway_the_temperature() -> None:
    known = scored(2000, 5.0)
    other = scored(500, 5.0, seed=1)
    strangers = Scored(other.evidence, np.full(500, NO_CATEGORY))
    alone, together = (calibrate(head(), one) for one in (known, known.beside(strangers)))
    assert alone.head.temperature == together.head.temperature


def test_few_photos_of_something_new_move_the_temperature_as_far_as_they_count() -> None:
    known, new = scored(1000, 4.0), scored(30, 40.0, seed=1)
    weights = np.concatenate([np.ones(1000), np.full(30, 100.0)])
    plain = calibrate(head(), known.beside(new)).head.temperature
    weighed = calibrate(head(), known.beside(new), weights).head.temperature
    assert plain == pytest.approx(4.0, rel=0.4)
    assert weighed > 2 * plain


def test_weights_belong_to_the_photos_of_categories_whatever_stands_between_them() -> None:
    known, stranger = scored(300, 4.0), scored(5, 40.0, seed=1)
    strangers = Scored(stranger.evidence, np.full(5, NO_CATEGORY))
    weights = np.concatenate([np.full(5, 1e6), np.linspace(1, 2, 300)])
    found = calibrate(head(), strangers.beside(known), weights)
    assert found.head.temperature == calibrate(head(), known, weights[5:]).head.temperature


def test_new_category_counts_as_several_average_ones() -> None:
    held = np.array([0] * 40 + [1] * 60 + [NO_CATEGORY] * 10)
    told = np.array([2] * 20 + [0] * 5)
    weights = balanced(held, told)
    assert weights[:110].tolist() == [1.0] * 110
    assert weights[110:130].sum() == pytest.approx(NEW_COUNTS_AS * 50)
    assert weights[130:].tolist() == [1.0] * 5  # what is said of old categories counts once


def test_many_examples_of_something_new_count_once_each() -> None:
    weights = balanced(np.array([0, 1]), np.full(500, 2))
    assert weights.tolist() == [1.0] * 502


def test_where_nothing_was_held_out_every_example_counts_once() -> None:
    weights = balanced(np.zeros(0, np.int64), np.array([0, 0, 1]))
    assert weights.tolist() == [1.0] * 3


def test_the_fewer_photos_a_category_has_the_more_it_is_doubted() -> None:
    none, twenty, forty, enough, many = doubts_of(np.array([0, 20, 40, ENOUGH, 5000]))
    assert twenty == pytest.approx(1.2)
    assert none > twenty > forty > enough == many == 1.0


def test_doubts_make_nothing_else_surer() -> None:
    photos = scored(2000, 5.0)
    plain = calibrate(head(), photos).head
    doubted = calibrate(replace(head(), doubts=np.array([1.0, 1.5])), photos).head
    assert doubted.temperature == plain.temperature
    sure, unsure = (one.shares_of(photos.evidence)[:, :2].max() for one in (plain, doubted))
    assert unsure < sure


def test_gate_holds_back_no_more_known_photos_than_it_may() -> None:
    known = scored(2000, 5.0)
    found = calibrate(head(), known)
    unknown = found.head.shares_of(known.evidence)[:, -1]
    assert (unknown > (found.thresholds.unknown or 0)).mean() <= GATED_SHARE


def test_band_auto_keeps_its_promise_by_a_bound() -> None:
    confidence = 1 - np.linspace(0, 0.5 ** (1 / 6), 4000) ** 6
    right = np.random.default_rng(0).random(4000) < confidence
    threshold = band_threshold(confidence, right, AUTO_PROMISE)
    above = confidence >= threshold
    assert lower_bound(int(right[above].sum()), int(above.sum())) >= AUTO_PROMISE
    assert right[above].mean() > AUTO_PROMISE


def test_few_photos_without_an_error_do_not_make_a_promise() -> None:
    sure = np.full(30, 0.99)
    assert band_threshold(sure, np.ones(30, bool), AUTO_PROMISE) == HIGHEST
    assert band_threshold(np.full(300, 0.99), np.ones(300, bool), AUTO_PROMISE) < LEAST_AUTO


@pytest.mark.parametrize(("hits", "total", "least"), [(0, 0, 0.0), (0, 9, 0.0), (99, 100, 0.97)])
def test_lower_bound_of_a_proportion(hits: int, total: int, least: float) -> None:
    assert least <= lower_bound(hits, total) <= (hits / total if total else 0.0)
