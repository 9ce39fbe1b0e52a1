"""Which category each key stands for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from classifier.verdict import Alternative
from daemon.domain.corrections import Correction, Word
from daemon.domain.photos import Fingerprint, Story
from daemon.domain.sorting import Move
from web.reading.photos import Seen
from web.review_panel import MOST_KEYS, Choice, choices, panel

KNOWN = ("Belts", "Dresses", "Shirts", "Tops", "Tshirts", "Watches")
STORY = Story(
    7, "ret 60521.jpg", "review", "2025-10-13T01:00:00+02:00", "20251013_020000", "review",
    "2025-10-13T02:00:00+02:00", "Shirts", 0.456, "review", "unsure", "unsure between …",
    (Alternative("Tshirts", 0.4), Alternative("Tops", 0.001)), "60521", "_review/Shirts/a.jpg",
    "_review/Shirts/a.jpg", "", False, "ab" * 32, Fingerprint(1, 2, 3), "",
)  # fmt: skip


def test_the_guess_comes_first_then_the_runners_up_then_what_people_name_most() -> None:
    assert choices(STORY, ["Watches", "Tshirts", "Belts"], KNOWN) == [
        Choice(1, "Shirts", 46), Choice(2, "Tshirts", 40), Choice(3, "Tops", 0),
        Choice(4, "Watches", None), Choice(5, "Belts", None),
    ]  # fmt: skip


def test_there_are_no_more_than_keys_and_none_for_a_category_that_is_gone() -> None:
    known = [f"Kind {number}" for number in range(20)]
    found = choices(STORY, ["Hats", *known], known)
    assert [one.key for one in found] == list(range(1, MOST_KEYS + 1))
    assert "Hats" not in [one.category for one in found]


@pytest.mark.parametrize(("confidence", "percent"), [(0.9999, 99), (0.004, 0), (None, None)])
def test_a_share_never_sounds_like_knowing(confidence: float | None, percent: int | None) -> None:
    assert choices(replace(STORY, confidence=confidence), [], KNOWN)[0].percent == percent


def test_a_photo_without_a_verdict_has_no_guess() -> None:
    nothing = replace(STORY, category="", confidence=None, alternatives=())
    assert choices(nothing, ["Tops"], KNOWN) == [Choice(1, "Tops", None)]
    shown = panel(Seen(nothing, ()), [], [], KNOWN)
    assert (shown.runner_up, shown.is_waiting, shown.decision) == ("", True, None)


def test_what_was_filed_without_a_word_may_be_decided_too_and_what_was_said_not_again() -> None:
    filed = replace(STORY, state="filed", status="success")
    at = datetime(2025, 10, 13, tzinfo=UTC)
    move = Move(7, "Shirts/a.jpg", "Shirts/a.jpg", Fingerprint(1, 2, 3), "ab" * 32)
    said = Correction(1, 7, Word.CHECKED, "Shirts", "Shirts", "anna", at, move)
    assert panel(Seen(filed, ()), [], [], KNOWN).may_be_decided
    assert not panel(Seen(filed, (said,)), [], [], KNOWN).may_be_decided
    assert panel(Seen(STORY, (said,)), [], [], KNOWN).may_be_decided  # it waits again
    broken = replace(STORY, state="quarantined", status="error")
    assert not panel(Seen(broken, ()), [], [], KNOWN).may_be_decided
