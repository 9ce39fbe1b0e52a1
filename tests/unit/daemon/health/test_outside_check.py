"""The lookout: a dead daemon and missed windows are told from outside, once a day at most."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from config.errors import ModelError
from config.settings import Settings
from daemon.alerting.file_outbox import FILE, RUNTIME, noted_of
from daemon.domain.alerts import Sent
from daemon.domain.status_words import Problem
from daemon.folders.locks import hold
from daemon.health.outside_check import OutsideCheck, look
from daemon.health.status_file import STATUS
from daemon.store import DATABASE, Store
from daemon.store.facts import ATTENDED
from tests.support.alerts import Box, FakeTarget, healthy
from tests.support.clocks import ManualClock

HOUR = 3600.0
ENDED = {"MONITOR_SERVICE_RESULT": "exit-code", "MONITOR_EXIT_STATUS": "78"}


class Outside:
    """A machine on which nightsort is dead unless a test says otherwise."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.state = folder / "state"
        self.state.mkdir()
        self.runtime = folder / "run"
        self.runtime.mkdir()
        self.settings = Settings.model_validate(
            {
                **{f"{name}_dir": folder / name for name in ("incoming", "sorted", "results")},
                "state_dir": self.state,
                "window": {"timezone": "UTC"},
            }
        )
        self.clock = ManualClock()
        self.is_down = False
        self.target = FakeTarget("mail", answer=lambda _: Sent(not self.is_down, "refused"))

    def look(self, because: str = "") -> list[tuple[str, str]]:
        """The timer's next look; returns what was told. because: what is known of the reason."""
        before = len(self.target.told)
        environment = {**ENDED, "RUNTIME_DIRECTORY": str(self.runtime)}
        lookout = OutsideCheck(self.settings, self.clock, [self.target], environment)
        seen = look(self.state, environment)
        lookout.tell(seen.because(Problem(because)) if because else seen)
        return [(alert.rule, alert.phase) for alert in self.target.told[before:]]

    def damage(self) -> None:
        (self.state / DATABASE).write_bytes(b"no database" * 1000)

    def attend(self, at: datetime) -> None:
        store = Store(self.state)
        store.facts.remember(ATTENDED, at.isoformat())
        store.close()

    def look_hourly(self, hours: int) -> list[tuple[str, str]]:
        told = []
        for _ in range(hours):
            told += self.look()
            self.clock.advance(HOUR)
        return told


@pytest.fixture(params=["store", "damaged", "none"])
def outside(tmp_path: Path, request: pytest.FixtureRequest) -> Outside:
    """With a store that can be used, one that cannot, and none at all."""
    machine = Outside(tmp_path / "box")
    if request.param == "store":
        Store(machine.state).close()
    elif request.param == "damaged":
        machine.damage()
    return machine


def test_a_dead_daemon_is_told_at_once_and_then_daily(outside: Outside) -> None:
    assert outside.look_hourly(50) == [
        ("service_silent", "raised"),
        ("service_silent", "repeated"),
        ("service_silent", "repeated"),
    ]
    assert outside.target.told[0].facts["result"] == "exit-code"
    assert outside.target.told[-1].day == 3


def test_a_service_that_said_itself_why_it_ended_is_not_told_a_second_time(tmp_path: Path) -> None:
    outside = Outside(tmp_path / "box")
    box = Box(outside.state.parent)
    for _ in range(2):  # somebody starts it again
        box.session.end_with(ModelError("model.tflite is missing"))
        box.restart()
        box.session.end_with(ModelError("model.tflite is missing"))
    assert [(one.rule, one.phase) for one in box.target.told] == [("model_failed", "raised")]
    assert outside.look_hourly(50) == [("model_failed", "repeated")] * 2
    assert outside.target.told[-1].facts["why"] == "model.tflite is missing"
    assert outside.look("the settings are refused") == [("service_silent", "raised")]
    box.restart()
    assert sorted(box.turn()) == [("model_failed", "resolved"), ("service_silent", "resolved")]
    box.store.close()  # and dies of something else
    outside.clock.advance(HOUR)
    assert outside.look() == [("service_silent", "raised")]


def test_what_could_not_be_delivered_is_tried_at_the_next_look(outside: Outside) -> None:
    outside.is_down = True
    assert outside.look_hourly(3) == []
    outside.is_down = False
    assert outside.look_hourly(3) == [("service_silent", "raised")]


def test_a_daemon_that_lives_again_is_told_by_whoever_knows(tmp_path: Path) -> None:
    outside = Outside(tmp_path / "box")
    outside.damage()
    outside.look()
    assert (outside.runtime / FILE).exists()
    steady = {"steady": time.clock_gettime(time.CLOCK_BOOTTIME)}
    (outside.state / STATUS).write_text(json.dumps(healthy(alerts={}) | steady))
    with hold(outside.state):
        assert outside.look_hourly(3) == [("service_silent", "resolved")]
    assert outside.look() == [("service_silent", "raised")]


@pytest.mark.parametrize(
    "change",
    [
        lambda saved: {**saved, "incidents": [{"rule": "service_silent", "comet": 1}]},
        lambda saved: {"incidents": saved["incidents"]},
        lambda saved: [saved],
        lambda saved: {**saved, "about": "/elsewhere"},
        lambda saved: {**saved, "waiting": {"alert": 3}},
    ],
)
def test_a_notebook_of_another_version_or_instance_is_begun_anew(
    tmp_path: Path, change: Callable[[Any], Any]
) -> None:
    outside = Outside(tmp_path / "box")
    assert outside.look() == [("service_silent", "raised")]
    assert [one.rule for one in noted_of(outside.state, outside.runtime)] == ["service_silent"]
    notebook = outside.runtime / FILE
    notebook.write_text(json.dumps(change(json.loads(notebook.read_text()))))
    assert noted_of(outside.state, outside.runtime) == []
    assert outside.look() == [("service_silent", "raised")]


def test_a_notebook_that_cannot_be_written_keeps_nothing_from_being_told(tmp_path: Path) -> None:
    outside = Outside(tmp_path / "box")
    (outside.runtime / FILE).mkdir()  # in the way
    assert outside.look() == [("service_silent", "raised")]


def test_a_window_missed_while_dead_is_told_after_36_hours_and_not_again_by_the_store(
    tmp_path: Path,
) -> None:
    outside = Outside(tmp_path / "box")
    outside.attend(datetime(2025, 10, 13, 2, tzinfo=UTC))
    told = outside.look_hourly(24 + 37)
    assert told.count(("window_missed", "raised")) == 1
    assert told.index(("window_missed", "raised")) == len(told) - 1
    raised = next(one for one in outside.target.told if one.rule == "window_missed")
    assert raised.facts["opened"] == "2025-10-14T02:00:00+00:00"
    store = Store(outside.state)
    assert {one.rule for one in store.alerts.open_incidents()} == {
        "service_silent",
        "window_missed",
    }
    store.close()


@pytest.mark.parametrize("unit", ["nightsort-check.service", "nightsort-failed.service"])
def test_the_units_keep_the_notebook_where_it_is_looked_for(unit: str) -> None:
    text = (Path(__file__).parents[4] / "systemd" / unit).read_text()
    assert f"\nRuntimeDirectory={RUNTIME.name}\n" in text
    assert RUNTIME.parent == Path("/run")
