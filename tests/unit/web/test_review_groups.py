"""Which photos stand together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from classifier.verdict import Alternative
from tests.unit.web.test_review_panel import STORY
from web.reading.photos import Seen
from web.review_groups import Group, groups


def photo(number: int, guess: str, second: str = "Tops", confidence: float = 0.5) -> Seen:
    alternatives = (Alternative(second, 0.1),)
    story = replace(
        STORY, id=number, category=guess, confidence=confidence, alternatives=alternatives
    )
    return Seen(story, ())


def test_the_largest_group_comes_first_and_alike_photos_stand_beside_each_other() -> None:
    found = groups([
        photo(1, "Shirts"), photo(2, "Bags", "Belts"), photo(3, "Bags", "Shoes"),
        photo(4, "Bags", "Belts", 0.6), photo(5, "Caps"),
    ], {})  # fmt: skip
    assert [(one.category, [p.story.id for p in one.photos]) for one in found] == [
        ("Bags", [4, 2, 3]), ("Caps", [5]), ("Shirts", [1]),
    ]  # fmt: skip


def test_photos_without_a_verdict_stand_together() -> None:
    bare = Seen(replace(STORY, category="", confidence=None, alternatives=()), ())
    assert [one.photos for one in groups([bare], {})] == [[bare]]
    assert groups([], {}) == []


KINDS = np.random.default_rng(3).integers(40, 200, (3, 64))


def sight(number: int) -> bytes:
    """What the network saw of one of three kinds of photos, each a little different."""
    noise = np.random.default_rng(number).integers(-12, 12, 64)
    return bytes((KINDS[number % 3] + noise).astype(np.uint8))


def numbers(found: list[Group]) -> list[set[int]]:
    return [{one.story.id for one in group.photos} for group in found]


def test_photos_that_look_alike_stand_together_whatever_they_are_taken_for() -> None:
    waiting = [photo(n, "Bags" if n % 2 else "Caps") for n in range(14)]
    found = groups(waiting, {n: sight(n) for n in range(14)})
    assert numbers(found) == [{1, 4, 7, 10, 13}, {0, 3, 6, 9, 12}, {2, 5, 8, 11}]
    assert [one.category for one in found] == ["Bags", "Caps", "Bags"]
    assert not any(one.is_of_one_guess for one in found)
    assert [one.story.category for one in found[0].photos] == ["Bags"] * 3 + ["Caps"] * 2


def test_what_resembles_nothing_stands_with_its_guess() -> None:
    waiting = [photo(n, "Caps") for n in range(12)] + [photo(20, "Bags"), photo(21, "Bags")]
    odd = np.random.default_rng(9).integers(0, 255, (2, 64)).astype(np.uint8)
    sights = {n: sight(3 * n) for n in range(12)} | {20 + n: odd[n].tobytes() for n in (0, 1)}
    assert numbers(groups(waiting, sights)) == [{*range(12)}, {20, 21}]


@pytest.mark.parametrize("seen", [0, 7])
def test_of_few_that_were_looked_at_nothing_is_concluded(seen: int) -> None:
    waiting = [photo(n, "Bags" if n % 2 else "Caps") for n in range(10)]
    found = groups(waiting, {n: sight(n) for n in range(seen)})
    assert numbers(found) == [{1, 3, 5, 7, 9}, {0, 2, 4, 6, 8}]


def test_photos_that_look_all_the_same_are_one_group() -> None:
    waiting = [photo(n, "Caps") for n in range(9)]
    assert numbers(groups(waiting, dict.fromkeys(range(9), sight(1)))) == [{*range(9)}]
