"""When a file is settled: quiet for the settle time by our own clock, unchanged, closed."""

from __future__ import annotations

import errno
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.photos import Fingerprint, Sighting
from daemon.intake.settling import Intake

SETTLE = 5.0
Look = Callable[[str], Fingerprint | None]


def mark(size_bytes: int = 10, mtime_ns: int = 1, inode: int = 1) -> Fingerprint:
    return Fingerprint(inode, size_bytes, mtime_ns)


def seen(path: str = "a.jpg", fingerprint: Fingerprint | None = None) -> Sighting:
    return Sighting(path, fingerprint or mark())


def settled(
    intake: Intake,
    now: float,
    look: Look = lambda _: mark(),
    still_open: Callable[[str], bool] = lambda _: False,
) -> list[str]:
    return [sighting.path for sighting in intake.settled(now, look, still_open)]


def test_a_quiet_file_is_settled_after_the_settle_time_and_not_before() -> None:
    intake = Intake(SETTLE)
    intake.observe(seen(), 100.0)
    assert settled(intake, 104.9) == []
    assert intake.next_due() == 105.0
    assert settled(intake, 105.0) == ["a.jpg"]
    assert len(intake) == 0


def test_a_file_still_growing_is_not_settled() -> None:
    intake = Intake(SETTLE)
    intake.observe(seen(), 100.0)
    assert settled(intake, 105.0, lambda _: mark(size_bytes=20)) == []
    assert settled(intake, 109.9, lambda _: mark(size_bytes=20)) == []
    assert settled(intake, 110.0, lambda _: mark(size_bytes=20)) == ["a.jpg"]


@pytest.mark.parametrize("changed", [mark(mtime_ns=2), mark(inode=2), mark(size_bytes=9)])
def test_a_sighting_that_differs_begins_the_wait_again(changed: Fingerprint) -> None:
    intake = Intake(SETTLE)
    intake.observe(seen(), 100.0)
    intake.observe(seen(fingerprint=changed), 104.0)
    assert settled(intake, 105.0, lambda _: changed) == []
    assert settled(intake, 109.0, lambda _: changed) == ["a.jpg"]


def test_being_seen_again_unchanged_does_not_lengthen_the_wait() -> None:
    intake = Intake(SETTLE)
    for moment in (100.0, 101.0, 104.9):
        intake.observe(seen(), moment)
    assert settled(intake, 105.0) == ["a.jpg"]


def test_a_file_that_somebody_has_open_is_not_settled() -> None:
    intake = Intake(SETTLE)
    intake.observe(seen(), 100.0)
    assert settled(intake, 105.0, still_open=lambda _: True) == []
    assert settled(intake, 110.0) == ["a.jpg"]


def test_a_file_that_is_gone_is_forgotten() -> None:
    intake = Intake(SETTLE)
    intake.observe(seen(), 100.0)
    assert settled(intake, 105.0, lambda _: None) == []
    assert len(intake) == 0
    assert intake.next_due() is None


def test_room_shrinks_with_what_is_settling() -> None:
    intake = Intake(SETTLE, capacity=3)
    intake.observe(seen("a.jpg"), 100.0)
    intake.observe(seen("b.jpg"), 100.0)
    assert intake.room == 1
    settled(intake, 105.0)
    assert intake.room == 3


def test_a_share_that_goes_away_while_looking_loses_nothing() -> None:
    intake = Intake(SETTLE)
    intake.observe(seen("a.jpg"), 100.0)
    intake.observe(seen("b.jpg"), 100.0)

    def failing(path: str) -> Fingerprint:
        if path == "b.jpg":
            raise OSError(errno.EIO, "the share is away")
        return mark()

    with pytest.raises(OSError, match="away"):
        settled(intake, 105.0, failing)
    assert settled(intake, 105.0) == ["a.jpg", "b.jpg"]


Writes = st.lists(
    st.tuples(st.floats(0.01, 12), st.sampled_from("ab"), st.booleans()), min_size=1, max_size=30
)


@given(writes=Writes)
def test_no_file_is_settled_within_the_settle_time_of_its_last_write(
    writes: list[tuple[float, str, bool]],
) -> None:
    """Writes come at any time; each is seen at once, late, or not at all."""
    intake = Intake(SETTLE)
    now = 1000.0
    current: dict[str, Fingerprint] = {}
    written_at: dict[str, float] = {}
    for wait, path, is_seen in writes:
        now += wait
        for sighting in intake.settled(now, current.get, lambda _: False):
            assert sighting.fingerprint == current[sighting.path]
            if sighting.path in written_at:
                assert now - written_at[sighting.path] > 0
        current[path] = mark(len(current) + int(now * 1000))
        written_at[path] = now
        if is_seen:
            intake.observe(Sighting(path, current[path]), now)
            due = intake.settled(now + SETTLE - 0.001, current.get, lambda _: False)
            assert path not in [sighting.path for sighting in due]
