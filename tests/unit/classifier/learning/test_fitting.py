"""The fit, where the right answer can be written down."""

from __future__ import annotations

import numpy as np
import pytest

from classifier.head import IntArray, Rows
from classifier.learning.fitting import NEVER, Moments, Plan, Sample, fit, row_of
from classifier.verdict import FloatArray
from tests.support.lessons import LABELS, SPEC, examples_of, made_up_base, photos

PLAN = Plan((*LABELS, "Sandals"), (0, 1, 2, -1, 3), ("Shirts", "Tops", "Tshirts", "Sandals"))


def sandals(count: int) -> tuple[FloatArray, IntArray]:
    told = examples_of("Sandals", count)
    inputs = SPEC.inputs(np.array([one.features for one in told], np.uint8).reshape(-1, SPEC.size))
    return inputs, row_of(PLAN, [one.label for one in told])


def fitted(count: int) -> Rows:
    """The made-up base and so many sandals."""
    inputs, rows = sandals(count)
    moments = Moments.of(inputs, rows, len(PLAN.labels))
    return fit(made_up_base(), PLAN, moments, Sample.of(inputs, rows, np.ones(count, bool)))


def test_moments_without_a_part_are_those_of_the_rest() -> None:
    inputs, rows = sandals(20)
    whole, part = Moments.of(inputs, rows, 5), Moments.of(inputs[:8], rows[:8], 5)
    rest, wanted = whole.minus(part), Moments.of(inputs[8:], rows[8:], 5)
    assert rest.counts.tolist() == wanted.counts.tolist()
    assert rest.sums == pytest.approx(wanted.sums)
    assert rest.squares == pytest.approx(wanted.squares, rel=1e-3)


def test_scatter_is_that_around_each_rows_mean() -> None:
    inputs, rows = sandals(20)
    moments = Moments.of(inputs, rows, len(PLAN.labels))
    apart = inputs - inputs.mean(axis=0)
    assert moments.scatter() == pytest.approx(apart.T @ apart, abs=1e-2)


def test_photos_get_the_row_of_their_kind() -> None:
    rows = fitted(20)
    for at, label in enumerate(PLAN.labels):
        best = rows.scores(SPEC.inputs(photos(label, 50, seed=99))).argmax(axis=1)
        assert (best == at).mean() > 0.95, label


def test_row_of_a_label_that_nothing_is_known_of_never_wins() -> None:
    found = fitted(0)
    assert found.bias[-1] == NEVER
    assert np.isfinite(found.weights).all()


def test_examples_that_are_all_the_same_can_be_learnt_from() -> None:
    inputs = np.ones((4, SPEC.size), np.float32)
    plan = Plan(("a", "b"), (0, 1), ("a", "b"))
    rows = np.array([0, 0, 1, 1])
    found = fit(None, plan, Moments.of(inputs, rows, 2), Sample.of(inputs, rows, np.ones(4, bool)))
    assert np.isfinite(found.weights).all()
    assert np.isfinite(found.bias).all()


def test_few_examples_get_back_what_their_uncertain_mean_costs() -> None:
    few = fitted(5)
    tried = SPEC.inputs(photos("Sandals", 200, seed=98))
    scores = few.scores(tried)
    inputs, _ = sandals(5)
    mean = inputs.mean(axis=0)
    without = -0.5 * float(mean @ few.weights[:, -1])
    assert few.bias[-1] > without
    assert (scores.argmax(axis=1) == 4).mean() > 0.9
