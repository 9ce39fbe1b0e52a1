"""Conditions: told once, repeated daily, resolved; whatever comes and goes meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from daemon.alerting.conditions import (
    Conditions,
    Incidents,
    Name,
    Observation,
    Patience,
    after,
)
from daemon.domain.alerts import Alert
from tests.support.clocks import ManualClock

HOUR = 3600.0
MINUTE = 60.0
RULE = "run_failed"


class Watch:
    """One condition, followed with a clock that a test moves."""

    def __init__(self, patience: Patience | None = None) -> None:
        self.clock = ManualClock()
        self.told: list[Alert] = []
        self._patience = patience or Patience()
        self._conditions = Conditions()
        self.incidents: Incidents = {}

    def see(
        self, holds: bool | None, rule: str = RULE, facts: Mapping[str, Any] | None = None
    ) -> str | None:
        """Returns the phase of what is told, None for nothing."""
        alert = self._conditions.judge(
            Observation(rule, holds, facts or {}),
            self.incidents,
            self._patience,
            self.clock.now(),
            self.clock.steady(),
        )
        if alert is None:
            return None
        self.told.append(alert)
        self.incidents = after(self.incidents, alert)
        return alert.phase

    def see_for(self, holds: bool, seconds: float, every: float = MINUTE) -> list[str]:
        """What is told while it stays so, looked at now and then."""
        phases = []
        for _ in range(int(seconds / every)):
            phases.append(self.see(holds))
            self.clock.advance(every)
        return [phase for phase in phases if phase is not None]

    def acknowledge(self) -> None:
        name: Name = (RULE, "")
        incident = self.incidents[name]
        self.incidents = {name: replace(incident, is_acknowledged=True)}


def test_what_holds_is_raised_once_and_resolved_when_it_is_over() -> None:
    watch = Watch()
    assert watch.see_for(True, 3 * HOUR) == ["raised"]
    assert watch.see_for(False, 3 * HOUR) == ["resolved"]


def test_what_lasts_is_repeated_daily_with_its_day() -> None:
    watch = Watch()
    phases = watch.see_for(True, 80 * HOUR)
    assert phases == ["raised", "repeated", "repeated", "repeated"]
    assert [alert.day for alert in watch.told] == [1, 2, 3, 4]


def test_what_is_judged_each_night_is_repeated_each_night_though_one_comes_a_little_early() -> None:
    watch = Watch()
    phases = []
    for minutes in (0, -20, 15, -30):
        watch.clock.advance(24 * HOUR + minutes * MINUTE)
        phases.append(watch.see(True))
    assert phases == ["raised", "repeated", "repeated", "repeated"]


def test_nothing_is_repeated_while_nothing_new_is_known() -> None:
    watch = Watch()
    watch.see(True)
    for _ in range(5):
        watch.clock.advance(24 * HOUR)
        assert watch.see(None) is None


def test_what_is_short_is_not_told() -> None:
    watch = Watch(Patience(raise_seconds=5 * MINUTE, clear_seconds=5 * MINUTE))
    assert watch.see_for(True, 4 * MINUTE) == []
    assert watch.see_for(False, HOUR) == []


def test_what_flaps_is_raised_once_and_resolved_once() -> None:
    watch = Watch(Patience(raise_seconds=5 * MINUTE, clear_seconds=5 * MINUTE))
    phases = []
    for _ in range(60):  # two minutes away, two there, for four hours
        phases += watch.see_for(True, 2 * MINUTE)
        phases += watch.see_for(False, 2 * MINUTE)
    assert phases == ["raised"]
    assert watch.see_for(False, HOUR) == ["resolved"]


def test_since_is_when_it_began_not_when_it_was_told() -> None:
    watch = Watch(Patience(raise_seconds=5 * MINUTE))
    began = watch.clock.now()
    watch.see_for(True, 10 * MINUTE)
    watch.see(False)
    raised, resolved = watch.told
    assert raised.facts["since"] == began.isoformat(timespec="seconds") == resolved.facts["since"]


def test_what_was_acknowledged_is_not_repeated_but_its_end_is_told() -> None:
    watch = Watch()
    watch.see(True)
    watch.acknowledge()
    assert watch.see_for(True, 80 * HOUR, every=HOUR) == []
    assert watch.see(False) == "resolved"


def test_what_comes_again_is_another_incident_with_keys_of_its_own() -> None:
    watch = Watch()
    for _ in range(3):
        watch.see_for(True, HOUR)
        watch.see_for(False, HOUR)
    assert [alert.phase for alert in watch.told] == ["raised", "resolved"] * 3
    assert len({alert.key for alert in watch.told}) == 6


def test_targets_are_told_apart() -> None:
    watch = Watch()
    rule = "target_undeliverable"
    assert watch.see(True, rule, {"target": "mail"}) == "raised"
    assert watch.see(True, rule, {"target": "slack"}) == "raised"
    assert watch.see(False, rule, {"target": "mail"}) == "resolved"
    assert [*watch.incidents] == [(rule, "slack")]


def test_a_resolved_alert_says_what_held_last() -> None:
    watch = Watch()
    watch.see(True, facts={"why": "disk full"})
    watch.see(False)
    assert watch.told[-1].facts["why"] == "disk full"


def test_a_clock_that_is_set_back_repeats_nothing() -> None:
    watch = Watch()
    watch.see(True)
    watch.clock.set_wall_clock(watch.clock.now() - timedelta(days=400))
    assert watch.see_for(True, 3 * HOUR) == []


steps = st.lists(
    st.tuples(st.sampled_from([True, False, None]), st.floats(0.001, 50 * HOUR)), max_size=60
)
seconds = st.sampled_from([0.0, MINUTE, HOUR])


@given(steps, seconds, seconds)
def test_never_two_raises_without_a_resolve_nor_two_repeats_a_day(
    history: Iterable[tuple[bool | None, float]], to_raise: float, to_clear: float
) -> None:
    watch = Watch(Patience(to_raise, to_clear))
    for holds, pause in history:
        watch.see(holds)
        watch.clock.advance(pause)
    is_open = False
    days: list[tuple[int, datetime]] = []
    for alert in watch.told:
        assert (alert.phase == "raised") is not is_open
        is_open = alert.phase != "resolved"
        days = [] if alert.phase == "resolved" else [*days, (alert.day, alert.at)]
        assert [day for day, _ in days] == sorted({day for day, _ in days})
        if len(days) > 1:
            assert days[-1][1] - days[-2][1] >= timedelta(hours=12)
    assert len({alert.key for alert in watch.told}) == len(watch.told)


@given(steps)
def test_who_starts_anew_with_what_was_remembered_tells_the_same(
    history: Iterable[tuple[bool | None, float]],
) -> None:
    lasting, restarting = Watch(), Watch()
    for holds, pause in history:
        restarting._conditions = Conditions()
        assert lasting.see(holds) == restarting.see(holds)
        lasting.clock.advance(pause)
        restarting.clock.advance(pause)
