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
