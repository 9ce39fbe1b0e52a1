"""The short form of `python -m tests.fuzz_decoder`: the same cases, a fiftieth of them."""

from __future__ import annotations

from tests.fuzz_decoder import damaged_photo, fuzz
from tests.support.photos import samples


def test_damaged_photos_of_every_kind_end_in_a_picture_or_a_reason() -> None:
    tally = fuzz(count=400, seed=20)
    assert tally.good, "\n".join(tally.lines())
    assert tally.outcomes.total() == 400
    assert {"decoded", "truncated", "corrupt"} <= set(tally.outcomes)


def test_a_fuzz_case_can_be_drawn_again() -> None:
    photos = samples((48, 64))
    assert damaged_photo(1, 77, photos) == damaged_photo(1, 77, photos)
    assert damaged_photo(1, 77, photos) != damaged_photo(2, 77, photos)
