"""`nightsort learn`: which candidate judges at once, and which waits for a person."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from classifier.classifier import Classifier
from classifier.learning.document import LessonDocument
from config.settings import Settings
from daemon.cli import lessons, models
from daemon.cli.lessons import School, Wanted
from daemon.sorting.lessons import Held, refused
from daemon.sorting.versions import Versions
from tests.unit.daemon.service.test_adoption import a_settings


def school(state: Path, adopt: str) -> School:
    settings = a_settings(state)
    learning = settings.learning.model_copy(update={"adopt": adopt})
    settings = settings.model_copy(update={"learning": learning})
    return School(settings, Versions(state), cast(Classifier, None))  # nothing judges here


def held(judgement: str, version: str | None = "2026-11-27.1") -> Held:
    document: LessonDocument = refused("fashion", "")
    document["judgement"], document["version"] = judgement, version
    return Held(document)


@pytest.mark.parametrize(
    ("adopt", "is_asked", "candidate", "adopted"),
    [
        ("ask", False, held("better"), False), ("ask", True, held("better"), True),
        ("ask", True, held("as good"), True), ("ask", True, held("worse"), False),
        ("auto", False, held("better"), True), ("auto", False, held("as good"), False),
        ("auto", False, held("worse"), False), ("auto", True, held("worse"), False),
        ("auto", True, held("refused", None), False), ("off", False, held("better"), False),
    ],
)  # fmt: skip
def test_what_is_worse_or_refused_judges_in_no_case(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    adopt: str,
    is_asked: bool,
    candidate: Held,
    adopted: bool,
) -> None:
    done: list[str] = []

    def noted(_settings: Settings, _versions: Versions, name: str) -> None:
        done.append(name)

    monkeypatch.setattr(models, "adopt_here", noted)
    wanted = Wanted(only=None, adopt=is_asked, without=(), merged=(), as_json=False)
    assert lessons._adopted(school(tmp_path, adopt), wanted, candidate) is adopted
    assert done == ([candidate.version] if adopted else [])


def test_people_read_what_came_of_a_lesson_and_which_examples_are_doubtful() -> None:
    side = {"accuracy": 0.94, "review_share": 0.1}
    document = {
        **refused("fashion", "of 90 photos 9 become right and 1 wrong", {"Sandals": 24}),
        "version": "2026-11-27.1", "judgement": "better", "new_labels": ["Sandals"],
        "before": None, "after": side, "photos": 90,
        "intervals": {"before": None, "after": [0.9, 0.97]},
        "doubtful": [{"photo": "#7 a.jpg", "said": "Sandals", "looks_like": "Tops"}] * 11,
    }  # fmt: skip
    lines = [*lessons._lesson_words(document)]
    assert lines[:2] == ["Learnt from 24 photos in 0.0 s", "New categories: Sandals"]
    assert "94.0% of 90 photos right (90.0% to 97.0%), 10.0% to review" in lines[2]
    assert lines[3] == "Judgement: better: of 90 photos 9 become right and 1 wrong"
    doubtful = [line for line in lines if line.startswith("Doubtful: ")]
    assert doubtful == ["Doubtful: #7 a.jpg: said Sandals, looks like Tops"] * lessons.SHOWN
    assert lines[-1].endswith("kept, not in use; to use it: nightsort models adopt 2026-11-27.1")
    assert [*lessons._lesson_words({**document, "version": None})][-1].startswith("Nothing is kept")
    nothing = [*lessons._lesson_words(refused("fashion", "there are 0 examples"))]
    assert nothing == ["Nothing was learnt: there are 0 examples"]
