"""Every language says everything; and what was recorded in English is known again."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.verdict import Reason
from config.catalogue import Language, read_one
from config.errors import PhotoProblem
from daemon.corrections.answers import NOT_MOVED, WHY_NOT
from daemon.domain import again, reasons
from daemon.domain.speech import ENGLISH, TEXTS, Speech, speech

GERMAN = speech("de")
TOPICS = sorted(file.stem for file in (TEXTS / "en").glob("*.toml"))
HOUSE = Path(again.__file__).parents[2]


def places(sentence: str) -> set[str]:
    return {*re.findall(r"{\w*}", sentence)}


def sentences(language: str) -> dict[str, str]:
    """All of a language, by their whole keys."""
    return {
        f"{topic}.{key}": sentence
        for topic in TOPICS
        for key, sentence in read_one(
            TEXTS / language / f"{topic}.toml", language
        ).catalogue.items()
    }


def test_there_are_the_languages_that_the_settings_know() -> None:
    assert {folder.name for folder in TEXTS.iterdir()} == {*get_args(Language)}
    assert sorted(file.stem for file in (TEXTS / "de").glob("*.toml")) == TOPICS


def test_english_and_german_have_the_same_sentences_with_the_same_places_to_fill_in() -> None:
    english, german = sentences("en"), sentences("de")
    assert [*english] == [*german]
    for key, sentence in english.items():
        assert places(sentence) == places(german[key]), key
        assert sentence.count("|") == german[key].count("|"), key
        assert re.findall("<.*?>", sentence) == re.findall("<.*?>", german[key]), key
        assert sentence.strip(), key
        assert german[key].strip(), key


def test_every_sentence_that_is_asked_for_is_there_and_none_is_left_over() -> None:
    asked, begun = _asked()
    known = set(sentences("en"))
    assert asked <= known
    left = {key for key in known - asked if not key.startswith(tuple(begun))}
    assert left == set()


def _asked() -> tuple[set[str], set[str]]:
    """Keys in code and templates, and how keys begin that are put together."""
    files = [*(HOUSE / "daemon").rglob("*.py"), *(HOUSE / "daemon").rglob("*.j2")]
    text = "\n".join(file.read_text("utf-8") for file in files)
    topics = "|".join(TOPICS)
    asked = set(re.findall(rf'"((?:{topics})\.[a-z_.]+[a-z_])"', text))
    dates = read_one(TEXTS / "en" / "dates.toml", "en").catalogue
    asked |= {f"dates.{key}" for key in dates if f'"{key}"' in text}
    asked |= {
        f"phrases.count.{noun}"
        for noun in re.findall(r'count\([^()]*(?:\([^()]*\)[^()]*)*, "(\w+)"\)', text)
    }
    begun = set(re.findall(rf'f?"((?:{topics})\.(?:[a-z_]+\.)?){{', text))
    begun |= set(re.findall(rf'"((?:{topics})\.[a-z_]+\.)" ~', text))
    begun.discard("dates.")  # what follows there is asked for by itself
    tables = {f"{key}." for key in asked if key not in sentences("en")}
    parts = {f"{topic}.part." for topic in TOPICS}
    return asked - {table[:-1] for table in tables}, begun | tables | parts


# --- numbers and days ----------------------------------------------------------------------------


def test_numbers_and_time_spans_have_the_signs_of_the_language() -> None:
    assert (ENGLISH.number(12345.678, 2), GERMAN.number(12345.678, 2)) == ("12,345.68", "12.345,68")
    assert GERMAN.certainty(0.9421) == "94,2\N{NO-BREAK SPACE}%"
    assert (GERMAN.duration(1.5), GERMAN.duration(3725)) == ("1,5 s", "1 h 02 min")
    assert (GERMAN.count(1, "photo"), GERMAN.count(1200, "photo")) == ("1 Foto", "1.200 Fotos")
    assert ENGLISH.count(0, "photo") == "0 photos"


def test_days_have_the_names_of_the_language() -> None:
    at = datetime(2025, 3, 3, 14, 5)  # noqa: DTZ001 - the local time of the warehouse
    assert ENGLISH.when("long_day", at) == "Monday, 03 March 2025"
    assert GERMAN.when("long_day", at) == "Montag, 3. März 2025"
    assert (ENGLISH.when("moment", at), GERMAN.when("moment", at)) == (
        "03 Mar, 14:05",
        "03.03., 14:05",
    )
    assert GERMAN.when("plain_day", at) == "03.03.2025"


@given(st.datetimes())
def test_english_writes_days_as_the_machine_does_without_a_language(at: datetime) -> None:
    for key in ENGLISH.keys_below("dates"):
        if "%" in (pattern := ENGLISH.sentence(key)):
            assert ENGLISH.when(key.removeprefix("dates."), at) == at.strftime(pattern)


# --- what was recorded ---------------------------------------------------------------------------


def written(call: ast.Call, at: int) -> Iterator[str]:
    """What an argument of a call says, sevens where something is filled in."""
    match call.args[at : at + 1]:
        case [ast.Constant(value=str(text))]:
            yield text
        case [ast.JoinedStr(values=parts)]:
            yield "".join(str(p.value) if isinstance(p, ast.Constant) else "7" for p in parts)


def said_of_photos(maker: str, at: int = 0) -> set[str]:
    """What is said of photos where a run meets them, from the source."""
    files = [
        *(HOUSE / "classifier").glob("*.py"),
        *(
            HOUSE / "daemon" / "folders" / name
            for name in ("tree.py", "photo_files.py", "contents.py")
        ),
    ]
    calls = [
        node
        for file in files
        if file.name != "reading.py"  # a command's
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == maker
    ]
    return {text for call in calls for text in written(call, at)}


Maker = Literal["truncated", "corrupt", "not_an_image", "unsupported"]


@pytest.mark.parametrize("maker", get_args(Maker))
def test_whatever_is_wrong_with_a_photo_can_be_said_in_german(maker: Maker) -> None:
    from classifier import containers

    parts = said_of_photos(maker)
    if maker == "not_an_image":
        parts |= {name for _, name in containers._OTHER_CONTENT} | {"text", "no format known here"}
    if maker == "unsupported":
        parts |= {
            "a JPEG-LS picture",
            "a JPEG without loss, arithmetically coded",
            "a JPEG in several sizes",
        }
    if maker == "truncated":
        parts = {part for part in parts if not part.endswith(" 7")} | {
            "the photo is incomplete, its last part is missing"
        }
    assert parts
    for part in parts:
        english = getattr(containers, maker)(part).text
        german = reasons.recorded(english, GERMAN)
        assert german != english
        assert part not in german, "a part is left in English"


def test_whatever_keeps_a_photo_from_being_read_can_be_said_in_german() -> None:
    said = {
        text
        for text in said_of_photos("PhotoError", 1)
        if not text.startswith(("7: ", "the photo is damaged (7"))
    }
    assert len(said) > 5
    for english in said:
        assert reasons.recorded(english, GERMAN) != english


def test_every_reason_has_its_words_and_every_problem_its_remedy() -> None:
    for say in (ENGLISH, GERMAN):
        for code in (*Reason, *PhotoProblem):
            assert reasons.in_words(code, say) != code.replace("_", " ") or say is ENGLISH
        for problem in PhotoProblem:
            assert f"reasons.remedy.{problem}" in say.keys_below("reasons.remedy")
    assert reasons.in_words("of_tomorrow", GERMAN) == "of tomorrow"
    assert reasons.remedy("of_tomorrow", GERMAN) == "Fotografieren Sie den Artikel neu."


KNOWN_AGAIN = {
    "unsure between Shirts and Tshirts": "unsicher zwischen Shirts und Tshirts",
    "The file is 41 MB, more than the 40.5 MB that are allowed; save it smaller, or raise "
    "intake.max_file_mb.": "Die Datei hat 41 MB, mehr als die erlaubten 40,5 MB. Bitte kleiner "
    "speichern, oder die IT erhöht intake.max_file_mb.",
    "this kind of file is not supported: save as JPEG, and drop that (this is a JPEG of 12 bits a "
    "colour)": "Diese Art von Datei wird nicht unterstützt (ein JPEG mit 12 Bit je Farbe). Bitte "
    "als JPEG speichern und das ablegen.",
    "as nightsort of tomorrow says {it}": "as nightsort of tomorrow says {it}",
    "": "",
}


@pytest.mark.parametrize("english", KNOWN_AGAIN)
def test_a_recorded_sentence_is_known_again(english: str) -> None:
    assert reasons.recorded(english, GERMAN) == KNOWN_AGAIN[english]
    assert reasons.recorded(english, ENGLISH) == english


def test_what_stays_as_it_was_can_be_said_in_german() -> None:
    for english in (*WHY_NOT.values(), *(text for _, text in NOT_MOVED.values())):
        assert again.said_again(english, GERMAN, "notes.detail") != english
    decided = "kim decided on 13 Oct 2025 02:00: to be photographed again"
    assert again.said_again(decided, GERMAN, "notes.detail") == (
        "kim hat am 13.10.2025 02:00 entschieden: neu zu fotografieren"
    )


def test_a_language_is_read_once() -> None:
    assert speech("de") is GERMAN
    assert speech("en") is ENGLISH


def test_only_the_topic_that_is_asked_for_is_read() -> None:
    fresh = Speech("de")
    fresh("reasons.no_remedy")
    assert [*fresh._topics] == ["reasons"]
