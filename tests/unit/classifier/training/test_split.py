from collections import Counter

import numpy as np
import pytest

from classifier.training import split

SHARES = {"train": 0.72, "validation": 0.14, "test": 0.14}


def test_neighbouring_ids_are_one_product() -> None:
    assert split.product_group("12340") == split.product_group("12349")
    assert split.product_group("12349") != split.product_group("12350")


def test_names_that_are_no_ids_are_products_of_their_own() -> None:
    assert split.product_group("a1b2-c3") == "a1b2-c3"


def test_near_twins_are_found_and_strangers_are_not() -> None:
    rng = np.random.default_rng(1)
    photos = rng.uniform(0, 255, (30, 192)).astype(np.float32)
    photos[7] = photos[21] + rng.normal(0, 2, 192)
    assert split.twin_pairs(photos, max_difference=5.0, block=8) == [(7, 21)]


def test_twins_of_twins_join_one_group() -> None:
    groups = ["a", "b", "c", "d", "b"]
    assert split.merge_groups(groups, [(0, 1), (2, 4)]) == ["a", "a", "a", "d", "a"]


def test_a_group_stands_on_the_same_side_whatever_else_there_is() -> None:
    few = split.assign_sides(["p1", "p2"], [None, None], seed=3, shares=SHARES)
    many = split.assign_sides(["p9", "p2", "p1"], [None] * 3, seed=3, shares=SHARES)
    assert few == [many[2], many[1]]


def test_another_seed_gives_another_split() -> None:
    groups = [f"p{i}" for i in range(200)]
    sides = [split.assign_sides(groups, [None] * 200, seed, SHARES) for seed in (1, 2)]
    assert sides[0] != sides[1]


def test_sides_have_about_their_shares() -> None:
    sides = Counter(split.side_of(f"p{i}", 1, SHARES) for i in range(20_000))
    for side, share in SHARES.items():
        assert sides[side] / 20_000 == pytest.approx(share, abs=0.01)


def test_a_twin_of_a_test_photo_is_never_trained_on() -> None:
    groups = ["p1", "p1", "p2"]
    assert split.assign_sides(groups, [None, "test", "train"], 1, SHARES) == [
        "test",
        "test",
        "train",
    ]
