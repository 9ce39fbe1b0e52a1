"""What the page of learning shows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

from classifier.learning.document import LessonDocument
from daemon.domain.lessons import Lesson, LessonState, Wanted
from web.learning_view import MOST_PICTURED, label_rows, result_of, version_rows

SIDE: dict[str, Any] = {
    "accuracy": 0.9, "ece": 0.02, "auto": {"share": 0.8, "accuracy": None}, "review_share": 0.1,
    "categories": {"Tops": {"recall": 0.5, "support": 4}},
}  # fmt: skip
DOCUMENT: dict[str, Any] = {
    "version": "2026-11-26.1", "base": "fashion 1", "examples": {"Tops": 4}, "new_labels": [],
    "seconds": 1.0, "before": SIDE, "after": SIDE, "became_right": [], "became_wrong": [],
    "photos": 10, "intervals": {"before": [0.8, 0.95], "after": [0.8, 0.95]}, "old": None,
    "unknown": None, "judgement": "as good", "why": "", "doubtful": [], "adopted": False,
}  # fmt: skip


def a_lesson(number: int = 1, **changes: Any) -> Lesson:
    now = datetime(2026, 11, 26, 9, tzinfo=UTC)
    document = cast(LessonDocument, {**DOCUMENT, **changes})
    return Lesson(number, LessonState.DONE, Wanted(), "anna", None, now, now, 1.0, document, "")


def nobody(_number: int) -> None:
    return None


def test_new_categories_stand_first_and_say_what_they_lack() -> None:
    examples = {"Tops": 90, "Sandals": 23, "Hats": 4, "Belts": 30, "Mugs": 40}
    learnt = ["Tops", "Mugs"]
    rows = label_rows(examples, {"Hats": 2}, ["Tops"], learnt, frozenset({"Belts"}), 20)
    assert [(one.name, one.state, one.new) for one in rows] == [
        ("Belts", "given_up", 0), ("Hats", "few", 2), ("Mugs", "learnt", 0),
        ("Sandals", "enough", 0),
        ("Tops", "known", 0),
    ]  # fmt: skip


def test_photos_of_the_history_are_pictured_and_others_only_counted() -> None:
    names = ["held-out 7", "#7 a.jpg", "/labelled/Tops/b.jpg", "#8 gone.jpg"]
    result = result_of(a_lesson(became_wrong=names), {7: ("Tops", "Shirts")}.get)
    assert result.counts == (0, 4)
    shown = [(one.name, one.photo, one.said, one.guess) for one in result.became_wrong]
    assert shown == [("a.jpg", 7, "Tops", "Shirts"), ("gone.jpg", None, "", "")]


def test_doubtful_examples_say_what_was_said_and_what_it_looks_like() -> None:
    doubtful = [{"photo": "b.jpg", "said": "Tops", "looks_like": "Shirts"}]
    (one,) = result_of(a_lesson(doubtful=doubtful), nobody).doubtful
    assert (one.name, one.photo, one.said, one.guess) == ("b.jpg", None, "Tops", "Shirts")


def test_what_the_counts_say_is_not_said_twice() -> None:
    why = "of 10 photos 0 become right and 1 wrong; 3 of these photos were corrected by people"
    result = result_of(a_lesson(why=why, became_wrong=["held-out 7"]), nobody)
    assert result.remarks == ["3 of these photos were corrected by people"]
    assert result_of(a_lesson(why="of 9 photos of the old 5 become wrong"), nobody).remarks


def test_only_so_many_are_pictured() -> None:
    names = [f"#{number} a.jpg" for number in range(1, 100)]
    assert len(result_of(a_lesson(became_right=names), nobody).became_right) == MOST_PICTURED


def test_a_lesson_without_a_version_before_has_figures_of_one_side() -> None:
    result = result_of(
        a_lesson(before=None, intervals={"before": None, "after": [0.8, 0.95]}), nobody
    )
    assert {one.before for one in result.figures} == {None}
    assert [(one.name, one.before, one.after) for one in result.categories] == [("Tops", None, 0.5)]


def test_a_refused_lesson_has_no_figures() -> None:
    result = result_of(a_lesson(version=None, before=None, after=None), nobody)
    assert (result.figures, result.categories) == ([], [])


def test_versions_say_which_is_in_use_and_how_many_verdicts_each_gave() -> None:
    learnt = {
        "version": "2026-11-26.1", "model": "fashion 1", "learnt": "2026-11-26T09:00:00+01:00",
        "categories": ["Tops", "Shirts"], "examples": 4, "judgement": "better", "problem": "",
    }  # fmt: skip
    found: Any = {
        "in_use": "2026-11-26.1",
        "versions": [
            {"version": "shipped", "model": "fashion 1", "problem": ""},
            {"version": "2026-11-25.1", "problem": "it is damaged"},
            learnt,
        ],
    }
    verdicts = {"fashion 1": 400, "fashion 2026-11-26.1": 90}
    rows = version_rows(found, verdicts, [a_lesson(12)])
    assert [(one.name, one.is_in_use, one.verdicts, one.lesson) for one in rows] == [
        ("2026-11-26.1", True, 90, 12), ("2026-11-25.1", False, 0, None),
        ("shipped", False, 400, None),
    ]  # fmt: skip
    assert rows[1].problem == "it is damaged"
