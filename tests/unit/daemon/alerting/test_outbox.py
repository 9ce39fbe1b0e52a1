"""The outbox: what was raised arrives, once, however often a target, a disk or we fail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.errors import DiskFull
from daemon.alerting.outbox import GIVE_UP, Outbox
from daemon.domain.alerts import RULES, Alert, Phase, Sent, key_of, news
from daemon.domain.failures import wait_after
from daemon.store import Store
from tests.support.alerts import FakeTarget

NIGHT = datetime(2025, 10, 13, 2, tzinfo=UTC)
FACTS = {"since": NIGHT.isoformat(), "target": "mail"}
DELIVERED = Sent(is_delivered=True)
REFUSED = Sent(is_delivered=False, error="connection refused")
MAIL, SLACK = FakeTarget("mail"), FakeTarget("slack")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    yield store
    store.close()


def alert(rule: str, phase: Phase = "raised", at: datetime = NIGHT, day: int = 1) -> Alert:
    facts: Mapping[str, Any] = FACTS
    key = key_of(rule, "", NIGHT, phase, day)
    return Alert(key, rule, RULES[rule].severity, phase, day, at, facts)


def keys(deliveries: list[Any]) -> list[tuple[str, str]]:
    return [(delivery.alert.key, delivery.target) for delivery in deliveries]


def test_an_alert_goes_to_every_target_that_wants_its_severity(store: Store) -> None:
    outbox = Outbox(store)
    targets = [FakeTarget("ops", ("critical",)), FakeTarget("boss", ("info", "critical"))]
    outbox.put([alert("run_failed"), news("run_finished", "1", NIGHT, {})])
    due = outbox.due(targets, NIGHT)
    assert [(delivery.alert.rule, delivery.target) for delivery in due] == [
        ("run_failed", "boss"),
        ("run_failed", "ops"),
        ("run_finished", "boss"),
    ]


def test_a_target_out_of_reach_is_told_through_all_others_whatever_they_want(store: Store) -> None:
    outbox = Outbox(store)
    outbox.put([alert("target_undeliverable")])
    assert [one.target for one in outbox.due([MAIL, SLACK], NIGHT)] == ["slack"]


def test_what_arrived_is_not_sent_again(store: Store) -> None:
    outbox = Outbox(store)
    outbox.put([alert("run_failed")])
    for delivery in outbox.due([MAIL], NIGHT):
        outbox.note(delivery, DELIVERED, NIGHT)
    assert Outbox(store).due([MAIL], NIGHT + timedelta(days=2)) == []


def test_what_failed_is_tried_after_5_15_and_60_seconds_and_then_ever_more_rarely() -> None:
    waits = [wait_after(attempts, timedelta(), GIVE_UP) for attempts in range(1, 12)]
    seconds = [wait.total_seconds() for wait in waits if wait is not None]
    assert seconds == [5, 15, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]


def test_it_is_given_up_after_a_day_but_not_before_some_attempts() -> None:
    assert wait_after(30, timedelta(hours=23), GIVE_UP) is not None
    assert wait_after(30, timedelta(hours=25), GIVE_UP) is None
    assert wait_after(1, timedelta(days=9), GIVE_UP) is not None


def test_an_alert_that_failed_is_due_when_its_time_has_come_and_at_a_start(store: Store) -> None:
    outbox = Outbox(store)
    outbox.put([alert("run_failed")])
    (delivery,) = outbox.due([MAIL], NIGHT)
    outbox.note(delivery, REFUSED, NIGHT)
    assert outbox.due([MAIL], NIGHT + timedelta(seconds=4)) == []
    (again,) = outbox.due([MAIL], NIGHT + timedelta(seconds=5))
    assert again.attempts == 1
    outbox.note(again, REFUSED, NIGHT + timedelta(seconds=5))
    restarted = Outbox(store)
    restarted.begin(NIGHT + timedelta(seconds=6))
    (at_start,) = restarted.due([MAIL], NIGHT + timedelta(seconds=6))
    assert at_start.alert == delivery.alert
    assert at_start.attempts == 2


def test_what_failed_for_a_day_is_a_dead_letter_and_counted(store: Store) -> None:
    outbox = Outbox(store)
    outbox.put([alert("run_failed")])
    now = NIGHT
    attempts = 0
    while now < NIGHT + timedelta(days=3):
        for delivery in outbox.due([MAIL], now):
            attempts += 1
            outbox.note(delivery, REFUSED, now)
        now += timedelta(minutes=1)
    assert store.deliveries.count() == {"waiting": 0, "delivered": 0, "dead": 1}
    assert 25 <= attempts <= 40
    (failing,) = store.deliveries.failing_targets()
    assert (failing.target, failing.since, failing.error) == ("mail", NIGHT, "connection refused")


def test_a_clock_that_was_set_back_does_not_keep_an_alert_for_years(store: Store) -> None:
    outbox = Outbox(store)
    outbox.put([alert("run_failed")])
    (delivery,) = outbox.due([MAIL], NIGHT)
    outbox.note(delivery, REFUSED, NIGHT)
    assert len(outbox.due([MAIL], NIGHT - timedelta(days=400))) == 1


def test_a_target_that_works_again_is_not_failing(store: Store) -> None:
    outbox = Outbox(store)
    outbox.put([alert("run_failed")])
    (delivery,) = outbox.due([MAIL], NIGHT)
    outbox.note(delivery, REFUSED, NIGHT)
    assert [one.target for one in store.deliveries.failing_targets()] == ["mail"]
    later = NIGHT + timedelta(minutes=1)
    outbox.note(outbox.due([MAIL], later)[0], DELIVERED, later)
    assert store.deliveries.failing_targets() == []


def test_what_is_raised_cannot_be_raised_again_nor_resolved_twice(store: Store) -> None:
    other = Alert("run_failed.other", "run_failed", "critical", "raised", 1, NIGHT, FACTS)
    assert store.alerts.keep([alert("run_failed"), other]) == [alert("run_failed")]
    resolved = alert("run_failed", "resolved")
    again = Alert("run_failed.again", "run_failed", "critical", "resolved", 1, NIGHT, FACTS)
    assert store.alerts.keep([resolved, again]) == [resolved]
    assert store.alerts.open_incidents() == []


def test_the_same_news_is_told_once(store: Store) -> None:
    told = news("run_finished", "20251013_020000", NIGHT, {})
    assert store.alerts.keep([told, told]) == [told]
    assert store.alerts.keep([told]) == []


def test_news_of_one_rule_do_not_keep_each_other_away(store: Store) -> None:
    both = [news("run_finished", run, NIGHT, {}) for run in ("1", "2")]
    assert store.alerts.keep(both) == both


def test_targets_that_are_no_more_are_given_up(store: Store) -> None:
    outbox = Outbox(store)
    outbox.put([alert("run_failed")])
    assert len(outbox.due([MAIL, SLACK], NIGHT)) == 2
    outbox.take_targets([SLACK], NIGHT)
    assert [one.target for one in outbox.due([MAIL, SLACK], NIGHT)] == ["slack"]


def test_who_knows_of_an_alert_is_kept_the_first_to_say_so(store: Store) -> None:
    store.alerts.keep([alert("run_failed")])
    assert store.alerts.acknowledge(1, "ann", NIGHT)
    assert store.alerts.acknowledge(1, "bob", NIGHT + timedelta(hours=1))
    assert not store.alerts.acknowledge(99, "ann", NIGHT)
    (incident,) = store.alerts.open_incidents()
    assert incident.is_acknowledged
    (told,) = store.alerts.history(10)
    assert told["acknowledged_by"] == "ann"


def test_the_history_has_every_alert_with_where_it_went(store: Store) -> None:
    outbox = Outbox(store)
    outbox.put([alert("run_failed"), alert("run_failed", "repeated", NIGHT, 2)])
    outbox.put([alert("run_failed", "resolved")])
    for delivery in outbox.due([MAIL], NIGHT):
        outbox.note(delivery, DELIVERED if delivery.alert.phase == "raised" else REFUSED, NIGHT)
    (told,) = store.alerts.history(10)
    assert (told["day"], told["resolved"] is None) == (2, False)
    assert [(one["phase"], one["deliveries"][0]["state"]) for one in told["alerts"]] == [
        ("raised", "delivered"),
        ("repeated", "waiting"),
        ("resolved", "waiting"),
    ]
    assert told["alerts"][1]["deliveries"][0]["error"] == "connection refused"


def test_what_is_over_for_long_is_forgotten_and_what_lasts_is_not(store: Store) -> None:
    outbox = Outbox(store)
    outbox.put([alert("run_failed"), news("run_finished", "1", NIGHT, {})])
    outbox.due([MAIL], NIGHT)
    assert store.alerts.forget(NIGHT) == 0
    assert store.alerts.forget(NIGHT + timedelta(seconds=1)) == 1
    assert [told["rule"] for told in store.alerts.history(10)] == ["run_failed"]
    assert store.deliveries.count()["waiting"] == 1


class FullStore:
    """A store whose disk takes nothing while it is full."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.is_full = True

    def __getattr__(self, name: str) -> Any:
        if self.is_full and name in ("keep_alerts", "address", "note_attempt", "try_all_now"):
            return self._refuse
        return getattr(self._store, name)

    def _refuse(self, *_: Any, **__: Any) -> None:
        raise DiskFull("state_dir: no space left for the database")


def test_on_a_full_disk_people_are_told_and_it_is_recorded_when_there_is_room(
    store: Store,
) -> None:
    full = FullStore(store)
    outbox = Outbox(full)  # type: ignore[arg-type]
    outbox.put([alert("run_failed")])
    assert [*outbox.incidents()] == [("run_failed", "")]
    (delivery,) = outbox.due([MAIL], NIGHT)
    outbox.note(delivery, DELIVERED, NIGHT)
    assert outbox.due([MAIL], NIGHT + timedelta(hours=1)) == []
    full.is_full = False
    outbox.put([])
    assert outbox.due([MAIL], NIGHT + timedelta(hours=1)) == []
    assert store.deliveries.count() == {"waiting": 0, "delivered": 1, "dead": 0}
    assert [*outbox.incidents()] == [("run_failed", "")]


def test_on_a_full_disk_what_failed_is_tried_again_at_its_time(store: Store) -> None:
    outbox = Outbox(FullStore(store))  # type: ignore[arg-type]
    outbox.put([alert("run_failed")])
    outbox.note(outbox.due([MAIL], NIGHT)[0], REFUSED, NIGHT)
    assert outbox.due([MAIL], NIGHT + timedelta(seconds=1)) == []
    (again,) = outbox.due([MAIL], NIGHT + timedelta(seconds=5))
    assert again.attempts == 1


def test_what_arrived_while_the_disk_was_full_is_not_sent_again(store: Store) -> None:
    full = FullStore(store)
    full.is_full = False
    outbox = Outbox(full)  # type: ignore[arg-type]
    outbox.put([alert("run_failed")])
    (delivery,) = outbox.due([MAIL], NIGHT)
    full.is_full = True
    outbox.note(delivery, DELIVERED, NIGHT)
    assert outbox.due([MAIL], NIGHT + timedelta(hours=1)) == []
    full.is_full = False
    assert outbox.due([MAIL], NIGHT + timedelta(hours=1)) == []
    assert store.deliveries.count()["delivered"] == 1


class Machine:
    """An outbox at work, to which anything may happen."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder)
        self.disk = FullStore(self.store)
        self.disk.is_full = False
        self.targets = [FakeTarget("mail")]
        self.now = NIGHT
        self.recorded: list[str] = []
        self.sent: list[str] = []
        self.kills = 0
        self.restart()

    def restart(self) -> None:
        self.outbox = Outbox(self.disk)  # type: ignore[arg-type]
        self.outbox.begin(self.now)

    def tell(self) -> None:
        made = news("run_finished", f"{self.now:%Y%m%dT%H%M}", self.now, {})
        self.outbox.put([made])
        if not self.disk.is_full:
            self.recorded.append(made.key)

    def deliver(self) -> None:
        for delivery in self.outbox.due(self.targets, self.now):
            self.sent.append(delivery.alert.key)
            self.outbox.note(delivery, DELIVERED, self.now)

    def fail(self) -> None:
        for delivery in self.outbox.due(self.targets, self.now):
            self.outbox.note(delivery, REFUSED, self.now)

    def kill(self) -> None:
        """Between sending and recording."""
        self.sent += [one.alert.key for one in self.outbox.due(self.targets, self.now)[:1]]
        self.kills += 1
        self.restart()

    def fill(self) -> None:
        self.disk.is_full = True

    def free(self) -> None:
        self.disk.is_full = False
        self.outbox.put([])


events = st.sampled_from(["tell", "deliver", "fail", "kill", "restart", "fill", "free"])


@given(st.lists(events, max_size=40))
@settings(deadline=None, max_examples=60)
def test_whatever_happens_every_alert_arrives_and_repeats_only_after_a_kill(
    tmp_path_factory: pytest.TempPathFactory, history: list[str]
) -> None:
    machine = Machine(tmp_path_factory.mktemp("state"))
    for event in [*history, "free", "restart", "deliver"]:
        machine.now += timedelta(minutes=61)
        getattr(machine, event)()
    machine.store.close()
    assert {*machine.recorded} <= {*machine.sent}
    if "fill" not in history:
        assert len(machine.sent) - len({*machine.sent}) <= machine.kills
