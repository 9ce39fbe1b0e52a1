"""What follows from what failed."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from config.errors import FolderUnavailable, PhotoProblem
from daemon.domain.failures import (
    FIRST_RETRY_SECONDS,
    LONGEST_RETRY_SECONDS,
    MOST_ATTEMPTS,
    reading_failed,
    retry_delay,
)
from daemon.domain.photos import Fingerprint, Photo
from daemon.domain.sorting import Examined, Returned, Setback
from daemon.store import LONGEST_RETRY_SECONDS as CLOCK_WAS_SET

TROUBLE = FolderUnavailable("the file does not answer")


def photo(attempts: int) -> Photo:
    return Photo(1, "a.jpg", Fingerprint(1, 2, 3), datetime(2025, 10, 13, tzinfo=UTC), attempts)


def test_a_photo_that_cannot_be_read_now_is_tried_again_later() -> None:
    back = reading_failed(photo(0), TROUBLE)
    assert back == Returned(photo(0), Setback.FAILED, "the file does not answer")


def test_a_photo_that_never_can_be_read_is_set_aside_in_the_end() -> None:
    last = reading_failed(photo(MOST_ATTEMPTS - 1), TROUBLE)
    assert isinstance(last, Examined)
    assert last.problem is PhotoProblem.UNREADABLE
    assert "photograph the item again" in last.problem_text


def test_the_wait_begins_short_and_grows_to_a_limit() -> None:
    waits = [retry_delay(attempts) for attempts in range(8)]
    assert waits[:3] == [15.0, 30.0, 60.0]
    assert waits[-1] == LONGEST_RETRY_SECONDS


@given(attempts=st.integers(0, 10**9))
def test_no_wait_is_longer_than_the_limit_or_taken_for_a_clock_that_was_set(attempts: int) -> None:
    wait = retry_delay(attempts)
    assert FIRST_RETRY_SECONDS <= wait <= LONGEST_RETRY_SECONDS < CLOCK_WAS_SET
