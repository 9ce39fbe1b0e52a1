"""Pages that commands write, in German: of an evaluation, of a comparison, of an archive."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from classifier.archive.totals import Totals
from classifier.evaluation import evaluate
from classifier.verdict import Band, Reason, Thresholds
from daemon.domain.speech import ENGLISH, speech
from daemon.reporting.archive_page import write_archive_page
from daemon.reporting.comparison_page import Difference, write_comparison
from daemon.reporting.evaluation_page import Mistake, write_evaluation
from daemon.sorting.offline_evaluation import facts_of
from tests.integration.test_german_pages import ENGLISH_WORDS
from tests.support.browser import look_at
from tests.support.classifiers import verdict

GERMAN = speech("de")
_TRUTH = ["Shirts"] * 6 + ["Tops"] * 1200
_FIGURES: dict[str, Any] = {
    "accuracy": 0.913, "ece": 0.031, "review_share": 0.12,
    "auto": {"share": 0.7, "accuracy": 0.99},
    "categories": {"Shirts": {"recall": 0.8, "support": 5}},
}  # fmt: skip
_COMPARED: dict[str, Any] = {
    "a": "shipped", "b": "2026-11-27.1", "judgement": "as good", "photos": 1205,
    "why": "of 1205 photos 3 become right and 2 wrong; Boxes has only 4 examples, 20 say more",
    "before": _FIGURES, "after": _FIGURES, "old": {"before": _FIGURES, "after": _FIGURES},
    "intervals": {"before": [0.88, 0.94], "after": [0.9, 0.96]},
    "became_right": ["a", "b", "c"], "became_wrong": ["d", "e"],
}  # fmt: skip


def evaluated(file: Path, language: str = "de") -> None:
    say = speech(language)
    guesses = [verdict("Shirts", 0.97), *(verdict("Tops", 0.93) for _ in _TRUTH[1:])]
    bands = Thresholds(0.97, 0.7, None)
    facts = facts_of(
        Path("/srv"), 2, "fashion 1", bands, datetime(2026, 11, 27, 8, tzinfo=UTC), say
    )
    mistake = Mistake("x.jpg", "Shirts", verdict("Tops", 0.41, Band.REVIEW, Reason.UNSURE), None)
    with file.open("wb") as out:
        found = evaluate(_TRUTH, guesses, ("Shirts", "Tops"), 2.0)
        write_evaluation(out, found, [mistake], [*facts.items()], say)


def compared(file: Path, language: str = "de") -> None:
    changed = [
        Difference("x.jpg", "Tops", verdict("Shirts", 0.5), verdict("Tops", 0.912)),
        Difference("y.jpg", "Shirts", verdict("Shirts", 0.5), verdict("Tops", 0.9)),
    ]
    with file.open("wb") as out:
        shown = [(one, None) for one in changed]
        write_comparison(out, _COMPARED, shown, 5, speech(language))


def archived(file: Path, language: str = "de") -> None:
    totals = Totals(
        1234, Counter(Shirts=1200), Counter(auto=1100, check=60, review=40),
        Counter(unsure=40), Counter(corrupt=34), Counter({"fashion 1": 1200}),
    )  # fmt: skip
    with file.open("wb") as out:
        write_archive_page(out, ["/srv/old"], totals, speech(language))


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("write", [evaluated, compared, archived])
def test_the_page_fits_its_width_and_holds_no_english(
    tmp_path: Path, write: Callable[[Path], None], width: int
) -> None:
    write(file := tmp_path / "page.html")
    seen = look_at(file, width, tmp_path)
    assert seen.too_wide_px == 0
    assert '<html lang="de">' in file.read_text("utf-8")
    text = re.sub(r"\S+\.jpg|/\S+|nightsort models compare", "", seen.text)
    assert ENGLISH_WORDS.findall(text) == []
    assert "{" not in text


def test_numbers_and_reasons_are_as_people_write_them(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    evaluated(file)
    text = file.read_text("utf-8").replace("\N{NO-BREAK SPACE}", " ")
    assert "1.201 von 1.206 Fotos richtig: 99,6 %" in text
    assert "unsicher zwischen zwei Kategorien" in text
    assert "27.11.2026, 08:00" in text
    compared(file)
    text = file.read_text("utf-8").replace("\N{NO-BREAK SPACE}", " ")
    assert "ist gleich gut: von 1205 Fotos werden 3 richtig und 2 falsch; Boxes hat nur 4" in text
    assert "88,0 % bis 94,0 %" in text
    archived(file)
    assert "1.234 Fotos, 1.200 mit einem Urteil." in file.read_text("utf-8")


def test_in_english_they_say_what_they_said(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    compared(file, ENGLISH.language)
    text = file.read_text("utf-8").replace("\N{NO-BREAK SPACE}", " ")
    assert "is as good: of 1205 photos 3 become right and 2 wrong; Boxes has only 4" in text
    assert "3 photos become right and 2 wrong. 5 of them are photos of yours, of which 2" in text
    archived(file, ENGLISH.language)
    assert "1,234 photos, 1,200 with a verdict." in file.read_text("utf-8")
