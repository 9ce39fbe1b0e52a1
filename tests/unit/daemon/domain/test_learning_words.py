"""What people read of lessons."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from daemon.domain import learning_words as module
from daemon.domain.examples import LearningStatus
from daemon.domain.learning_words import learning_words, lesson_words, why_words
from daemon.domain.speech import ENGLISH, speech
from tests.support.documents import a_lesson
from tests.support.said import forms


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


# Why a lesson ended as it did

HOUSE = Path(module.__file__).parents[2]
SPEAKERS = (
    "classifier/learning",
    "daemon/sorting/lessons.py",
    "daemon/sorting/promoted.py",
    "daemon/sorting/lesson_process.py",
    "daemon/service/lessons.py",
    "daemon/store/lessons.py",
)


def strings() -> Iterator[str]:
    """What the source says, with a 7 where something is filled in; or by which key it does."""
    for name in SPEAKERS:
        place = HOUSE / name
        for file in place.glob("*.py") if place.is_dir() else [place]:
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                match node:
                    case ast.Constant(value=str(text)):
                        yield text
                    case ast.JoinedStr():
                        yield from forms(node, {"examples": [ast.Constant("examples")]})


def test_what_the_catalogue_knows_again_is_said_somewhere() -> None:
    said = [one for one in strings() if len(one) > 12]
    for key in set(ENGLISH.keys_below("lessons.why")) - {*said}:
        sentence = ENGLISH.sentence(key, 7).replace("%", "")
        filled = re.sub(r"{\w+}", "7", sentence)
        assert any(filled in one or one in filled for one in said), key


@pytest.mark.parametrize(
    ("english", "german"),
    [
        (
            "of 1205 photos 3 become right and 2 wrong",
            "von 1205 Fotos werden 3 richtig und 2 falsch",
        ),
        ("Hats has only 1 example, 20 say more", "Hats hat nur 1 Beispiel, 20 sagen mehr"),
        # As nightsort said it once.
        ("Hats has only 1 examples, 20 say more", "Hats hat nur 1 Beispiel, 20 sagen mehr"),
        (
            "of 60 photos of the old categories 9 become wrong and 1 right",
            "von 60 Fotos der alten Kategorien werden 9 falsch und 1 richtig",
        ),
        (
            (
                "there are 3 examples to learn from, and a lesson needs 40; 2 more photos cannot "
                "be looked at just now; they come from what people correct and decide, and from: "
                "nightsort learn add"
            ),
            (
                "es gibt 3 Beispiele zum Lernen, und eine Lektion braucht 40; 2 weitere Fotos "
                "können gerade nicht angesehen werden; sie kommen aus dem, was Leute berichtigen "
                "und entscheiden, und von: nightsort learn add"
            ),
        ),
        (
            (
                "by itself 94.6% of 200 photos are right; there is nothing to compare with, so "
                "whether to judge with it is a person's decision"
            ),
            (
                "für sich sind 94,6 % von 200 Fotos richtig; es gibt nichts zum Vergleichen, also "
                "entscheidet jemand, ob danach geurteilt wird"
            ),
        ),
        (
            "nightsort was stopped while it was being held; ask for it again",
            "nightsort wurde angehalten, während sie lief; fordern Sie sie noch einmal an",
        ),
        ("what nobody has said before", "what nobody has said before"),
        ("", ""),
    ],
)
def test_why_a_lesson_ended_is_told_in_german_part_by_part(english: str, german: str) -> None:
    assert why_words(english, speech("de")) == german
    assert why_words(english, ENGLISH) == english
