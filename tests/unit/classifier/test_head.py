"""Heads: scores to shares, with numbers that can be worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from classifier.features import FeatureSpec
from classifier.head import (
    NO_CATEGORY,
    Evidence,
    Gate,
    LastLayer,
    LearntHead,
    Rows,
    log_sum,
    sigmoid,
)

SPEC = FeatureSpec(embedding=2, scale=1.0, zero=0)


def rows(*owners: int) -> Rows:
    count = len(owners)
    return Rows(np.zeros((2, count), np.float32), np.zeros(count, np.float32), np.array(owners))


def head(own: Rows, opinion: Rows | None = None, weight: float = 0.0) -> LearntHead:
    gate = Gate(np.array([0.2, 0.4], np.float32), spread=0.1, weight=weight)
    return LearntHead(SPEC, own, opinion, gate, None, ("Shirts", "Tops"))


def evidence(
    scores: list[float], opinions: list[float] | None = None, outside: float | None = None
) -> Evidence:
    return Evidence(
        np.array([scores], np.float32),
        None if opinions is None else np.array([opinions], np.float32),
        None if outside is None else np.array([outside], np.float32),
    )


def test_last_layer_rounds_and_clips_as_int8_does() -> None:
    layer = LastLayer(np.eye(2, dtype=np.float32), np.zeros(2, np.float32), 0.5, -10)
    found = layer.logits(np.array([[1.2, 1.3], [1000.0, -1000.0]], np.float32))
    assert found.tolist() == [[1.0, 1.5], [68.5, -59.0]]


def test_shares_are_those_of_a_softmax_within_what_is_known() -> None:
    (shares,) = head(rows(0, 1)).shares_of(evidence([np.log(3), 0.0]))
    assert shares.tolist() == pytest.approx([0.375, 0.125, 0.5])  # nothing speaks of other things


def test_row_of_no_category_makes_a_photo_unknown() -> None:
    (shares,) = head(rows(0, 1, NO_CATEGORY)).shares_of(evidence([0.0, 0.0, np.log(6)]))
    assert shares.tolist() == pytest.approx([0.125, 0.125, 0.75])


def test_two_rows_speak_for_one_category_together() -> None:
    (shares,) = head(rows(0, 0, 1)).shares_of(evidence([0.0, 0.0, np.log(2)]))
    assert shares[0] == pytest.approx(shares[1])


def test_what_is_unusual_for_the_best_category_makes_a_photo_unknown() -> None:
    gated = head(rows(0, 1), weight=2.0)
    (usual,) = gated.shares_of(evidence([1.0, 0.0], outside=0.2))
    (unusual,) = gated.shares_of(evidence([1.0, 0.0], outside=0.3))
    assert usual[-1] == pytest.approx(0.5)
    assert unusual[-1] == pytest.approx(float(sigmoid(np.array(2.0))))
    (of_tops,) = gated.shares_of(evidence([0.0, 1.0], outside=0.3))
    assert of_tops[-1] < 0.5


def test_own_opinion_moves_shares_among_its_categories_only() -> None:
    own = rows(0, 1, NO_CATEGORY)
    three = LearntHead(
        SPEC,
        rows(0, 1, 2),
        Rows(np.zeros((2, 2), np.float32), np.zeros(2, np.float32), np.array([0, 1])),
        Gate(np.zeros(3, np.float32), 1.0, 0.0),
        None,
        ("Shirts", "Tops", "Sandals"),
    )
    (even,) = three.shares_of(evidence([0.0, 0.0, 0.0], [0.0, 0.0]))
    (swayed,) = three.shares_of(evidence([0.0, 0.0, 0.0], [2.0, 0.0]))
    assert swayed[0] > even[0] > swayed[1]
    assert swayed[2] == pytest.approx(even[2])
    assert own.owners[-1] == NO_CATEGORY


def test_what_a_doubted_category_has_part_in_is_told_less_sure_and_nothing_else() -> None:
    plain = LearntHead(
        SPEC, rows(0, 1, 2, NO_CATEGORY), None, Gate(np.zeros(3, np.float32), 1.0, 0.0), None,
        ("Shirts", "Tops", "Sandals"),
    )  # fmt: skip
    doubted = replace(plain, doubts=np.array([1.0, 1.0, 2.0]))
    among_others = evidence([3.0, 1.0, 0.0, 0.0])
    assert doubted.shares_of(among_others).tolist() == plain.shares_of(among_others).tolist()
    for scores in ([3.0, 0.0, 1.0, 0.0], [1.0, 0.0, 3.0, 0.0]):
        (sure,), (unsure,) = (one.shares_of(evidence(scores)) for one in (plain, doubted))
        assert unsure.argmax() == sure.argmax()
        assert unsure.max() < sure.max()
        assert unsure[-1] == pytest.approx(sure[-1])  # whether it is known at all


def test_log_sum_survives_large_numbers_and_none_at_all() -> None:
    assert log_sum(np.array([[1e6, 1e6]])) == pytest.approx([1e6 + np.log(2)])
    assert log_sum(np.zeros((2, 0))).tolist() == [-np.inf, -np.inf]


def test_sigmoid_has_ends() -> None:
    assert sigmoid(np.array([-1e6, 0.0, 1e6])).tolist() == [0.0, 0.5, 1.0]
