"""Whatever the doctor can say, it can say in German: its sentences are read out of its checks."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.domain.doctor_words import found_again
from daemon.domain.inspection import FindingState, Found
from daemon.domain.return_checks import ReturnCount, doubts
from daemon.domain.speech import ENGLISH, speech
from daemon.folders.mounts import mount_of
from daemon.health import doctor
from daemon.health.doctor.fs_trials import _WAY_WORDS
from daemon.intake.event_source import choose
from tests.support.said import calls, forms

GERMAN = speech("de")
_SAYS = {"ok": ("found",), "advice": ("found", "remedy"), "wrong": ("found", "remedy")}


def _said() -> Iterator[tuple[str, str]]:
    """Table and sentence of all that a check may answer."""
    for _, call, names in calls(Path(doctor.__file__).parent.glob("*.py")):
        if isinstance(call.func, ast.Name) and call.func.id in _SAYS:
            for table, argument in zip(_SAYS[call.func.id], call.args[1:], strict=True):
                yield from ((table, form) for form in forms(argument, names))


# What is nothing but values, or a command, is the same in any language.
SAID = sorted(
    one for one in set(_said()) if re.search("[a-z]", one[1]) and "systemctl start" not in one[1]
)


def in_german(table: str, sentence: str) -> str:
    what, to_do = (sentence, "") if table == "found" else ("", sentence)
    found = found_again(Found("clock", FindingState.OK, what, to_do), GERMAN)
    return found.what + found.what_to_do


def test_the_sentences_are_found_in_the_checks() -> None:
    assert len(SAID) > 100
    assert ("found", "opens and can be written") in SAID


@pytest.mark.parametrize(("table", "sentence"), SAID)
def test_each_sentence_has_its_german(table: str, sentence: str) -> None:
    assert in_german(table, sentence) != sentence


@pytest.mark.parametrize("state", ["sorting", "waiting", "stopping", "share unavailable"])
def test_how_the_daemon_is_has_its_german(state: str) -> None:
    assert in_german("found", state) != state


def test_what_is_quoted_within_is_german_too(tmp_path: Path) -> None:
    for why in (
        *_WAY_WORDS.values(),
        choose("auto", tmp_path)[1],
        choose("native", tmp_path)[1],
        "the setting [intake] observer says so, although cifs does not tell of what others change",
        f"/srv is {mount_of(tmp_path).fstype}, which tells of no remote changes",
    ):
        said = in_german("found", f"native fits: {why}; an event of another process arrived")
        assert why not in said


def test_days_weekdays_and_counts_are_written_in_german() -> None:
    assert in_german("found", "from Mon 02:00 to Tue 06:00") == "von Mo 02:00 bis Di 06:00"
    assert in_german("found", "the newest is of 13 Oct 2025") == "die neueste ist vom 13.10.2025"
    said = in_german("found", "the newest run's 1,200 photos name 1 return")
    assert said == "im neuesten Lauf nennen 1.200 Fotos 1 Retoure"


def test_doubts_about_return_ids_are_german_too() -> None:
    counts = [ReturnCount("", 60, 1, "a.jpg")]
    counts += [ReturnCount(f"6052{number}", 40, 5, "b.jpg") for number in range(5)]
    for doubt in doubts(counts, 100):
        assert in_german("found", doubt.text) != doubt.text
        assert in_german("remedy", doubt.remedy) != doubt.remedy


def test_what_it_looked_at_is_named_in_german_and_keys_of_settings_stay() -> None:
    found = Found("watch mode", FindingState.OK, "waiting", "")
    assert found_again(found, GERMAN).area == "Überwachung"
    assert found_again(found, ENGLISH) == found
    assert (
        found_again(Found("incoming_dir", FindingState.OK, "x", ""), GERMAN).area == "incoming_dir"
    )
