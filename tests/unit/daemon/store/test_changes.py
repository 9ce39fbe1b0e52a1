"""The change feed: every follower sees every change, at its own pace, and what all passed goes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.domain.alerts import news
from daemon.domain.photos import Fingerprint
from daemon.store import Change, Store
from tests.support.documents import part_of_summary

NOON = datetime(2025, 10, 13, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path)) as opened:
        yield opened


def closed_run(store: Store, number: int) -> str:
    run = store.runs.open(f"20251013_{number:06}", NOON, "model").id
    store.runs.close(run, NOON, part_of_summary(run=run))
    return run


def test_who_follows_sees_what_comes_after_in_order(store: Store) -> None:
    closed_run(store, 1)
    store.changes.follow("mirror")
    second, third = closed_run(store, 2), closed_run(store, 3)
    seen = store.changes.after_cursor("mirror", {"run"})
    assert [change.id for change in seen] == [second, third]


def test_a_change_is_seen_again_until_its_follower_is_done_with_it(store: Store) -> None:
    store.changes.follow("mirror")
    closed_run(store, 1)
    assert store.changes.after_cursor("mirror", {"run"}) == store.changes.after_cursor(
        "mirror", {"run"}
    )
    store.changes.move("mirror", store.changes.newest())
    assert store.changes.after_cursor("mirror", {"run"}) == []


def test_a_follower_that_is_known_keeps_its_place(store: Store) -> None:
    store.changes.follow("mirror")
    run = closed_run(store, 1)
    store.changes.follow("mirror")
    assert [change.id for change in store.changes.after_cursor("mirror", {"run"})] == [run]


def test_it_is_said_whether_a_follower_is_new(store: Store) -> None:
    assert store.changes.follow("mirror")
    assert not store.changes.follow("mirror")
    store.changes.unfollow("mirror")
    assert store.changes.follow("mirror")


def test_what_no_trigger_sees_is_a_change_too(store: Store) -> None:
    store.alerts.keep([news("run_finished", "20251013", NOON, {})])
    store.changes.follow("mirror")
    store.removals.put(7, "Shirts/a.png", Fingerprint(1, 2, 3), "")
    store.retention.let_go([8], NOON)
    store.alerts.acknowledge(1, "anna", NOON)
    seen = store.changes.after_cursor("mirror", {"detail", "alert"})
    assert [(change.kind, change.id) for change in seen] == [
        ("detail", 7),
        ("detail", 8),
        ("alert", 1),
    ]


def test_a_cursor_never_goes_back(store: Store) -> None:
    store.changes.follow("mirror")
    closed_run(store, 1)
    store.changes.move("mirror", store.changes.newest())
    store.changes.move("mirror", 0)
    assert store.changes.after_cursor("mirror", {"run"}) == []


def test_only_the_kinds_that_are_asked_for_are_told(store: Store) -> None:
    store.changes.follow("mirror")
    closed_run(store, 1)
    store.alerts.keep([news("database_restored", "once", NOON, {})])
    kinds = [change.kind for change in store.changes.after_cursor("mirror", {"alert"})]
    assert kinds == ["alert"]


def test_numbers_are_not_used_again_once_all_changes_were_dropped(store: Store) -> None:
    closed_run(store, 1)
    store.changes.follow("mirror")
    before = store.changes.newest()
    for follower in ("mirror", "alerting"):
        store.changes.move(follower, before)
    closed_run(store, 2)
    (change,) = store.changes.after_cursor("mirror", {"run"})
    assert change.seq > before


def test_who_follows_no_more_holds_nothing_up(store: Store) -> None:
    store.changes.follow("mirror")
    closed_run(store, 1)
    store.changes.move("alerting", store.changes.newest())
    store.changes.unfollow("mirror")
    store.changes.follow("late")
    assert store.changes.after_cursor("late", {"run"}) == []


FOLLOWERS = ("mirror", "page", "learning")
ACTS = st.lists(
    st.sampled_from(["change", "restart"]) | st.tuples(st.sampled_from(FOLLOWERS), st.booleans()),
    max_size=40,
)


class Box:
    """A store with followers, each of which may die before it can note what it did."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Store(folder)
        self.made: list[str] = []
        self.seen: dict[str, list[int | str]] = {name: [] for name in FOLLOWERS}
        for name in FOLLOWERS:
            self.store.changes.follow(name)

    def act(self, act: str | tuple[str, bool]) -> None:
        if act == "change":
            self.made.append(closed_run(self.store, len(self.made)))
        elif act == "restart":
            self.store.close()
            self.store = Store(self.folder)
        elif isinstance(act, tuple):
            name, dies = act
            self.work(name, dies=dies)

    def work(self, name: str, *, dies: bool = False) -> list[Change]:
        some = self.store.changes.after_cursor(name, {"run"}, 2)
        self.seen[name] += [change.id for change in some]
        if some and not dies:
            self.store.changes.move(name, some[-1].seq)
        return some


@settings(deadline=None, max_examples=60)
@given(acts=ACTS)
def test_whatever_happens_each_follower_sees_each_change(
    tmp_path_factory: pytest.TempPathFactory, acts: list[str | tuple[str, bool]]
) -> None:
    box = Box(tmp_path_factory.mktemp("state"))
    for act in acts:
        box.act(act)
    for name in FOLLOWERS:
        while box.work(name):
            pass
        assert list(dict.fromkeys(box.seen[name])) == box.made
    box.store.close()
