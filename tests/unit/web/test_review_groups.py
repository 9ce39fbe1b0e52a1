"""Which photos stand together."""

from __future__ import annotations

from dataclasses import replace

from classifier.verdict import Alternative
from tests.unit.web.test_review_panel import STORY
from web.reading.photos import Seen
from web.review_groups import groups


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
    ])  # fmt: skip
    assert [(one.category, [p.story.id for p in one.photos]) for one in found] == [
        ("Bags", [4, 2, 3]), ("Caps", [5]), ("Shirts", [1]),
    ]  # fmt: skip


def test_photos_without_a_verdict_stand_together() -> None:
    bare = Seen(replace(STORY, category="", confidence=None, alternatives=()), ())
    assert [one.photos for one in groups([bare])] == [[bare]]
    assert groups([]) == []
