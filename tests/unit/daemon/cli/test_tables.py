"""An evaluation as people read it."""

from __future__ import annotations

from classifier.evaluation import evaluate
from classifier.verdict import Band
from daemon.cli.tables import evaluation_table
from tests.support.classifiers import verdict

CATEGORIES = ("Shirts", "Tops")


def table(truth: list[str], guesses: list[str]) -> str:
    verdicts = [verdict(guess) for guess in guesses]
    return evaluation_table(evaluate(truth, verdicts, CATEGORIES, seconds=0.5))


def row(text: str, name: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if line.startswith(f"{name} ")]
    return line.removeprefix(name).split()


def test_headline_says_how_many_are_right() -> None:
    headline = table(["Shirts", "Tops", "Tops"], ["Shirts", "Tops", "Shirts"]).splitlines()[0]
    assert headline.startswith("2 of 3 photos right: accuracy 66.7%, calibration error 0.323")
    assert headline.endswith("6 photos/s")


def test_each_category_has_its_figures() -> None:
    text = table(["Shirts", "Tops", "Tops"], ["Shirts", "Tops", "Shirts"])
    assert row(text, "Shirts") == ["50.0%", "100.0%", "66.7%", "1"]


def test_bands_are_explained_and_empty_ones_have_no_accuracy() -> None:
    verdicts = [verdict("Shirts"), verdict("Tops", 0.4, Band.REVIEW)]
    text = evaluation_table(evaluate(["Shirts", "Shirts"], verdicts, CATEGORIES, 1.0))
    assert row(text, "auto (filed, nobody looks)") == ["50.0%", "100.0%"]
    assert row(text, "check (filed, a quick look)") == ["0.0%", "-"]
    assert row(text, "review (a person decides)") == ["50.0%", "0.0%"]


def test_table_shows_what_another_threshold_of_band_auto_would_do() -> None:
    verdicts = [verdict("Shirts", 0.96), verdict("Tops", 0.91)]
    text = evaluation_table(evaluate(["Shirts", "Shirts"], verdicts, CATEGORIES, 1.0))
    assert row(text, "0.95") == ["50.0%", "100.0%"]
    assert row(text, "0.9") == ["100.0%", "50.0%"]
    assert row(text, "0.99") == ["0.0%", "-"]


def test_commonest_mistakes_come_first_and_ties_by_name() -> None:
    text = table(["Tops", "Tops", "Boots", "Anoraks"], ["Shirts", "Shirts", "Tops", "Tops"])
    mistakes = text[text.index("Mistaken") :].splitlines()[2:]
    assert [line.split() for line in mistakes] == [
        ["Tops", "Shirts", "2"],
        ["Anoraks", "Tops", "1"],
        ["Boots", "Tops", "1"],
    ]


def test_without_mistakes_no_table_of_mistakes_is_shown() -> None:
    assert "Mistaken" not in table(["Shirts"], ["Shirts"])


def test_names_of_folders_are_shown_as_they_are() -> None:
    text = table(["Boots [old] :shoe:", "[red]Bags"], ["Shirts", "Tops"])
    for name in ("Boots [old] :shoe:", "[red]Bags"):
        assert text.count(f"\n{name} ") == 2  # among the categories, and among the mistakes


def test_names_of_folders_cannot_speak_to_the_terminal() -> None:
    text = table(["\x1b[31mBags\r\n"], ["Shirts"])
    assert "\x1b" not in text
    assert r"\x1b[31mBags\r\n" in text


def test_table_fits_on_a_page_and_has_no_trailing_blanks() -> None:
    lines = table(["A very long name of a category " * 5], ["Shirts"]).splitlines()
    assert max(map(len, lines)) <= 100
    assert all(line == line.rstrip() for line in lines)
