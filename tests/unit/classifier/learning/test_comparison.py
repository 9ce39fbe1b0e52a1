"""Before and after: figures and judgement."""

from __future__ import annotations

import numpy as np
import pytest

from classifier.learning.comparison import (
    Judged,
    beyond_chance,
    changed,
    figures,
    judgement,
    loses_too_much,
)
from classifier.verdict import Band
from tests.support.classifiers import verdict


def judged(*right: bool, band: Band = Band.AUTO) -> list[Judged]:
    return [
        Judged(str(at), "Tops", verdict("Tops" if hit else "Shirts", 0.9, band))
        for at, hit in enumerate(right)
    ]


OLD, NEW = np.ones(400, bool), np.zeros(400, bool)


def side(right: int, total: int = 400) -> list[Judged]:
    return judged(*[True] * right, *[False] * (total - right))


def test_figures_count() -> None:
    found = figures([*judged(True, True, False), *judged(True, band=Band.REVIEW)])
    assert (found.accuracy, found.review_share, found.auto) == (0.75, 0.25, (0.75, 2 / 3))
    assert found.categories == {"Tops": (0.75, 4)}
    assert found.as_json()["auto"] == {"share": 0.75, "accuracy": 2 / 3}
    assert found.ece == pytest.approx(0.15)


def test_figures_of_no_photos_are_no_error() -> None:
    assert (figures([]).photos, figures([]).auto) == (0, (0.0, None))


def test_photos_that_change_are_named() -> None:
    found = changed(judged(True, False, True), judged(False, True, True))
    assert (found.became_right, found.became_wrong) == (("1",), ("0",))


def test_more_right_than_chance_explains_is_better() -> None:
    word, why = judgement(side(300), side(320), OLD)
    assert (word, why) == ("better", "of 400 photos 20 become right and 0 wrong")


def test_few_changes_are_as_good() -> None:
    assert judgement(side(300), side(302), OLD)[0] == "as good"
    assert judgement(side(300), side(298), OLD)[0] == "as good"


def test_more_wrong_than_chance_explains_is_worse() -> None:
    assert judgement(side(300), side(290), NEW)[0] == "worse"


def test_old_may_lose_a_little_for_what_is_new() -> None:
    before = side(396) + side(0)
    after = side(391) + side(380)
    old = np.concatenate([OLD, NEW])
    assert judgement(before, after, old)[0] == "better"


def test_old_that_lose_more_make_a_lesson_worse_whatever_is_new() -> None:
    before = side(396) + side(0)
    after = side(370) + side(380)
    word, why = judgement(before, after, np.concatenate([OLD, NEW]))
    assert word == "worse"
    assert "of 400 photos of the old categories 26 become wrong and 0 right" in why


@pytest.mark.parametrize(
    ("more", "fewer", "is_it"),
    [(0, 0, False), (4, 0, False), (5, 0, True), (2600, 400, True), (1500, 1500, False)],
)
def test_sign_test(more: int, fewer: int, is_it: bool) -> None:
    assert beyond_chance(more, fewer) is is_it


def test_loss_within_chance_of_the_limit_is_not_held_against_a_lesson() -> None:
    assert not loses_too_much(20, 0, 1000)
    assert loses_too_much(30, 0, 1000)
