"""Who of the examples belongs together, and the fold that each is judged in."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from classifier.learning.examples import FOLDS, Example, folds_of, groups_of, in_order
from tests.support.lessons import SPEC, examples_of


def groups(told: list[Example]) -> list[str]:
    return groups_of(told, SPEC.inputs(np.stack([one.features for one in told])))


def test_photos_of_one_return_stay_together() -> None:
    told = [*examples_of("Shirts", 2, group="7"), *examples_of("Sandals", 2, group="7")]
    assert len(set(groups(told))) == 1


def test_photo_saved_anew_stays_with_its_twin() -> None:
    (first,) = examples_of("Sandals", 1)
    twin = Example("another", first.features, "Sandals")
    others = examples_of("Handbags", 1)
    found = groups([first, twin, *others])
    assert found[0] == found[1] != found[2]


def test_photos_without_a_return_do_not_belong_together_for_that() -> None:
    told = [*examples_of("Sandals", 1), *examples_of("Trunk", 1), *examples_of("Belts", 1)]
    assert len(set(groups(told))) == 3


def test_latest_word_on_a_photo_counts() -> None:
    (first,) = examples_of("Sandals", 1)
    later = Example(first.id, first.features, "Flats", said="2026-11-26")
    assert [one.label for one in in_order([later, first])] == ["Flats"]


def test_each_label_is_spread_over_all_folds() -> None:
    told = [*examples_of("Sandals", 20), *examples_of("Belts", 10)]
    folds = folds_of(told, [one.id for one in told])
    for label, least in (("Sandals", 4), ("Belts", 2)):
        own = folds[[one.label == label for one in told]]
        assert np.bincount(own, minlength=FOLDS).tolist() == [least] * FOLDS


@given(st.permutations(range(12)), st.integers(1, 4))
def test_folds_follow_the_groups_whatever_the_order(order: list[int], size: int) -> None:
    told = in_order(examples_of("Sandals", 12)[at] for at in order)
    names = [told[at // size * size].id for at in range(12)]
    folds = folds_of(told, names)
    for name in set(names):
        assert len({int(f) for f, own in zip(folds, names, strict=True) if own == name}) == 1
