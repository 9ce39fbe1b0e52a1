"""A history stays open for the next request, and says what is true when it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from config.errors import RefusedError
from daemon.store import DATABASE, Store
from tests.support.clocks import ManualClock
from web.reading.open_histories import KEPT_SECONDS, MOST_KEPT, OpenHistories


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def histories(clock: ManualClock) -> Iterator[OpenHistories]:
    made = OpenHistories(clock.steady)
    yield made
    clock.advance(KEPT_SECONDS + 1)
    made.close_idle()
    assert len(made) == 0


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    yield store
    store.close()


def _word(histories: OpenHistories, state_dir: Path) -> object:
    with histories.of(state_dir) as store:
        return store.facts.get("word")


def test_the_next_request_takes_the_one_that_is_open(
    histories: OpenHistories, tmp_path: Path, daemon: Store
) -> None:
    with histories.of(tmp_path) as first:
        pass
    with histories.of(tmp_path) as second:
        assert second is first


def test_two_requests_at_a_time_have_one_each(
    histories: OpenHistories, tmp_path: Path, daemon: Store
) -> None:
    with histories.of(tmp_path) as first, histories.of(tmp_path) as second:
        assert second is not first


def test_it_says_what_was_written_meanwhile(
    histories: OpenHistories, tmp_path: Path, daemon: Store
) -> None:
    daemon.facts.remember("word", "first")
    assert _word(histories, tmp_path) == "first"
    daemon.facts.remember("word", "second")
    assert _word(histories, tmp_path) == "second"


def test_what_was_not_read_to_its_end_keeps_nothing_from_being_seen(
    histories: OpenHistories, tmp_path: Path, daemon: Store
) -> None:
    for number in range(3):
        daemon.facts.remember(f"fact {number}", "x")
    with histories.of(tmp_path) as store:
        left = store._db.execute("SELECT key FROM facts")  # what a part may hold on to
        assert left.fetchone() is not None
    daemon.facts.remember("word", "new")
    assert _word(histories, tmp_path) == "new"


def test_another_database_in_its_place_is_opened(histories: OpenHistories, tmp_path: Path) -> None:
    for folder, word in (("now", "old"), ("restored", "back")):
        (tmp_path / folder).mkdir()
        store = Store(tmp_path / folder)
        store.facts.remember("word", word)
        store.close()
    assert _word(histories, tmp_path / "now") == "old"
    for end in ("-wal", "-shm"):
        (tmp_path / "now" / f"{DATABASE}{end}").unlink()
    (tmp_path / "restored" / DATABASE).replace(tmp_path / "now" / DATABASE)
    assert _word(histories, tmp_path / "now") == "back"


def test_a_database_that_was_taken_away_is_not_read_on(
    histories: OpenHistories, tmp_path: Path, daemon: Store
) -> None:
    daemon.facts.remember("word", "first")
    assert _word(histories, tmp_path) == "first"
    (tmp_path / DATABASE).unlink()
    with pytest.raises(RefusedError):
        _word(histories, tmp_path)


def test_one_that_failed_is_not_kept(
    histories: OpenHistories, tmp_path: Path, daemon: Store
) -> None:
    with pytest.raises(LookupError), histories.of(tmp_path):
        raise LookupError
    assert len(histories) == 0


def test_few_are_kept_and_not_for_long(
    histories: OpenHistories, clock: ManualClock, tmp_path: Path, daemon: Store
) -> None:
    def together(number: int) -> None:
        if number:
            with histories.of(tmp_path):
                together(number - 1)

    together(MOST_KEPT + 2)
    assert len(histories) == MOST_KEPT
    clock.advance(KEPT_SECONDS + 0.1)
    histories.close_idle()
    assert len(histories) == 0
