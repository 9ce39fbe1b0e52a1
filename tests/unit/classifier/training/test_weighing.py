"""Weights: held-out photos that count as other products are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.training import weighing


def test_nearness_is_the_cosine_with_the_nearest_photo_learnt_from() -> None:
    learnt = np.array([[2.0, 0.0], [0.0, 3.0]], np.float32)
    photos = np.array([[5.0, 0.0], [1.0, 1.0]], np.float32)
    assert weighing.nearness(photos, learnt) == pytest.approx([1.0, 0.5**0.5])


def test_many_photos_are_looked_at_in_blocks() -> None:
    rng = np.random.default_rng(0)
    photos = rng.random((weighing._BLOCK + 3, 4), np.float32)
    assert weighing.nearness(photos, photos) == pytest.approx(np.ones(len(photos)), abs=1e-5)


def test_steps_begin_with_what_is_far_from_all() -> None:
    near = np.array([0.5, 0.88, 0.91, 0.92, 0.94, 0.95, 1.0], np.float32)
    assert weighing.steps(near).tolist() == [0, 1, 2, 3, 4, 5, 5]


def test_weighed_photos_are_like_the_others_in_each_trait() -> None:
    rng = np.random.default_rng(1)
    traits = [rng.integers(0, 3, 900), rng.integers(0, 4, 900)]
    wanted = [rng.choice(3, 500, p=[0.6, 0.3, 0.1]), rng.choice(4, 500, p=[0.1, 0.2, 0.3, 0.4])]
    found = weighing.weights(traits, wanted)
    for own, other in zip(traits, wanted, strict=True):
        shares = np.bincount(own, weights=found) / found.sum()
        assert shares == pytest.approx(np.bincount(other) / len(other), abs=1e-3)


def test_what_the_others_never_show_does_not_count() -> None:
    found = weighing.weights([np.array([0, 0, 1])], [np.array([0, 0])])
    assert found.tolist() == pytest.approx([1.5, 1.5, 0.0])


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=50))
def test_weighed_photos_say_no_more_than_all_and_no_less_than_one(values: list[float]) -> None:
    found = weighing.counts_as(np.array(values, np.float32))
    assert 1 - 1e-3 <= found <= len(values) * (1 + 1e-3)


def test_photos_of_equal_weight_count_as_many_as_they_are() -> None:
    assert weighing.counts_as(np.full(40, 0.3, np.float32)) == pytest.approx(40)
    assert weighing.counts_as(np.zeros(3, np.float32)) == 0
