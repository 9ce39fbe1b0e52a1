"""What people read of lessons."""

from __future__ import annotations

from typing import Any, cast

import pytest

from daemon.domain.examples import LearningStatus
from daemon.domain.learning_words import learning_words, lesson_words
from tests.support.documents import a_lesson


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "2026-11-27.1 is better; to use it: nightsort models adopt 2026-11-27.1"),
        ({"adopted": True}, "2026-11-27.1 is better and was adopted"),
        ({"judgement": "worse"}, "2026-11-27.1 is worse and was not adopted"),
        ({"version": None, "judgement": "refused"}, "refused"),
    ],
)
def test_a_lesson_says_what_came_of_it_and_what_to_do(changes: dict[str, Any], words: str) -> None:
    assert lesson_words(a_lesson(**changes)).partition(", ")[2] == words


def learning(**changes: Any) -> LearningStatus:
    known = {"adopt": "ask", "examples": 0, "new": 0, "last": None, "effect": None}
    return cast(LearningStatus, known | changes)


def test_where_nobody_said_anything_nothing_is_said() -> None:
    assert learning_words(learning()) == ""


def test_new_examples_are_counted_since_the_last_lesson() -> None:
    said = learning_words(learning(examples=60, new=1, last=a_lesson()))
    assert said.startswith("1 new example since the last lesson: ")


def test_what_the_model_in_use_brought_is_said_behind() -> None:
    effect = {"since": "2026-11-25T02:00:00+01:00", "before": 0.2, "after": 0.111}
    assert learning_words(learning(examples=60, new=3, effect=effect)) == (
        "3 new examples, no lesson yet; since Wed 25 Nov 11.1% to review, 20.0% before"
    )


@pytest.mark.parametrize(("fewer", "words"), [(8.6, "9 fewer"), (-12.0, "12 more")])
def test_where_it_is_certain_it_is_said_in_photos_a_night(fewer: float, words: str) -> None:
    effect = {
        "since": "2026-11-25T02:00:00+01:00", "before": 0.2, "after": 0.111, "nights": 4,
        "fewer_a_night": fewer, "is_certain": True,
    }  # fmt: skip
    said = learning_words(learning(examples=60, new=3, effect=effect))
    assert f"since Wed 25 Nov {words} photos to review a night (11.1% to review" in said
