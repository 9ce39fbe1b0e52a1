"""What became of a return as a whole, and which of its photos were retaken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from daemon.domain.corrections import Word
from daemon.domain.photos import Fingerprint, Story
from daemon.domain.returns import LastWord, ReturnPhoto, changed_since, retaken, state_of

NIGHT = datetime(2025, 10, 13, 2, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def photo(
    number: int, state: str = "filed", *, night: int = 0, said: tuple[Word, str] | None = None,
    said_at: datetime | None = None, **known: Any,
) -> ReturnPhoto:  # fmt: skip
    """A photo that came some hours before it was sorted in a night."""
    recorded = NIGHT + night * DAY
    told: dict[str, Any] = {
        "run": f"run-{night}", "status": "success", "category": "Shirts", "confidence": 0.9,
        "band": "auto", "reason": "", "reason_text": "", "alternatives": (), "return_id": "60521",
        "target": "", "place": "", "decided": "", "kept_source": False, "sha256": "",
        "fingerprint": Fingerprint(1, 1, 1), "let_go_at": "",
    }  # fmt: skip
    story = Story(
        id=number, source=f"60521_{number}.jpg", state=state,
        first_seen_at=(recorded - timedelta(hours=10)).isoformat(),
        recorded_at=recorded.isoformat(), **{**told, **known},
    )  # fmt: skip
    at = said_at or recorded + timedelta(hours=6)
    return ReturnPhoto(story, LastWord(*said, at) if said else None)


RETAKE = (Word.RETAKE, "anna")


@pytest.mark.parametrize(
    ("photos", "status", "category", "counted"),
    [
        ([photo(1)], "filed", "Shirts", 1),
        ([photo(1), photo(2, band="check")], "look", "Shirts", 2),
        ([photo(1, band="check", decided="Tops")], "filed", "Tops", 1),
        ([photo(1), photo(2), photo(3, category="Tops", confidence=0.99)], "look", "Shirts", 3),
        ([photo(1), photo(2), photo(3, decided="Tops")], "look", "Tops", 3),
        ([photo(1, "review", category="Tops", confidence=0.4)], "decide", "Tops", 1),
        ([photo(1), photo(2, "review", category="Tops")], "decide", "Shirts", 2),
        ([photo(1, "retake", said=RETAKE)], "retake", "Shirts", 1),
        ([photo(1), photo(2, "retake", said=RETAKE)], "retake", "Shirts", 2),
        ([photo(1, "quarantined", category="", confidence=None)], "retake", "", 1),
        ([photo(1), photo(2, "quarantined", category="")], "filed", "Shirts", 2),
        ([photo(1, "removed", removed_at="2025-10-13T09:00:00+00:00")], "removed", "Shirts", 0),
        ([photo(1, "undone", said=(Word.UNDONE, "anna"))], "removed", "Shirts", 0),
        ([photo(1), photo(2, "removed")], "filed", "Shirts", 1),
        # what was retaken says nothing any more
        ([photo(1, "retake", said=RETAKE), photo(2, night=1)], "filed", "Shirts", 1),
        ([photo(1, "quarantined", category=""), photo(2, night=1)], "filed", "Shirts", 1),
    ],
)  # fmt: skip
def test_a_return_is_one_row_whatever_its_photos_are(
    photos: list[ReturnPhoto], status: str, category: str, counted: int
) -> None:
    found = state_of(photos)
    assert (found.status, found.category, found.photos) == (status, category, counted)
    assert found.return_id == "60521"


def test_a_confidence_is_that_of_the_category_and_none_where_a_person_chose() -> None:
    assert state_of([photo(1), photo(2, confidence=0.95)]).confidence == 0.95
    assert state_of([photo(1, decided="Tops")]).confidence is None
    assert state_of([photo(1, decided="Shirts")]).confidence == 0.9


def test_who_spoke_last_decided_and_that_is_when_it_changed() -> None:
    at = NIGHT + timedelta(hours=5)
    one = photo(1, decided="Tops", said=(Word.CORRECTED, "anna"), said_at=at)
    other = photo(2, decided="Tops", said=(Word.CORRECTED, "kim"), said_at=at + DAY)
    found = state_of([one, other])
    assert (found.decided_by, found.updated) == ("kim", at + DAY)
    taken_back = photo(1, "review", said=(Word.TAKEN_BACK, "anna"))
    assert state_of([taken_back]).decided_by == ""


def test_a_later_photo_takes_the_place_of_one_that_was_to_be_taken_again() -> None:
    later = photo(9, night=2)
    for one in (
        photo(1, "retake", said=RETAKE), photo(1, "quarantined"), photo(1, "removed"),
        photo(1, "removed", said=RETAKE, said_at=NIGHT + DAY),
    ):  # fmt: skip
        assert retaken([one, later]) == {1: later.story}


def test_what_came_before_or_cannot_be_used_is_no_retake() -> None:
    wanted = photo(1, "retake", said=RETAKE, said_at=NIGHT + 3 * DAY)
    assert retaken([wanted, photo(2, night=2)]) == {}
    first = photo(1, "retake", said=RETAKE)
    assert retaken([first, photo(2, "quarantined", night=2)]) == {}
    assert retaken([photo(1, "removed"), photo(2)]) == {}
    assert retaken([photo(1), photo(2, night=2)]) == {}


def test_what_happened_after_the_run_is_a_change() -> None:
    closed = NIGHT + timedelta(minutes=5)
    assert not changed_since([photo(1)], "run-0", closed)
    assert changed_since([photo(1, said=(Word.CORRECTED, "anna"))], "run-0", closed)
    gone = photo(1, "removed", removed_at=(NIGHT + DAY).isoformat())
    assert changed_since([gone], "run-0", closed)
    assert changed_since([photo(1), photo(2, night=1)], "run-0", closed)
    assert not changed_since([photo(1), photo(2, night=1)], "run-1", closed + DAY)
