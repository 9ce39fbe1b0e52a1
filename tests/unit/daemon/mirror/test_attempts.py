"""Whatever ends an attempt, another one follows."""

from __future__ import annotations

import structlog

from daemon.mirror.attempts import Attempts
from tests.support.waiting import eventually


class PanicException(BaseException):
    """As what is written in Rust raises: no Exception."""


def test_a_panic_ends_no_thread_and_is_told_as_a_defect() -> None:
    attempts = Attempts("bucket", "berlin", 0.01)
    tries: list[int] = []
    told: list[str] = []

    def serve() -> None:
        tries.append(1)
        raise PanicException("index out of bounds")

    with structlog.testing.capture_logs() as logs, attempts.kept(serve, told.append):
        eventually(lambda: len(tries) > 1)
    assert told[0] == "unexpected PanicException; the log has more"
    assert [one["event"] for one in logs].count("defect_met") == 1
