"""What is sent is handed to the daemon in parts, and each failure has its code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from daemon.domain.coding import coded
from daemon.domain.orders import (
    AddExamples,
    Receive,
    Speaker,
    order_of,
)
from daemon.domain.sent import (
    LONGEST_NAME,
    ExamplesAnswer,
    NotTaken,
    Received,
    ReceivedAnswer,
    SentFile,
)
from daemon.service.control import LONGEST_QUESTION
from daemon.service.control_client import NoAnswer
from web.problems import Problem
from web.reading import sending
from web.roles import Caller, Role

SHOP = Caller("key", "shop", Role.LEAD)
HERE = Path("state")
Answering = Callable[[Any], Any]


def files(count: int, name: str = "a.jpg") -> list[SentFile]:
    return [SentFile(f"{'a' * 32}/{number}", name) for number in range(count)]


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Callable[[Answering], list[Any]]:
    """Let a function answer orders; returns those that were given, as they are."""
    given: list[Any] = []

    def let(answer: Answering) -> list[Any]:
        def give(_state: Path, order: Any, by: Speaker) -> Any:
            assert by.person == "shop"
            given.append(order)
            return answer(order)

        monkeypatch.setattr(sending, "give_order", give)
        return given

    return let


def received(order: Receive) -> ReceivedAnswer:
    return ReceivedAnswer(tuple(Received(one.name, one.spooled) for one in order.files))


def fail(code: str) -> Answering:
    def answer(_order: Any) -> Any:
        raise NoAnswer("it fails", code)

    return answer


def test_photos_go_in_parts_and_all_are_told_of(
    answering: Callable[[Answering], list[Any]],
) -> None:
    given = answering(received)
    answer = sending.into_incoming(HERE, files(12), SHOP)
    assert [len(order.files) for order in given] == [5, 5, 2]
    assert [one.path for one in answer.received] == [one.spooled for one in files(12)]


def test_a_failure_half_way_keeps_what_was_taken_and_names_the_rest(
    answering: Callable[[Answering], list[Any]],
) -> None:
    def answer(order: Receive) -> ReceivedAnswer:
        if len(given) > 1:
            raise NoAnswer("the disk is full", "unavailable")
        return received(order)

    given = answering(answer)
    said = sending.into_incoming(HERE, files(7), SHOP)
    assert (len(said.received), len(said.refused)) == (5, 2)
    assert {one.code for one in said.refused} == {"unavailable"}


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("unavailable", 503, "unavailable"),
        ("no_answer", 503, "unavailable"),
        ("unknown_outcome", 503, "unknown_outcome"),
        ("refused", 503, "refused"),
        ("stopping", 503, "unavailable"),
        ("bad_order", 400, "malformed"),
        ("defect", 500, "failed"),
    ],
)
def test_a_failure_before_anything_was_taken_is_the_answer(
    answering: Callable[[Answering], list[Any]], code: str, status: int, said: str
) -> None:
    answering(fail(code))
    with pytest.raises(Problem) as caught:
        sending.into_incoming(HERE, files(2), SHOP)
    assert (caught.value.status_code, caught.value.code) == (status, said)


def test_many_examples_go_in_parts_and_are_counted_together(
    answering: Callable[[Answering], list[Any]],
) -> None:
    refused = (NotTaken("b.jpg", "unreadable", "damaged"),)
    given = answering(lambda order: ExamplesAnswer(len(order.files), 1, refused))
    answer = sending.teach(HERE, files(600), "Boots", SHOP)
    assert [len(order.files) for order in given] == [250, 250, 100]
    assert answer == ExamplesAnswer(600, 3, refused * 3)


def test_examples_that_were_taken_before_a_failure_are_told(
    answering: Callable[[Answering], list[Any]],
) -> None:
    def answer(order: Any) -> ExamplesAnswer:
        if len(given) > 1:
            return cast("ExamplesAnswer", fail("unavailable")(order))
        return ExamplesAnswer(len(order.files), 0)

    given = answering(answer)
    said = sending.teach(HERE, files(600), "Boots", SHOP)
    assert said.added == 250
    assert [one.code for one in said.refused] == ["unavailable"] * 350


def test_an_archive_that_cannot_be_taken_is_the_senders_fault(
    answering: Callable[[Answering], list[Any]],
) -> None:
    answering(fail("impossible"))
    with pytest.raises(Problem) as caught:
        sending.teach(HERE, files(1), "", SHOP)
    assert (caught.value.status_code, caught.value.code) == (422, "bad_archive")


def test_more_than_two_who_teach_at_a_time_are_told_to_wait(
    answering: Callable[[Answering], list[Any]],
) -> None:
    def nested(_order: AddExamples) -> ExamplesAnswer:
        if len(given) < 3:
            return sending.teach(HERE, files(1), "", SHOP)
        return ExamplesAnswer(1, 0)

    given = answering(nested)
    with pytest.raises(Problem) as caught:
        sending.teach(HERE, files(1), "", SHOP)
    assert (caught.value.status_code, caught.value.code) == (503, "busy")
    answering(lambda _: ExamplesAnswer(1, 0))
    assert sending.teach(HERE, files(1), "", SHOP).added == 1  # their places are free again


def test_the_longest_order_is_a_question_that_the_daemon_reads() -> None:
    order = AddExamples(tuple(files(250, "\N{ATHLETIC SHOE}" * LONGEST_NAME)), "Boots")
    question = json.dumps({"ask": order.name, **coded(order)})
    assert len(question) < LONGEST_QUESTION
    words = json.loads(question)
    assert order_of(words.pop("ask"), words) == order


def test_examples_without_a_word_of_what_they_show_are_no_order() -> None:
    with pytest.raises(ValueError, match="label"):
        AddExamples(tuple(files(2)))
