"""Hands to the daemon what people and programs send: photos for incoming, and examples."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from daemon.domain.order import A, Order
from daemon.domain.orders import AddExamples, Code, Receive
from daemon.domain.sent import (
    LONGEST_NAME,
    ExamplesAnswer,
    NotTaken,
    Received,
    ReceivedAnswer,
    SentFile,
)
from daemon.folders.names import label_problem
from daemon.folders.spooled import SPOOL
from daemon.service.control_client import NoAnswer, give_order
from web.problems import Problem, a_place, busy
from web.reading.asking import refusal, require_daemon, speaker
from web.roles import Caller

__all__ = [
    "LONGEST_NAME",
    "SPOOL",
    "ExamplesAnswer",
    "NotTaken",
    "Received",
    "ReceivedAnswer",
    "SentFile",
    "into_incoming",
    "label_problem",
    "require_daemon",
    "teach",
]

# So many in one order: the daemon sorts on between two of them, also where its share is slow.
_AT_ONCE = 5
# A question to the daemon has at most a million bytes.
_TAUGHT_AT_ONCE = 250
# Each holds a thread until the daemon has answered, which takes a while for examples.
_places = threading.BoundedSemaphore(6)
_lessons = threading.BoundedSemaphore(2)


def into_incoming(state_dir: Path, files: Sequence[SentFile], by: Caller) -> ReceivedAnswer:
    """Have photos put into incoming; one that is refused keeps no other from it.

    Raises Problem 503 while nothing was taken yet.
    """
    received: list[Received] = []
    refused: list[NotTaken] = []
    with a_place(_places, _sent_by_many("photos are")):
        for start in range(0, len(files), _AT_ONCE):
            order = Receive(tuple(files[start : start + _AT_ONCE]))
            try:
                answer = _given(state_dir, order, by, "whether it was taken, incoming shows")
            except Problem as exc:
                if not received:
                    raise
                refused += [NotTaken(one.name, exc.code, exc.detail) for one in order.files]
                refused += [
                    NotTaken(one.name, Code.UNAVAILABLE, "it was not taken, as one before failed")
                    for one in files[start + _AT_ONCE :]
                ]
                break
            received += answer.received
            refused += answer.refused
    return ReceivedAnswer(tuple(received), tuple(refused))


def teach(state_dir: Path, files: Sequence[SentFile], label: str, by: Caller) -> ExamplesAnswer:
    """Have photos kept as examples. label: what all show; empty: the file is a ZIP.

    Raises Problem 422 for a ZIP of which nothing can be taken; 503 while nothing was taken yet.
    """
    answers: list[ExamplesAnswer] = []
    left: list[NotTaken] = []
    with a_place(_lessons, _sent_by_many("examples are")):
        for start in range(0, len(files), _TAUGHT_AT_ONCE):
            order = AddExamples(tuple(files[start : start + _TAUGHT_AT_ONCE]), label)
            try:
                answers.append(_given(state_dir, order, by, "send it once more, with no harm"))
            except Problem as exc:
                if not answers:
                    raise
                left = [NotTaken(one.name, exc.code, exc.detail) for one in files[start:]]
                break
    return ExamplesAnswer(
        sum(one.added for one in answers),
        sum(one.double for one in answers),
        (*(refused for one in answers for refused in one.refused), *left),
    )


def _given(state_dir: Path, order: Order[A], by: Caller, else_look: str) -> A:
    try:
        return give_order(state_dir, order, speaker(by))
    except NoAnswer as exc:
        if exc.code == "impossible":
            raise Problem(422, "bad_archive", str(exc)) from exc
        raise refusal(exc, else_look) from exc


def _sent_by_many(what: str) -> Problem:
    return busy(f"many {what} being sent; try again in a moment", 5)
