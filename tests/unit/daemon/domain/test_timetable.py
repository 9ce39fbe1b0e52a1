"""When to drain, by the settings and the clock; and what is said an hour before."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from structlog.testing import capture_logs

from config.timing import WindowSettings
from daemon.domain.timetable import Timetable
from daemon.reporting.forecast_log import ForecastLog, forecast_for
from tests.support.clocks import ManualClock

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = WindowSettings(start=time(2), end=time(6), timezone="Europe/Berlin")


def clock_at(text: str) -> ManualClock:
    return ManualClock(datetime.fromisoformat(text).replace(tzinfo=BERLIN))


def timetable(at: str, window: WindowSettings = NIGHT) -> Timetable:
    return Timetable(window, clock_at(at))


class Memory(dict[str, Any]):
    """Remembers facts as the store does."""

    def remember(self, key: str, value: Any) -> None:
        self[key] = value


def told(clock: ManualClock, waiting: int = 412, pace: float = 1.0, steps: int = 1) -> list[str]:
    """What is announced while the clock goes on by a quarter of an hour each time."""
    forecast_log = ForecastLog(Timetable(NIGHT, clock), clock, Memory())
    with capture_logs() as logs:
        for _ in range(steps):
            forecast_log.check(lambda: waiting, pace)
            clock.advance(900)
    return [f"{line['log_level']}: {line['text']}" for line in logs]


def test_the_queue_is_drained_in_the_window_only() -> None:
    assert not timetable("2025-10-13T01:59").is_open()
    assert timetable("2025-10-13T02:00").is_open()
    assert not timetable("2025-10-13T06:00").is_open()


@pytest.mark.parametrize(("mode", "open_"), [("continuous", True), ("manual", False)])
def test_other_modes_know_no_window(mode: str, open_: bool) -> None:
    plan = timetable("2025-10-13T03:00", WindowSettings.model_validate({"mode": mode}))
    assert plan.is_open() is open_
    assert plan.window() is None
    assert plan.seconds_to_change() is None
    assert plan.forecast(10, 1.0) is None


def test_it_says_how_long_until_the_window_opens_or_closes() -> None:
    assert timetable("2025-10-13T01:59").seconds_to_change() == 60
    assert timetable("2025-10-13T05:59").seconds_to_change() == 60
    assert timetable("2025-10-26T00:00").seconds_to_change() == 2 * 3600


def test_new_settings_hold_at_once() -> None:
    plan = timetable("2025-10-13T01:30")
    plan.take(NIGHT.model_copy(update={"start": time(1)}))
    assert plan.is_open()


# When a run is over


def test_a_run_in_the_window_ends_when_nothing_is_expected_any_more() -> None:
    plan = timetable("2025-10-13T03:00")
    started = datetime(2025, 10, 13, 2, tzinfo=BERLIN)
    assert plan.is_run_over(started, idle_seconds=0, expected=0)
    assert not plan.is_run_over(started, idle_seconds=60, expected=1)
    assert plan.is_run_over(started, idle_seconds=900, expected=1)


def test_a_run_ends_with_the_window_whatever_is_expected() -> None:
    started = datetime(2025, 10, 13, 2, tzinfo=BERLIN)
    assert timetable("2025-10-13T06:00").is_run_over(started, idle_seconds=0, expected=99)


def test_a_continuous_run_ends_when_it_is_quiet_or_a_new_day_begins() -> None:
    plan = timetable("2025-10-13T23:59", WindowSettings(mode="continuous"))
    started = datetime(2025, 10, 13, 20, tzinfo=BERLIN)
    assert not plan.is_run_over(started, idle_seconds=0, expected=0)
    assert plan.is_run_over(started, idle_seconds=900, expected=0)
    assert plan.is_run_over(started - timedelta(days=1), idle_seconds=0, expected=0)


# Clocks that are set


def test_a_clock_that_was_set_is_noticed_once() -> None:
    clock = clock_at("1970-01-01T00:10")
    plan = Timetable(NIGHT, clock)
    clock.set_wall_clock(datetime(2025, 10, 13, 3, tzinfo=BERLIN))
    with capture_logs() as logs:
        plan.notice_jump()
        plan.notice_jump()
    (line,) = logs
    assert (line["event"], line["log_level"]) == ("clock_jumped", "warning")
    assert plan.is_open()


def test_time_that_passes_and_small_corrections_are_no_jump() -> None:
    clock = ManualClock(datetime(2025, 10, 26, tzinfo=UTC))
    plan = Timetable(NIGHT, clock)
    with capture_logs() as logs:
        clock.advance(86_400)  # asleep, across a change of the clocks
        plan.notice_jump()
        clock.set_wall_clock(clock.now() + timedelta(seconds=20))
        plan.notice_jump()
    assert logs == []


# The forecast


def test_the_forecast_is_told_once_an_hour_before_the_window_opens() -> None:
    assert told(clock_at("2025-10-13T00:55"), steps=10) == ["info: 412 queued, done by 02:06"]


def test_a_queue_that_will_not_fit_is_a_warning() -> None:
    said = told(clock_at("2025-10-13T01:30"), waiting=20_000)
    assert said == ["warning: 20,000 queued, 5,600 will not fit"]


def test_without_a_run_to_measure_by_only_the_queue_is_told() -> None:
    assert told(clock_at("2025-10-13T01:30"), pace=0) == ["info: 412 queued"]


def test_every_window_is_announced() -> None:
    assert len(told(clock_at("2025-10-13T00:55"), steps=200)) == 3


def test_inside_the_window_it_is_too_late_for_a_forecast() -> None:
    assert told(clock_at("2025-10-13T02:30"), steps=10) == []


# What was expected of a window, for the morning


def test_what_is_expected_when_the_window_opens_is_remembered_once() -> None:
    clock, memory = clock_at("2025-10-13T01:59"), Memory()
    forecast_log = ForecastLog(Timetable(NIGHT, clock), clock, memory)
    forecast_log.note_opening(lambda: 3600, 1.0)
    assert not memory
    clock.advance(60)
    forecast_log.note_opening(lambda: 3600, 1.0)
    clock.advance(600)
    forecast_log.note_opening(lambda: 9999, 1.0)
    ForecastLog(Timetable(NIGHT, clock), clock, memory).note_opening(
        lambda: 5, 1.0
    )  # a new process
    seen = forecast_for(memory, clock.now())
    assert seen is not None
    assert (seen["waiting"], seen["will_not_fit"]) == (3600, 0)
    assert seen["done_by"] == "2025-10-13T03:00:00+02:00"
    assert forecast_for(memory, clock.now() - timedelta(days=1)) is None


def test_without_a_known_pace_nothing_is_expected() -> None:
    clock, memory = clock_at("2025-10-13T02:00"), Memory()
    ForecastLog(Timetable(NIGHT, clock), clock, memory).note_opening(lambda: 10, 0.0)
    assert forecast_for(memory, clock.now()) is None


def test_only_the_newest_forecasts_are_kept() -> None:
    clock, memory = clock_at("2025-01-01T02:00"), Memory()
    forecast_log = ForecastLog(Timetable(NIGHT, clock), clock, memory)
    for _ in range(120):
        forecast_log.note_opening(lambda: 10, 1.0)
        clock.set_wall_clock(clock.now() + timedelta(days=1))
    (kept,) = memory.values()
    assert len(kept) == 100
    assert kept[-1]["opens"].startswith("2025-04-30")
