"""What the page remembers, and what it is good for later."""

from __future__ import annotations

import os
import sqlite3
import tracemalloc
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from config.errors import ConfigError, DiskFull
from tests.unit.web.test_throttle import NOON, Clock
from web.calls import DAY_SECONDS, KEPT_SECONDS, LastDay, Recorder
from web.database import DATABASE, Call, NameTaken, WebStore
from web.database.calls import Calls, Tally
from web.database.links import Links
from web.database.schema import STEPS
from web.database.sessions import Sessions
from web.reading.acts import Doing
from web.reading.system import user_name
from web.roles import Role


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[WebStore]:
    with closing(WebStore.open(tmp_path)) as store:
        yield store


def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    WebStore.open(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / DATABASE)) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(ConfigError, match="written by a newer nightsort"):
        WebStore.open(tmp_path)


def test_a_file_that_is_no_database_is_refused_in_a_line(tmp_path: Path) -> None:
    (tmp_path / DATABASE).write_bytes(b"not a database at all" * 100)
    with pytest.raises(ConfigError, match="cannot be opened"):
        WebStore.open(tmp_path)


def test_the_secret_is_made_once(tmp_path: Path, store: WebStore) -> None:
    secret = store.connection.secret()
    assert len(secret) == 32
    with closing(WebStore.open(tmp_path)) as again:
        assert again.connection.secret() == secret


def test_names_differ_by_more_than_their_case(store: WebStore) -> None:
    store.accounts.add("Jürgen", Role.CLERK, "hash")
    with pytest.raises(NameTaken):
        store.accounts.add("JÜRGEN", Role.ADMIN, "hash")
    found = store.accounts.named("jürgen")
    assert found is not None
    assert (found.name, found.role) == ("Jürgen", Role.CLERK)


def test_only_the_first_account_is_made_by_a_link(store: WebStore) -> None:
    assert store.accounts.add_first("anna", "hash") is not None
    assert store.accounts.add_first("evil", "hash") is None
    assert [one.name for one in store.accounts.everybody()] == ["anna"]


# Links


def test_a_link_is_good_once_and_for_its_time(store: WebStore, clock: Clock) -> None:
    links = Links(store.connection, clock)
    secret = links.make_first()
    assert secret is not None
    clock.now += 14 * 60
    assert links.look(secret) is not None
    assert links.take(secret) is not None
    assert links.take(secret) is None
    late = links.make_first()
    assert late is not None
    clock.now += 15 * 60 + 1
    assert links.take(late) is None


def test_a_clock_that_is_set_back_makes_no_link_good_again(store: WebStore, clock: Clock) -> None:
    links = Links(store.connection, clock)
    secret = links.make_first()
    assert secret is not None
    clock.now -= 3600
    assert links.take(secret) is None


def test_there_is_no_first_link_once_somebody_can_sign_in(store: WebStore, clock: Clock) -> None:
    links = Links(store.connection, clock)
    made_before = links.make_first()
    assert made_before is not None
    store.accounts.add("anna", Role.ADMIN, "hash")
    assert links.make_first() is None
    assert links.look(made_before) is None
    assert links.take(made_before) is None


def test_a_new_link_ends_the_one_before(store: WebStore, clock: Clock) -> None:
    links = Links(store.connection, clock)
    anna = store.accounts.add("anna", Role.CLERK, "hash")
    first, second = links.make_reset(anna), links.make_reset(anna)
    assert links.look(first) is None
    assert links.look(second) is not None


# Acts


def test_each_act_is_noted_with_who_did_it_and_no_secret(tmp_path: Path, store: WebStore) -> None:
    anna = store.accounts.add_first("anna", "$argon2id$of-anna")
    assert anna is not None
    carl = store.accounts.add("Carl", Role.CLERK, "$argon2id$of-carl")
    secrets = [
        store.sessions.begin(anna),
        store.links.make_reset(carl, by="anna"),
        store.keys.add("shop", Role.READER),
    ]
    store.accounts.set_role(carl, Role.LEAD)
    store.accounts.set_password(carl, "$argon2id$new", by="Carl")
    store.keys.revoke("shop")
    store.accounts.remove(carl)
    us = user_name(os.geteuid())
    assert [(one.doing, one.whom, one.role, one.person) for one in store.acts.untold(100)] == [
        ("account_added", "anna", "admin", "anna"),
        ("account_added", "Carl", "clerk", us),
        ("sign_in", "", "", "anna"),
        ("link_made", "Carl", "", "anna"),
        ("key_made", "shop", "reader", us),
        ("role_changed", "Carl", "lead", us),
        ("password_changed", "Carl", "", "Carl"),
        ("key_revoked", "shop", "", us),
        ("account_removed", "Carl", "", us),
    ]
    with store.connection.reading() as db:
        told = str(db.execute("SELECT * FROM acts").fetchall())
    assert not [one for one in ("argon2", *secrets) if one in told]


def test_what_was_not_done_is_not_noted(store: WebStore) -> None:
    store.accounts.add("anna", Role.CLERK, "hash")
    with pytest.raises(NameTaken):
        store.accounts.add("Anna", Role.ADMIN, "hash")
    store.accounts.remove(7)
    store.accounts.set_role(7, Role.ADMIN)
    assert not store.keys.revoke("shop")
    assert [one.doing for one in store.acts.untold(100)] == ["account_added"]


def test_sign_ins_that_wait_in_a_database_of_before_are_told_and_numbers_go_on(
    tmp_path: Path,
) -> None:
    with closing(sqlite3.connect(tmp_path / DATABASE)) as db, db:
        for statement in [one for step in STEPS[:3] for one in step]:
            db.execute(statement)
        db.execute("PRAGMA user_version = 3")
        for name in ("anna", "bert"):
            db.execute("INSERT INTO sign_ins (at, name) VALUES (?, ?)", (NOON, name))
        db.execute("DELETE FROM sign_ins WHERE name = 'bert'")  # was told
    with closing(WebStore.open(tmp_path)) as store:
        (waits,) = store.acts.untold(100)
        assert (waits.number, waits.person, waits.doing) == (1, "anna", Doing.SIGN_IN)
        store.accounts.add("carl", Role.CLERK, "hash")
        assert [one.number for one in store.acts.untold(100)] == [1, 3]
        store.acts.told(1)
        assert [one.number for one in store.acts.untold(100)] == [3]


# Sessions


def test_a_session_slides_while_it_is_used_up_to_its_end(store: WebStore, clock: Clock) -> None:
    sessions = Sessions(store.connection, clock)
    anna = store.accounts.add("anna", Role.CLERK, "hash")
    secret = sessions.begin(anna)
    for _ in range(13):
        clock.now += 6 * 3600
        session = sessions.find(secret, 12)
        assert session is not None
        assert sessions.is_to_note(session)
        sessions.note(session)
    clock.now += 7 * 3600
    assert sessions.find(secret, 12) is None  # after 85 hours, though it was used


def test_a_session_carries_the_role_of_this_moment(store: WebStore) -> None:
    anna = store.accounts.add("anna", Role.CLERK, "hash")
    secret = store.sessions.begin(anna)
    with store.connection.writing() as db:
        db.execute("UPDATE accounts SET role = 'reader'")
    session = store.sessions.find(secret, 12)
    assert session is not None
    assert session.role is Role.READER


def test_a_clock_that_is_set_back_makes_no_session_last_longer(
    store: WebStore, clock: Clock
) -> None:
    sessions = Sessions(store.connection, clock)
    anna = store.accounts.add("anna", Role.CLERK, "hash")
    clock.now += 365 * 86400
    secret = sessions.begin(anna)
    clock.now -= 365 * 86400
    sessions.sweep(12)
    assert sessions.find(secret, 12) is not None
    clock.now += 13 * 3600
    assert sessions.find(secret, 12) is None


def test_sessions_that_have_ended_are_forgotten(store: WebStore, clock: Clock) -> None:
    sessions = Sessions(store.connection, clock)
    sessions.begin(store.accounts.add("anna", Role.CLERK, "hash"))
    clock.now += 13 * 3600
    sessions.sweep(12)
    with store.connection.reading() as db:
        assert db.execute("SELECT count(*) FROM sessions").fetchone() == (0,)


@pytest.mark.parametrize("odd", ["", "\ud800", "x" * 100_000, "'; DROP TABLE sessions; --"])
def test_odd_secrets_are_just_wrong(store: WebStore, odd: str) -> None:
    assert store.sessions.find(odd, 12) is None
    assert store.keys.find(odd) is None
    assert store.links.look(odd) is None


# Keys


def test_a_key_of_a_revoked_name_can_be_made_anew(store: WebStore) -> None:
    first = store.keys.add("shop", Role.READER)
    with pytest.raises(NameTaken):
        store.keys.add("shop", Role.CLERK)
    assert store.keys.revoke("shop")
    assert not store.keys.revoke("shop")
    second = store.keys.add("shop", Role.CLERK)
    assert store.keys.find(first) is None
    found = store.keys.find(second)
    assert found is not None
    assert found.role is Role.CLERK
    assert len(store.keys.all()) == 2


def test_a_key_has_256_random_bits(store: WebStore) -> None:
    key = store.keys.add("shop", Role.READER)
    assert len(key.removeprefix("nightsort_")) == 43


# Calls


def call(at: float = NOON) -> Call:
    return Call(at, "/version", 200, 1.5, 0, "shop")


def test_calls_are_kept_for_their_days(store: WebStore, clock: Clock) -> None:
    calls = Calls(store.connection, clock)
    calls.add([call(NOON - 31 * 86_400), call()])
    calls.sweep(0)
    assert len(calls.since(0)) == 2
    calls.sweep(30)
    assert calls.since(0) == [call()]


def test_of_more_calls_than_can_be_kept_the_newest_are(
    store: WebStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.database.calls.MOST_KEPT", 3)
    store.calls.add([call(NOON + n) for n in range(5)])
    for _ in range(2):
        store.calls.sweep(0)
        assert [one.at - NOON for one in store.calls.since(0)] == [2, 3, 4]


class FullDisk(Calls):
    """Refuses as long as it is full."""

    is_full = True

    def add(self, calls: Sequence[Call]) -> None:
        if self.is_full:
            raise DiskFull("full")
        super().add(calls)


def test_calls_that_the_disk_refuses_are_written_later(store: WebStore) -> None:
    calls = FullDisk(store.connection)
    recorder = Recorder(calls)
    recorder.note(call())
    recorder.write()
    calls.is_full = False
    recorder.note(call(NOON + 1))
    recorder.write()
    assert calls.since(0) == [call(), call(NOON + 1)]


def test_calls_are_lost_rather_than_memory_and_that_is_told(
    store: WebStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.calls.MOST_NOTED", 3)
    recorder = Recorder(store.calls)
    for n in range(5):
        recorder.note(call(NOON + n))
    with structlog.testing.capture_logs() as said:
        recorder.write()
    assert [one["count"] for one in said if one["event"] == "calls_lost"] == [2]
    assert [one.at - NOON for one in store.calls.since(0)] == [2, 3, 4]


def test_calls_are_added_up_by_span_and_path_with_their_times(store: WebStore) -> None:
    calls = [Call(NOON + n, "/predict", 200, float(n), 0, "shop") for n in range(1, 101)]
    calls += [Call(NOON, "/classes", status, 7.0, 0, "") for status in (200, 404, 503)]
    store.calls.add([*calls, call(NOON - 1)])
    found = store.calls.tallied(NOON)
    assert (of_all := found.all()) is not None
    assert (of_all.of, of_all.calls, of_all.failures, of_all.refused) == ("", 103, 1, 1)
    predict, classes = found.by_path()
    assert (predict.of, predict.calls) == ("/predict", 100)
    assert (predict.p50, predict.p95, predict.p99) == (50.0, 95.0, 99.0)
    assert (classes.of, classes.calls, classes.p99) == ("/classes", 3, 7.0)
    assert found.all(first_hour=1) is None
    assert store.calls.tallied(NOON + 1000).all() is None
    assert (store.calls.count(NOON), store.calls.count(NOON + 1000)) == (103, 0)


def test_the_last_day_is_told_by_hour_and_path_and_added_up_anew_when_it_is_another(
    store: WebStore,
) -> None:
    began, day = NOON - DAY_SECONDS, LastDay(store.calls)
    assert (day.at(NOON).hours, day.at(NOON).paths) == ([], [])
    hours = [0, 0, 1, 23] * 10
    store.calls.add([Call(began + 3600 * n + 60, "/classes", 200, 1.0, 0, "") for n in hours])
    told = day.at(NOON)
    assert {one.of: one.calls for one in told.hours} == {"0": 20, "1": 10, "23": 10}
    assert [(one.of, one.calls) for one in told.paths] == [("/classes", 40)]
    store.calls.add([Call(NOON, "/version", 200, 1.0, 0, "")])
    assert day.at(NOON + 1) is told  # one of forty is soon enough told
    assert len(day.at(NOON + KEPT_SECONDS).paths) == 2
    store.calls.add([Call(NOON, "/runs", 200, 1.0, 0, "") for _ in range(10)])
    assert len(day.at(NOON + KEPT_SECONDS + 1).paths) == 3
    assert len(day.at(NOON - 1).paths) == 3  # the clock was set back


@given(st.lists(st.tuples(st.sampled_from((200, 404, 503)), st.integers(0, 30)), min_size=1))
def test_a_tally_ranks_as_if_all_calls_stood_in_a_row(calls: list[tuple[int, int]]) -> None:
    tally, row = Tally(), sorted(tenths / 10 for _, tenths in calls)
    for status, tenths in calls:
        tally.add(status, tenths / 10)
    found = tally.times("x")
    ranks = [-(-len(row) * percent // 100) for percent in (50, 95, 99)]
    assert [found.p50, found.p95, found.p99] == [row[rank - 1] for rank in ranks]
    assert found.calls == len(row)


def test_many_calls_take_little_memory_and_are_not_added_up_for_each_who_asks(
    store: WebStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = (Call(NOON - n / 10, "/classes", 200, n % 50 / 10, 0, "") for n in range(20_000))
    store.calls.add(list(calls))
    tracemalloc.start()
    try:
        found = store.calls.tallied(NOON - DAY_SECONDS).all()
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found is not None
    assert found.calls == 20_000
    assert most_bytes < 500_000  # as rows in a list they take three megabytes
    day = LastDay(store.calls)
    told = day.exactly_at(NOON)
    store.calls.add([call()])
    assert day.exactly_at(NOON + 1) is told
    monkeypatch.setattr("web.calls.FEW", 30_000)
    assert [one.of for one in day.exactly_at(NOON + 1).paths] == ["/classes", "/version"]
