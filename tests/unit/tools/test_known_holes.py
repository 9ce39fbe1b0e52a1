"""Pins are looked up where the list can be had; silence is never told as an all-clear."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from tools.known_holes import Answer, NotAnsweredError, answer_of, ask, in_words

FINE = {"name": "numpy", "version": "2.4.0", "vulns": []}
HOLE = {
    "name": "pillow",
    "version": "12.0.0",
    "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["12.0.1"], "aliases": []}],
}
UNKNOWN = {"name": "obstore", "skip_reason": "Dependency not found"}


def said(*pins: dict[str, Any]) -> Answer:
    return answer_of(json.dumps({"dependencies": pins, "fixes": []}), "")


def test_a_known_hole_is_named_with_what_mends_it() -> None:
    text = in_words(said(FINE, HOLE))
    assert "pillow 12.0.0: PYSEC-2026-1, mended in 12.0.1" in text
    assert "make pins" in text


def test_pins_without_holes_are_counted() -> None:
    assert in_words(said(FINE, FINE)) == "2 pins have no known hole."


def test_what_the_list_does_not_know_is_no_all_clear() -> None:
    text = in_words(said(FINE, UNKNOWN, UNKNOWN))
    assert "only 1 are in the list" in text
    assert "no all-clear" in text


@pytest.mark.parametrize("answer", ["", "[]", "null", "{}", "<html>"])
def test_what_is_no_answer_is_told_with_its_reason(answer: str) -> None:
    with pytest.raises(NotAnsweredError, match="no route to host"):
        answer_of(answer, "Traceback\n  no route to host\n\n")


def test_whoever_says_nothing_is_not_waited_for() -> None:
    forever = [sys.executable, "-c", "import time; time.sleep(600)"]
    with pytest.raises(NotAnsweredError, match="no answer within"):
        ask(forever, seconds=0.2)
    with pytest.raises(NotAnsweredError):
        ask(["/nowhere/pip-audit"])
