"""What a lesson takes of the examples that are kept."""

from __future__ import annotations

from collections import Counter

import pytest

from daemon.domain.examples import Kept, Occasion
from daemon.sorting import kept_examples
from daemon.sorting.kept_examples import choose


def kept(label: str, number: int, photo: int | None = None, sha256: str = "") -> Kept:
    return Kept(
        photo, f"{number}.jpg", label, Occasion.DECISION, "anna", f"2026-11-27T{number:04}", "",
        sha256 or f"{label}-{number}", bytes([number % 256] * 4),
    )  # fmt: skip


def test_a_new_category_of_too_few_photos_is_left_out_and_a_known_one_is_not() -> None:
    chosen = choose([kept("Sandals", 1), kept("Shirts", 2, photo=7)], ["Shirts"], 20)
    (one,) = chosen.examples
    assert (one.label, one.features.tolist(), one.source) == ("Shirts", [2] * 4, "decision")
    assert chosen.names == {"Shirts-2": "#7 2.jpg"}
    assert chosen.too_few == ("Sandals: 1 photos, and a new category needs 20",)


def test_of_one_photo_the_latest_word_counts() -> None:
    said = [kept("Tops", 1, sha256="same"), kept("Shirts", 2, sha256="same")]
    assert [one.label for one in choose(said, ["Tops", "Shirts"], 20).examples] == ["Shirts"]


def test_where_there_are_too_many_each_label_gives_its_newest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kept_examples, "MOST_IN_A_LESSON", 12)
    said = [kept("Tops", number) for number in range(20)] + [kept("Shirts", 1), kept("Shirts", 2)]
    examples = choose(said, ["Tops", "Shirts"], 20).examples
    assert Counter(one.label for one in examples) == {"Tops": 10, "Shirts": 2}
    assert {one.id for one in examples if one.label == "Tops"} == {
        f"Tops-{number}" for number in range(10, 20)
    }
