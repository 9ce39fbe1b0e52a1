"""The page of an evaluation: what it shows, of whom, and that nothing in it is run."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest

from classifier.evaluation import evaluate
from classifier.verdict import Band, Reason, Thresholds, Verdict
from config.errors import TransientError
from daemon.folders.photo_files import Limits
from daemon.reporting.evaluation_page import Mistake, write_evaluation
from daemon.sorting.offline import Look
from daemon.sorting.offline_evaluation import facts_of, mistakes_among, write_report
from tests.support.browser import look_at
from tests.support.classifiers import verdict
from tests.support.photos import photo_bytes, write_photo

CATEGORIES = ("Shirts", "Tops", "Tshirts")
LIMITS = Limits(1_000_000, 10.0)
HOSTILE = "<script>alert(1)</script>"

TRUTH = ["Shirts"] * 6 + ["Tops"] * 3 + [HOSTILE]
GUESSES = ["Shirts"] * 5 + ["Tops"] * 4 + ["Shirts"]
VERDICTS = [verdict(guess, 0.99 - 0.03 * n) for n, guess in enumerate(GUESSES)]


def mistake(
    name: str = "a.jpg", guess: Verdict | None = None, picture: bytes | None = None
) -> Mistake:
    return Mistake(name, "Shirts", guess or verdict("Tops"), picture)


def page_of(*mistakes: Mistake, truth: list[str] = TRUTH) -> str:
    file = BytesIO()
    evaluation = evaluate(truth, VERDICTS, CATEGORIES, 2.0)
    write_evaluation(file, evaluation, mistakes, [("Model", "made-up 1")])
    return file.getvalue().decode("utf-8")


# The page


def test_page_says_how_right_and_how_certain_that_is() -> None:
    text = page_of().replace("\N{NO-BREAK SPACE}", " ")
    assert "8 of 10 photos right: 80.0 %, between 49.0 % and 94.3 % with 95 % confidence." in text
    assert "made-up 1" in text


def test_page_has_a_row_for_every_threshold_and_label() -> None:
    text = page_of()
    evaluation = evaluate(TRUTH, VERDICTS, CATEGORIES, 2.0)
    for row in evaluation.thresholds:
        assert f'<th scope="row">{row.threshold}</th>' in text
    for name in ("Shirts", "Tops", "Tshirts"):
        assert f"<bdi>{name}</bdi>" in text


def test_nothing_that_folders_and_files_are_called_is_run() -> None:
    text = page_of(mistake(name=HOSTILE), mistake(guess=verdict(HOSTILE)))
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_mistake_shows_picture_label_verdict_and_reason() -> None:
    unsure = verdict("Tops", 0.41, Band.REVIEW, Reason.UNSURE)
    text = page_of(mistake("b 12.jpg", unsure, picture=b"\xff\xd8pixels"))
    assert 'src="data:image/jpeg;base64,/9hwaXhlbHM="' in text
    for said in ("b 12.jpg", "<bdi>Tops</bdi> <span>41.0", "band review", "unsure between"):
        assert said in text


def test_page_says_when_it_shows_only_some_of_the_mistakes() -> None:
    assert "1 of 2, the surest first." in page_of(mistake())
    assert "of 2, the surest first." not in page_of(mistake(), mistake())


def test_without_mistakes_there_is_no_heading_for_them() -> None:
    assert "Mistakes" not in page_of(truth=GUESSES)


@pytest.mark.parametrize("width", [390, 1280])
def test_a_browser_shows_the_page_in_its_width(tmp_path: Path, width: int) -> None:
    page = tmp_path / "evaluation.html"
    name = "x" * 90 + HOSTILE
    page.write_text(page_of(mistake(name, picture=photo_bytes()), mistake()), encoding="utf-8")
    seen = look_at(page, width, tmp_path)
    assert seen.too_wide_px == 0
    assert (seen.pictures, seen.unseen, seen.without_alt) == (1, 0, 0)
    assert (seen.scripts, seen.console) == (0, [])
    assert seen.cut_off == []
    assert HOSTILE in seen.text


# Its mistakes


def test_surest_mistakes_come_first_and_right_ones_not_at_all(tmp_path: Path) -> None:
    names = ["right", "unsure", "sure", "unreadable"]
    paths = [write_photo(tmp_path / f"{name}.jpg", seed=n) for n, name in enumerate(names)]
    looks = [
        Look(paths[0], verdict("Shirts")),
        Look(paths[1], verdict("Tops", 0.4, Band.REVIEW)),
        Look(paths[2], verdict("Tops", 0.98)),
        Look(paths[3], None),
    ]
    found = mistakes_among(looks, dict.fromkeys(paths, "Shirts"), LIMITS)
    assert [(one.name, one.label) for one in found] == [
        ("sure.jpg", "Shirts"),
        ("unsure.jpg", "Shirts"),
    ]
    assert all(one.picture and one.picture.startswith(b"\xff\xd8") for one in found)
    (first,) = mistakes_among(looks, dict.fromkeys(paths, "Shirts"), LIMITS, most=1)
    assert first.name == "sure.jpg"


def test_mistake_whose_file_is_gone_is_shown_without_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "gone.jpg"
    (found,) = mistakes_among([Look(path, verdict("Tops"))], {path: "Shirts"}, LIMITS)
    assert found.picture is None
    assert "no picture" in page_of(found)


# Where it is written


def test_page_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    evaluation = evaluate(TRUTH, VERDICTS, CATEGORIES, 2.0)
    with pytest.raises(TransientError) as caught:
        write_report(tmp_path / "nowhere" / "page.html", evaluation, [], {})
    assert str(tmp_path / "nowhere") in str(caught.value)
    write_report(tmp_path / "page.html", evaluation, [], {})
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_facts_say_what_was_left_out_only_when_something_was() -> None:
    now, bands = datetime(2026, 11, 22, 9, tzinfo=UTC), Thresholds(0.955, 0.7, None)
    facts = facts_of(Path("hold"), 0, "made-up 1", bands, now)
    assert facts["Bands"] == "auto from 0.955, review below 0.7"
    assert "Left out" not in facts
    assert facts_of(Path("hold"), 2, "m", bands, now)["Left out"] == "2 that could not be read"
