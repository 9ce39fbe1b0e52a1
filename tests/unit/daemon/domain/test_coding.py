"""What a dataclass holds comes through JSON as it was; what is no such thing is told in words."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.coding import coded, decoded


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    number: int | None


@dataclass(frozen=True, slots=True)
class Whole:
    day: date
    colour: Colour
    parts: tuple[Part, ...] = ()
    words: tuple[str, ...] = ()
    is_new: bool = False


TEXTS = st.text(st.characters())  # surrogates, too: of names that no program can read
PARTS = st.builds(Part, name=TEXTS, number=st.none() | st.integers())
WHOLES = st.builds(
    Whole,
    day=st.dates(),
    colour=st.sampled_from(Colour),
    parts=st.lists(PARTS, max_size=3).map(tuple),
    words=st.lists(TEXTS, max_size=3).map(tuple),
    is_new=st.booleans(),
)
LEAST: dict[str, Any] = {"day": "2026-11-16", "colour": "red"}


@given(WHOLES)
def test_what_is_coded_is_decoded_as_it_was(whole: Whole) -> None:
    assert decoded(Whole, json.loads(json.dumps(coded(whole)))) == whole


def test_what_has_a_default_may_be_left_out() -> None:
    assert decoded(Whole, LEAST) == Whole(date(2026, 11, 16), Colour.RED)


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ([], "it must be an object"),
        ({"colour": "red"}, "day is missing"),
        (LEAST | {"size": 5}, "size is not known here; there is day, colour, parts"),
        (LEAST | {"day": "soon"}, "day must be a day such as 2026-11-16"),
        (LEAST | {"day": 5}, "day must be a day such as 2026-11-16"),
        (LEAST | {"colour": "green"}, "colour must be red or blue"),
        (LEAST | {"colour": None}, "colour must be red or blue"),
        (LEAST | {"words": "abc"}, "words must be a list"),
        (LEAST | {"words": [None]}, r"words\[0\] must be text"),
        (LEAST | {"is_new": 1}, "is_new must be true or false"),
        (LEAST | {"parts": [{"name": "a", "number": True}]}, "number must be a whole number"),
        (LEAST | {"parts": [{"name": "a", "number": 1.5}]}, "number must be a whole number"),
        (LEAST | {"parts": ["a"]}, r"parts\[0\] must be an object"),
    ],
)
def test_what_does_not_fit_is_told(value: object, error: str) -> None:
    with pytest.raises(ValueError, match=f"^{error}"):
        decoded(Whole, value)
