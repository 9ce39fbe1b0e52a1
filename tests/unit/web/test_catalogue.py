"""Every language says everything, and says what the pages ask for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from classifier.verdict import Band, Reason
from config import catalogue
from config.errors import PhotoProblem
from config.settings import Settings, walk
from daemon.domain.alerts import RULES
from daemon.domain.corrections import Word
from daemon.reporting.history import IN_WORDS
from daemon.store import Whereabouts
from web.passwords import complaint
from web.templating import HERE, settings_texts

LANGUAGES = catalogue.read(HERE / "texts")
_TEMPLATES = [file.read_text("utf-8") for file in (HERE / "templates").glob("*.html")]
# What stands between two brackets of `t.many(`: one key, or two of which one is chosen.
ASKED_BY_NUMBER = {
    key
    for text in _TEMPLATES
    for asked in re.findall(r't\.many\(("[^,]+),', text)
    for key in re.findall(r'"([\w.]+)"', asked)
}


def test_english_and_german_have_the_same_sentences_with_the_same_places_to_fill_in() -> None:
    assert set(LANGUAGES) == {"en", "de"}
    english, german = LANGUAGES["en"].catalogue, LANGUAGES["de"].catalogue
    assert set(english) == set(german)
    for key, sentence in english.items():
        assert re.findall(r"{\w+}", sentence) == re.findall(r"{\w+}", german[key]), key
        assert sentence.count("|") == german[key].count("|"), key
        assert sentence.strip(), key
        assert german[key].strip(), key


def test_one_is_not_told_as_several() -> None:
    for language, one, more in (
        ("en", "1 example.", "12 examples."),
        ("de", "1 B", "12 Beispiele"),
    ):
        said = [LANGUAGES[language].many("learning.from_all", n, number=n) for n in (1, 12)]
        assert one in said[0]
        assert more in said[1]
        assert "|" not in "".join(said)
    for texts in LANGUAGES.values():
        for key in (key for key, sentence in texts.catalogue.items() if "|" in sentence):
            assert key in ASKED_BY_NUMBER, key


def test_every_sentence_that_a_page_asks_for_is_there_and_none_is_left_over() -> None:
    files = [*(HERE / "templates").glob("*.html"), *(HERE / "pages").glob("*.py")]
    files += (HERE / "cards").glob("*.py")
    pages = "\n".join(page.read_text("utf-8") for page in files)
    asked = set(re.findall(r't(?:\.or_else)?\("([\w.]+)"', pages))
    asked |= set(re.findall(r'"([a-z]+\.[a-z_]+)"', pages))
    begun = set(re.findall(r't(?:\.or_else)?\("(\w+\.)" ~', pages))
    begun |= set(re.findall(r'\(\s*f"(\w+\.){', pages))
    known = set(LANGUAGES["en"].catalogue)
    assert {
        one
        for one in asked
        if one.count(".") == 1 and not one.endswith((".", "svg", "css", "js", "html"))
    } <= known
    assert {key for key in known - asked if not key.startswith(tuple(begun))} == set()


def test_whatever_the_history_holds_has_its_words() -> None:
    wanted: dict[str, set[str]] = {
        "alert": {*RULES},
        "severity": {rule.severity for rule in RULES.values()},
        "said": {*Word, "confirmed"},
        "band": {*Band},
        "reason": {*Reason, *PhotoProblem},
        "state": {*IN_WORDS, *Whereabouts},
    }
    for table, words in wanted.items():
        assert {f"{table}.{word}" for word in words} <= set(LANGUAGES["en"].catalogue), table


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("fr,en;q=0.5,de;q=0.4", "en"),
        ("en;q=0,de;q=0.1", "de"),
        ("fr-FR", "en"),
        ("*", "en"),
        ("de;q=high, en", "en"),
        ("DE", "de"),
        (",;q=,de" * 1000, "de"),
    ],
)
def test_the_browser_decides_the_language(header: str, language: str) -> None:
    assert catalogue.chosen(header, LANGUAGES, "en").language == language


def test_the_settings_decide_where_the_browser_asks_for_none_that_is_known() -> None:
    assert catalogue.chosen("fr", LANGUAGES, "de").language == "de"


def test_every_complaint_about_a_password_has_its_sentence() -> None:
    given = {complaint(word, "anna") for word in ("short", "x" * 300, "aaaaaaaaaaa", "hello anna!")}
    assert given == {"too_short", "too_long", "too_simple"}
    assert {f"password.{one}" for one in given} <= set(LANGUAGES["en"].catalogue)
    assert complaint("a few plain words", "anna") is None


def test_a_catalogue_can_hold_tables_in_tables(tmp_path: Path) -> None:
    (tmp_path / "en.toml").write_text('[a.b]\nc = "one {n}"\n', "utf-8")
    assert catalogue.read(tmp_path)["en"]("a.b.c", n=1) == "one 1"


def test_each_key_of_the_settings_is_explained_in_german() -> None:
    keys = {key: field.description or "" for key, field in walk(Settings)}
    german = settings_texts()["de"].catalogue
    assert set(german) == set(keys)
    for key, about in keys.items():
        assert german[key].strip(), key
        assert german[key] != about, key
        assert set(re.findall(r"NIGHTSORT_\w+|docs/\w+\.md|{\w+}", about)) == set(
            re.findall(r"NIGHTSORT_\w+|docs/\w+\.md|{\w+}", german[key])
        ), key
