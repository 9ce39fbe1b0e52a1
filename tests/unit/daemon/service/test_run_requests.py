"""Who asked for a run is answered by the run that looked after they asked, once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError, Future

import pytest

from config.errors import FolderUnavailable
from daemon.domain.summaries import DrainSummary
from daemon.service.run_requests import RunRequests
from tests.support.documents import part_of_summary

SUMMARY: DrainSummary = part_of_summary(run="20251013_020000")


@pytest.fixture
def requests() -> RunRequests:
    return RunRequests()


def test_a_run_answers_those_whom_it_served_and_nobody_else(requests: RunRequests) -> None:
    served = [requests.ask(), requests.ask()]
    assert requests.serve()
    late = requests.ask()
    requests.answer(SUMMARY, done())
    assert [asked.result(timeout=0) for asked in served] == [SUMMARY, SUMMARY]
    assert not late.done()
    assert requests.are_waiting


def done() -> Future[None]:
    told: Future[None] = Future()
    told.set_result(None)
    return told


def test_the_answer_waits_for_the_report_however_that_ends(requests: RunRequests) -> None:
    ends: list[Callable[[Future[None]], object]] = [
        lambda told: told.set_result(None),
        lambda told: told.set_exception(FolderUnavailable("results is away")),
        lambda told: told.cancel(),
    ]
    for end in ends:
        told: Future[None] = Future()
        asked = requests.ask()
        requests.serve()
        requests.answer(SUMMARY, told)
        assert not asked.done()
        end(told)
        assert asked.result(timeout=0) == SUMMARY


def test_a_run_that_looks_once_more_serves_who_asked_meanwhile(requests: RunRequests) -> None:
    asked = [requests.ask()]
    requests.serve()
    asked.append(requests.ask())
    assert requests.serve()
    requests.answer(SUMMARY, done())
    assert all(one.result(timeout=0) == SUMMARY for one in asked)
    assert not requests.are_waiting


def test_a_run_that_fails_fails_those_only_whom_it_was_to_serve(requests: RunRequests) -> None:
    asked = requests.ask()
    requests.serve()
    late = requests.ask()
    requests.fail(FolderUnavailable("incoming is away"))
    assert isinstance(asked.exception(timeout=0), FolderUnavailable)
    assert not late.done()


def test_nobody_asked_nobody_is_served(requests: RunRequests) -> None:
    assert not requests.are_waiting
    assert not requests.serve()


def test_at_the_end_everybody_is_sent_away_also_who_comes_after_it(requests: RunRequests) -> None:
    served = requests.ask()
    requests.serve()
    asked = [served, requests.ask()]
    requests.end()
    asked.append(requests.ask())
    for one in asked:
        with pytest.raises(CancelledError):
            one.result(timeout=0)
