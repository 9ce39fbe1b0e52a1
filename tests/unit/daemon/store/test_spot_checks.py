"""The lot of spot checks: the same each time, of the size that was asked for, and fair."""

from __future__ import annotations

import hashlib
import math
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from daemon.store.spot_checks import drawn

PHOTOS = st.sets(st.integers(1, 10_000), max_size=300)


def hashed(photo: int, night: int = 0) -> tuple[str, int]:
    return hashlib.sha256(f"{night}/{photo}".encode()).hexdigest(), photo


@given(PHOTOS, st.floats(0, 1), st.integers(0, 300))
def test_a_lot_falls_the_same_in_whatever_order_photos_come(
    photos: set[int], share: float, most: int
) -> None:
    in_order = [hashed(photo) for photo in sorted(photos)]
    chosen = drawn(in_order, share, most)
    assert chosen == drawn(reversed(in_order), share, most)
    assert set(chosen) <= photos
    assert len(chosen) == len({*chosen}) == min(most, math.ceil(share * len(photos)))


def test_every_photo_has_the_same_chance() -> None:
    found: Counter[int] = Counter()
    for night in range(2000):
        found.update(drawn((hashed(photo, night) for photo in range(20)), 0.05, 250))
    assert found.total() == 2000
    assert len(found) == 20
    assert all(60 <= times <= 145 for times in found.values())  # 100 each, by four deviations
