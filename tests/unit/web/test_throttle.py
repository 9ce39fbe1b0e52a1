"""Sign-ins that failed make the next one wait, more each time, and never for ever."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.database.connection import Connection
from web.database.failures import Failures
from web.throttle import ADDRESS, FORGET_SECONDS, NAME, PAIR, Rule, Tally, subjects

NOON = 1_760_000_000.0


@dataclass
class Clock:
    now: float = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def failures(tmp_path: Path, clock: Clock) -> Iterator[Failures]:
    connection = Connection(tmp_path)
    yield Failures(connection, clock)
    connection.close()


def test_the_first_mistakes_are_free_and_then_each_doubles_the_wait() -> None:
    waits = [PAIR.wait(Tally(count, NOON), NOON) for count in range(9)]
    assert waits == [0, 0, 0, 0, 0, 1, 2, 4, 8]


@pytest.mark.parametrize("rule", [PAIR, NAME, ADDRESS])
@given(count=st.integers(0, 10**9), passed=st.floats(-1e9, 1e9))
def test_no_wait_is_longer_than_its_bound_whatever_the_clock_did(
    rule: Rule, count: int, passed: float
) -> None:
    assert 0 <= rule.wait(Tally(count, NOON), NOON + passed) <= rule.most_seconds <= 900


def test_what_also_hits_people_who_did_nothing_makes_them_wait_a_minute_at_most() -> None:
    assert NAME.most_seconds == ADDRESS.most_seconds == 60


def test_attempts_are_counted_before_they_are_looked_at(failures: Failures) -> None:
    asked = subjects("anna", "10.0.0.1", None)
    assert [failures.charge(asked) for _ in range(6)] == [0, 0, 0, 0, 0, 1]


def test_waiting_attempts_do_not_prolong_the_wait(failures: Failures, clock: Clock) -> None:
    asked = subjects("anna", "10.0.0.1", None)
    for _ in range(100):
        failures.charge(asked)
    clock.now += 1
    assert failures.charge(asked) == 0


def test_another_address_waits_only_when_very_many_failed(failures: Failures, clock: Clock) -> None:
    for _ in range(19):
        failures.charge(subjects("anna", "10.6.6.6", None))
        clock.now += 200  # as long as an attacker is made to wait, and a little
    assert failures.charge(subjects("anna", "10.0.0.1", None)) == 0


def test_a_browser_that_is_known_has_a_count_of_its_own(failures: Failures, clock: Clock) -> None:
    for n in range(200):
        failures.charge(subjects("anna", f"10.6.6.{n}", None))
    assert failures.charge(subjects("anna", "10.6.6.1", None)) > 0
    assert failures.charge(subjects("anna", "10.6.6.1", "device-1")) == 0


def test_a_success_clears_and_an_hour_forgets(failures: Failures, clock: Clock) -> None:
    asked = subjects("anna", "10.0.0.1", None)
    for _ in range(6):
        failures.charge(asked)
    failures.clear(*asked)
    assert [failures.charge(asked) for _ in range(6)][-1] == 1
    clock.now += FORGET_SECONDS + 1
    assert failures.charge(asked) == 0


def test_a_clock_that_was_set_back_keeps_nobody_out(failures: Failures, clock: Clock) -> None:
    asked = subjects("anna", "10.0.0.1", None)
    clock.now += 365 * 86400
    for _ in range(6):
        failures.charge(asked)
    clock.now -= 365 * 86400
    assert failures.charge(asked) == 1
    clock.now += 1
    assert failures.charge(asked) == 0


def test_names_that_nobody_has_do_not_fill_the_disk(
    failures: Failures, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.database.failures._MOST_SUBJECTS", 10)
    for n in range(20):
        clock.now += 1
        failures.charge({f"name {n}": NAME.wait})
    failures.sweep()
    with failures._connection.reading() as db:
        kept = [row[0] for row in db.execute("SELECT subject FROM failures ORDER BY last_at")]
    assert kept == [f"name {n}" for n in range(10, 20)]
