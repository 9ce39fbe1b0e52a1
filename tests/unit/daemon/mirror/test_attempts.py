"""Whatever ends an attempt, another one follows."""

from __future__ import annotations

import pytest
import structlog

from daemon.mirror.attempts import Attempts, pause_seconds
from tests.support.waiting import eventually


class PanicException(BaseException):
    """As what is written in Rust raises: no Exception."""


def test_a_panic_ends_no_thread_and_is_told_as_a_defect() -> None:
    attempts = Attempts("bucket", "berlin")
    tries: list[int] = []
    told: list[str] = []

    def serve() -> None:
        tries.append(1)
        raise PanicException("index out of bounds")

    with structlog.testing.capture_logs() as logs, attempts.kept(serve, told.append):
        eventually(lambda: len(tries) > 1)
    assert told[0] == "unexpected PanicException; the log has more"
    assert [one["event"] for one in logs].count("defect_met") == 1


@pytest.mark.parametrize("took_seconds", [0.0, 5.0, 10.0, 20.0])  # two addresses that say nothing
def test_the_next_attempt_begins_within_half_a_minute(took_seconds: float) -> None:
    waits = [2.0**tries for tries in range(10)]
    assert all(1 <= pause_seconds(wait, took_seconds) <= 30 - took_seconds for wait in waits)


def test_an_attempt_that_took_hours_is_followed_by_another_soon() -> None:
    assert pause_seconds(1.0, 7200.0) == 1.0
