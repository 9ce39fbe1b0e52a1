"""The outcome of a run in a sentence: what `now` says, and the note after RUN NOW."""

from __future__ import annotations

from daemon.domain.phrases import outcome_words

COUNTS = {"successful": 1200, "review": 3, "duplicates": 1, "failed": 0, "deferred": 0}


def test_a_run_is_told_with_all_its_outcomes() -> None:
    said = outcome_words(COUNTS | {"run": "20251013_020000"})
    assert said == (
        "Run 20251013_020000: 1,200 filed, 3 to review, 1 duplicate, 0 in quarantine, 0 still wait."
    )


def test_no_run_says_what_waits_all_the_same() -> None:
    assert outcome_words({"run": None, "deferred": 0}) == "Nothing to do."
    assert outcome_words({"run": None, "deferred": 2}) == "Nothing to do; 2 still wait."


def test_one_photo_waits() -> None:
    assert outcome_words({"run": None, "deferred": 1}) == "Nothing to do; 1 still waits."
    said = outcome_words(COUNTS | {"run": "20251013_020000", "deferred": 1})
    assert said.endswith("0 in quarantine, 1 still waits.")
