"""Looking ahead: what waits is judged before its run, and the run only files it."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from classifier.pixels import UInt8Array
from classifier.verdict import Verdict
from config.errors import FolderUnavailable, SelfTestFailed, StoreDamaged
from daemon.domain.photos import Photo
from daemon.domain.sorting import Examined
from daemon.folders.machine import is_on_battery
from daemon.folders.renaming import Entry, Reached, by_flag
from daemon.sorting.look_ahead import LookAhead
from daemon.sorting.sorter import Sorted
from daemon.sorting.workers import Workers
from daemon.store import Store
from tests.support.core import Core, by_tone, running, tiny_photo
from tests.support.desk import Crash
from tests.support.gates import held_up
from tests.support.nights import Night, built, serving
from tests.support.photos import write_photo
from tests.support.waiting import DEADLINE_SECONDS, eventually


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    with running(Core(tmp_path, inline=True)) as core:
        yield core


def pictures_judged(core: Core) -> int:
    return sum(core.classifier.seen)


def drop_three(core: Core) -> None:
    core.drop("shirt.png", tiny_photo("Shirts", 1))
    core.drop("t/top.png", tiny_photo("Tops", 2))
    core.drop("odd.png", tiny_photo("review", 3))
    core.take_in()


# --- what the run makes of it --------------------------------------------------------------------


def test_what_was_judged_ahead_is_only_filed_in_the_run(core: Core) -> None:
    drop_three(core)
    before = core.files()
    core.look_ahead()
    assert core.files() == before
    assert core.ahead.count() == pictures_judged(core) == 3
    summary = core.drain()
    assert pictures_judged(core) == 3
    assert set(core.files()) == {
        "sorted/Shirts/shirt.png", "sorted/Tops/top.png", "sorted/_review/Tops/odd.png",
    }  # fmt: skip
    assert (summary["total_processed"], summary["judged_ahead"]) == (3, 3)
    assert core.ahead.count() == 0


def test_it_is_filed_many_at_a_time_and_what_was_not_judged_is_not_among_them(core: Core) -> None:
    for number in range(60):
        core.drop(f"{number}.png", tiny_photo("Shirts", number))
    core.take_in()
    core.look_ahead()
    for number in range(60, 65):
        core.drop(f"{number}.png", tiny_photo("Tops", number))
    core.take_in()
    filed: list[set[str]] = []
    sort = core.drainer._sorter.sort

    def noted(run: str, examined: Iterable[Examined]) -> Sorted:
        looks = list(examined)
        filed.append({look.photo.path for look in looks})
        return sort(run, looks)

    core.drainer._sorter.sort = noted  # type: ignore[method-assign]
    assert core.drain()["judged_ahead"] == 60
    assert filed[0] == {f"{number}.png" for number in range(60)}
    assert set().union(*filed[1:]) == {f"{number}.png" for number in range(60, 65)}
    assert pictures_judged(core) == 65


def across_disks(old: Entry, new: Entry, mark: bytes, reached: Reached) -> None:
    """A way of renaming that does not lead from incoming to sorted."""
    if not os.path.samestat(os.fstat(old.folder), os.fstat(new.folder)):
        raise OSError(errno.EXDEV, "Invalid cross-device link")
    by_flag(old, new, mark, reached)


def filed_together(core: Core) -> list[int]:
    """How many photos are filed at a time in a run of what was judged ahead."""
    filed: list[int] = []
    sort = core.drainer._sorter.sort

    def noted(run: str, examined: Iterable[Examined]) -> Sorted:
        looks = list(examined)
        filed.append(len(looks))
        return sort(run, looks)

    core.drainer._sorter.sort = noted  # type: ignore[method-assign]
    core.take_in()
    core.look_ahead()
    summary = core.drain()
    assert summary["judged_ahead"] == summary["total_processed"] == sum(filed)
    return filed


def drop_many(core: Core, photos: int, first: int = 0) -> None:
    for number in range(first, first + photos):
        core.drop(f"{number}.png", tiny_photo("Shirts", number))


def test_where_filing_is_slow_only_so_many_are_filed_at_a_time_as_take_two_seconds(
    tmp_path: Path,
) -> None:
    def slow(point: str) -> None:
        if point == "after_rename":
            slowed.clock.advance(0.125)

    with running(Core(tmp_path, inline=True, reached=slow)) as slowed:
        drop_many(slowed, 60)
        assert max(filed_together(slowed)) == 60  # nobody knows yet
        drop_many(slowed, 60, 60)
        assert max(filed_together(slowed)) == 16


def test_photos_that_are_copied_are_filed_together_up_to_so_many_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.sorting.sorter._COPIED_TOGETHER", 10 * len(tiny_photo()) + 50)
    with running(Core(tmp_path, inline=True, ways=[across_disks])) as core:
        drop_many(core, 40)
        assert max(filed_together(core)) <= 10
    with running(Core(tmp_path / "renamed", inline=True)) as core:
        drop_many(core, 40)
        first, *others = filed_together(core)
        assert first <= 10
        assert sum(others) == 40 - first
        assert max(others) > 10


def test_after_a_crash_what_was_judged_ahead_is_filed_together_again(tmp_path: Path) -> None:
    def dies(point: str) -> None:
        if point == "before_rename" and not deaths:
            deaths.append(point)
            raise Crash

    deaths: list[str] = []
    with running(Core(tmp_path, reached=dies)) as core:
        drop_many(core, 300)  # more than are in hand to be filed together
        core.take_in()
        core.look_ahead()
        with pytest.raises(Crash):
            core.work()
        core.restart()
        core.drainer.recover()
        filed = filed_together(core)
        assert (len(filed), sum(filed)) == (2, 300), filed


def test_what_was_touched_since_and_crashes_the_decoder_is_found_and_nobody_else_is_blamed(
    tmp_path: Path,
) -> None:
    def dies(picture: UInt8Array) -> Verdict:
        if 85 <= picture.mean() <= 170:
            raise Crash
        return by_tone(picture)

    with running(Core(tmp_path, inline=True)) as core:
        drop_many(core, 20)
        odd = core.drop("odd.png", tiny_photo("review", 3))
        core.take_in()
        core.look_ahead()
        odd.chmod(0o600)
        core._think = dies
        crashes = 0
        core.restart()
        while core.store.queue.waiting(0).queued:
            try:
                core.recover_and_drain()
            except Crash:
                crashes += 1
                core.restart()
        core.drainer.recover()
        assert crashes <= 3
        by_name = {row["filename"]: row["reason"] for row in core.all_rows()}
        assert by_name.pop("odd.png") == "crashes_decoder"
        assert ({*by_name.values()}, len(by_name)) == ({""}, 20)


def test_what_was_touched_since_is_not_read_anew_all_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(Core(tmp_path, inline=True)) as core:
        drop_many(core, 40)
        core.take_in()
        core.look_ahead()
        read: list[int] = []
        examine = core.workers.examine

        def noted(batch: Sequence[Photo], known: Any = None) -> Any:
            before = pictures_judged(core)
            done = examine(batch, known)
            read.append(pictures_judged(core) - before)
            return done

        monkeypatch.setattr(core.workers, "examine", noted)
        for file in core.incoming.iterdir():
            file.chmod(0o600)  # as an administrator does with all of them
        summary = core.drain()
        assert (summary["total_processed"], summary["judged_ahead"]) == (40, 0)
        assert sum(read) == 40
        assert max(read) <= 4


def test_its_rows_are_those_of_a_run_that_judged_itself(tmp_path: Path) -> None:
    rows = []
    for name in ("ahead", "itself"):
        with running(Core(tmp_path / name, inline=True)) as core:
            drop_three(core)
            if name == "ahead":
                core.look_ahead()
            core.drain()
            paths = ("source_path", "filed_path")
            rows.append([{k: v for k, v in row.items() if k not in paths} for row in core.rows()])
    assert rows[0] == rows[1]


def test_the_pace_counts_judging_wherever_it_happened(core: Core) -> None:
    drop_three(core)
    core.look_ahead()
    core.store._db.execute("UPDATE verdicts_ahead SET seconds = 2.0")
    core.work()
    assert core.drainer.run is not None
    core.store.runs.add_busy_seconds(core.drainer.run.id, 4.0)
    summary = core.drainer.close(settling=0)
    assert summary["judged_ahead_seconds"] == 6.0
    assert summary["images_per_second"] == 0.3


def test_a_duplicate_of_what_was_judged_ahead_is_one(core: Core) -> None:
    core.drop("a.png", tiny_photo("Shirts", 1))
    core.drop("b.png", tiny_photo("Shirts", 1))
    core.take_in()
    core.look_ahead()
    assert core.drain()["duplicates"] == 1


# --- what must be judged again -------------------------------------------------------------------


def test_a_photo_that_was_written_to_is_judged_again(core: Core) -> None:
    """Also where size and time are as before: a copy may keep them."""
    shirts, tops = ([tiny_photo(name, 10**n) for n in range(9)] for name in ("Shirts", "Tops"))
    first, other = next((a, b) for a in shirts for b in tops if len(a) == len(b))
    file = core.drop("shirt.png", first)
    core.take_in()
    core.look_ahead()
    seen = file.stat()
    file.write_bytes(other)
    os.utime(file, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    core.work()
    summary = core.drainer.close(settling=0)
    assert "sorted/Tops/shirt.png" in core.files()
    assert summary["judged_ahead"] == 0


def test_a_photo_that_is_replaced_is_looked_at_anew(core: Core) -> None:
    core.drop("shirt.png", tiny_photo("Shirts", 1))
    core.take_in()
    core.look_ahead()
    (core.incoming / "shirt.png").unlink()
    core.drop("shirt.png", tiny_photo("Tops", 123_456))
    core.take_in()
    assert core.ahead.count() == 0
    core.look_ahead()
    assert core.ahead.count() == 1
    assert core.drain()["judged_ahead"] == 1
    assert "sorted/Tops/shirt.png" in core.files()


def test_a_photo_somebody_writes_to_is_not_filed_by_what_was_seen(core: Core) -> None:
    file = core.drop("shirt.png", tiny_photo("Shirts", 1))
    core.take_in()
    core.look_ahead()
    with file.open("r+b"):
        core.work()
    assert pictures_judged(core) == 2


def test_another_model_judges_again_what_it_finds(core: Core) -> None:
    drop_three(core)
    core.look_ahead()
    core.classifier.title = "scripted 2"
    summary = core.drain()
    assert summary["judged_ahead"] == 0
    assert summary["model"] == "scripted 2"
    assert pictures_judged(core) == 6


def test_another_model_looks_ahead_anew(core: Core) -> None:
    drop_three(core)
    core.look_ahead()
    core.classifier.title = "scripted 2"
    core.look_ahead()
    assert pictures_judged(core) == 6
    assert core.drain()["judged_ahead"] == 3


def test_a_model_that_went_wrong_is_not_believed_ahead_either(core: Core) -> None:
    drop_three(core)
    core.look_ahead()
    core.classifier.complaints.append("it answers otherwise")
    with pytest.raises(SelfTestFailed):
        core.work()
    assert core.ahead.count() == 0
    core.classifier.complaints.clear()
    assert core.drain()["judged_ahead"] == 0
    assert pictures_judged(core) == 6


# --- what is left to the run ---------------------------------------------------------------------


def test_what_is_wrong_with_a_photo_is_for_the_run_to_say(core: Core) -> None:
    whole = tiny_photo("Shirts", 1)
    core.drop("cut-off.png", whole[:-16])
    core.drop("bad.png", b"no photo at all")
    core.drop("shirt.png", tiny_photo("Shirts", 2))
    core.take_in()
    core.look_ahead()
    assert len(core.files()) == 3
    summary = core.drain()
    assert (summary["successful"], summary["failed"], summary["judged_ahead"]) == (1, 1, 1)
    core.drop("cut-off.png", whole)
    core.clock.advance(10)
    assert core.drain()["successful"] == 1


def test_a_photo_that_is_gone_or_changed_meanwhile_is_left_to_the_run(core: Core) -> None:
    drop_three(core)
    (core.incoming / "shirt.png").unlink()
    core.drop("odd.png", tiny_photo("Tops", 99_999))
    core.look_ahead()
    assert core.ahead.count() == 1
    core.work()
    summary = core.drainer.close(settling=0)
    assert (summary["gone"], summary["total_processed"]) == (1, 1)
    core.clock.advance(10)
    assert core.drain()["total_processed"] == 1


def test_a_share_that_fails_is_tried_again_later(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop_three(core)

    def away(*_: object) -> Any:
        raise FolderUnavailable("incoming does not answer")

    with monkeypatch.context() as patch:
        patch.setattr("daemon.sorting.workers.read_photo", away)
        core.look_ahead()
    assert core.ahead.count() == 0
    core.look_ahead()  # it is too early
    assert core.ahead.count() == 0
    core.clock.advance(61)
    core.look_ahead()
    assert core.ahead.count() == 3


def test_a_defect_that_comes_with_a_photo_is_left_to_the_run(tmp_path: Path) -> None:
    def think(picture: UInt8Array) -> Verdict:
        if picture.mean() > 200 and not may_think:
            raise RuntimeError("a defect of ours")
        return by_tone(picture)

    may_think: list[bool] = []
    with running(Core(tmp_path, inline=True, think=think)) as core:
        drop_three(core)
        core.look_ahead()
        core.clock.advance(61)
        core.look_ahead()  # and is not met for ever
        may_think.append(True)
        summary = core.drain()
        assert (summary["total_processed"], summary["judged_ahead"]) == (3, 0)


# --- crashes -------------------------------------------------------------------------------------


class Death(Crash):
    """The decoder ends the process."""


def dies_of(core: Core, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process die as often as this photo is in hand."""
    real = type(core.workers).look_ahead

    def look_ahead(workers: Any, batch: Any) -> Any:
        if any(photo.path == name for photo in batch):
            raise Death
        return real(workers, batch)

    monkeypatch.setattr(type(core.workers), "look_ahead", look_ahead)


def look_ahead_through_crashes(core: Core) -> int:
    """How often it died."""
    deaths = 0
    for _ in range(6):
        core.drainer.recover()
        try:
            core.look_ahead()
        except Death:
            deaths += 1
            core.restart()
        else:
            break
    return deaths


def test_a_photo_alone_in_hand_at_two_crashes_is_set_aside_at_the_next_run(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop_three(core)
    dies_of(core, "odd.png", monkeypatch)
    before = core.files()
    assert look_ahead_through_crashes(core) == 3  # once with the others, twice alone
    assert core.files() == before
    assert core.ahead.count() == 2
    assert core.store.runs.unclosed() == []
    summary = core.drain()
    assert (summary["successful"], summary["failed"]) == (2, 1)
    assert summary["judged_ahead"] == 2
    (row,) = (row for row in core.rows() if row["status"] == "error")
    assert (row["filename"], row["reason"]) == ("odd.png", "crashes_decoder")
    assert "sorted/_quarantine/odd.png" in core.files()


def test_a_photo_that_was_replaced_since_its_crashes_gets_its_chance(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    core.drop("odd.png", tiny_photo("review", 3))
    core.take_in()
    dies_of(core, "odd.png", monkeypatch)
    assert look_ahead_through_crashes(core) == 2
    core.drop("odd.png", tiny_photo("Shirts", 1_234))
    assert core.drain()["successful"] == 1


def test_an_end_in_order_blames_no_photo(core: Core) -> None:
    core.drop("odd.png", tiny_photo("review", 3))
    core.take_in()
    for _ in range(3):
        core.ahead.turn()
        core.ahead.leave()
        core.store.ahead.forget()
        core.restart()
        core.drainer.recover()
    assert core.drain()["review"] == 1


def test_an_end_by_a_damaged_database_blames_no_photo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of which the next start may find nothing."""
    night = Night.make(tmp_path / "site", mode="manual")
    write_photo(night.site.incoming / "shirt.jpg", seed=1)
    turn = LookAhead.turn

    def meets_damage(ahead: LookAhead) -> None:
        night.clock.advance(0.1)
        turn(ahead)
        if ahead._in_hand is not None:
            raise StoreDamaged("nightsort.db: is damaged")

    monkeypatch.setattr(LookAhead, "turn", meets_damage)
    with built(night) as service, pytest.raises(StoreDamaged):
        service.run()
    with closing(Store(night.site.state)) as store:
        assert store.queue.is_anything_due(night.clock.steady())
        store.queue.return_claimed(night.clock.boot)
        blamed = store._db.execute("SELECT alone, crashes FROM photos").fetchall()
    assert blamed == [(0, 0)]


def test_an_end_waits_for_what_hangs_so_that_who_looks_after_it_can_end_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.sorting.look_ahead._PATIENCE_SECONDS", 0.01)

    def go_on() -> None:
        with closing(Store(core.state, reading=True)) as store:
            eventually(lambda: store.queue.is_anything_due(core.clock.steady()))
        gate.is_open.set()

    with running(Core(tmp_path)) as core, held_up(monkeypatch, Workers, "_read") as gate:
        drop_three(core)
        core.ahead.turn()
        assert gate.is_reached.wait(DEADLINE_SECONDS)
        assert not core.store.queue.is_anything_due(core.clock.steady())
        other = Thread(target=go_on)
        other.start()
        core.ahead.leave()
        assert gate.is_open.is_set()
        other.join()


def test_a_photo_in_hand_when_the_run_begins_is_waited_for(core: Core) -> None:
    drop_three(core)
    core.ahead.turn()
    assert core.ahead.next_due() is None
    core.ahead.finish(lambda: None)
    assert core.ahead.count() == 3
    assert core.drain()["judged_ahead"] == 3


# --- when ----------------------------------------------------------------------------------------


def test_it_takes_its_share_of_a_core_and_no_more(core: Core) -> None:
    for number in range(8):
        core.drop(f"{number}.png", tiny_photo(number=number))
    core.take_in()
    ahead = LookAhead(core.store.ahead, core.workers, core.clock, share=0.25)
    ahead.turn()
    took = 40.0
    hand = ahead._in_hand
    assert hand is not None
    object.__setattr__(hand.looked.result(), "seconds", took)
    ahead.turn()  # keeps what was found, and rests
    assert (ahead.count(), ahead._in_hand) == (4, None)
    assert ahead.next_due() == core.clock.steady() + 3 * took
    core.clock.advance(3 * took - 1)
    ahead.turn()
    assert ahead._in_hand is None
    core.clock.advance(1)
    ahead.turn()
    ahead.leave()
    assert ahead.count() == 8


def test_a_laptop_on_its_battery_waits(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    drop_three(core)
    with monkeypatch.context() as patch:
        patch.setattr("daemon.sorting.look_ahead.is_on_battery", lambda: True)
        core.look_ahead()
    assert core.ahead.count() == 0
    core.clock.advance(61)
    core.look_ahead()
    assert core.ahead.count() == 3


@pytest.mark.parametrize(
    ("supplies", "expected"),
    [
        ({}, False),
        ({"BAT0": {"type": "Battery", "status": "Discharging"}}, True),
        ({"BAT0": {"type": "Battery", "status": "Charging"}}, False),
        (
            {
                "AC": {"type": "Mains", "online": "0"},
                "BAT0": {"type": "Battery", "status": "Discharging"},
            },
            True,
        ),
        (
            {
                "AC": {"type": "Mains", "online": "1"},
                "BAT0": {"type": "Battery", "status": "Discharging"},
            },
            False,
        ),
        ({"mouse": {"type": "Battery", "status": "Discharging", "scope": "Device"}}, False),
    ],
)
def test_a_battery_is_told_from_a_plug(
    tmp_path: Path, supplies: dict[str, dict[str, str]], expected: bool
) -> None:
    for name, facts in supplies.items():
        (tmp_path / name).mkdir()
        for fact, value in facts.items():
            (tmp_path / name / fact).write_text(f"{value}\n")
    assert is_on_battery(tmp_path) is expected


def judged_ahead(night: Night) -> int:
    """How many, by its status."""
    file = night.site.state / "status.json"
    return (json.loads(file.read_text())["judged_ahead"] or 0) if file.exists() else 0


def test_by_day_photos_are_judged_and_the_night_files_them(tmp_path: Path) -> None:
    """The real service: nothing moves before its window, and what came by day is judged by then."""
    night = Night.make(tmp_path / "site")
    night.clock.set_wall_clock(datetime(2025, 10, 13, 12, tzinfo=UTC))
    for number in range(6):
        write_photo(night.site.incoming / f"shirt-{number}.jpg", seed=number)
    with serving(night):
        night.pass_time_until(lambda: judged_ahead(night) == 6)
        assert len(night.site.photos("incoming")) == 6
        assert not list(night.site.sorted.rglob("*.jpg"))
        assert night.summaries == []
        night.clock.set_wall_clock(datetime(2025, 10, 14, 2, tzinfo=UTC))
        summary = night.pass_time_until_run(1)
    assert (summary["total_processed"], summary["judged_ahead"]) == (6, 6)
    assert summary["judged_ahead_seconds"] > 0


def test_who_asks_meanwhile_is_served_at_once(tmp_path: Path) -> None:
    night = Night.make(tmp_path / "site", mode="manual")
    for number in range(30):
        write_photo(night.site.incoming / f"shirt-{number}.jpg", seed=number)
    with serving(night) as service:
        night.pass_time_until(lambda: judged_ahead(night) > 2)
        summary = night.answer_of(service.ask())
    assert summary["total_processed"] == 30
    assert summary["judged_ahead"] > 2


def test_it_can_be_turned_off(tmp_path: Path) -> None:
    night = Night.make(tmp_path / "site", mode="manual")
    file = night.site.folder / "nightsort.toml"
    file.write_text(file.read_text().replace("[intake]\n", "[intake]\nlook_ahead = false\n"))
    write_photo(night.site.incoming / "shirt.jpg", seed=1)
    with serving(night) as service:
        night.pass_time_until(lambda: night.is_queued(1))
        assert night.answer_of(service.ask())["judged_ahead"] == 0


def test_a_share_that_is_away_is_waited_for_in_peace(tmp_path: Path) -> None:
    """The loop does not turn in vain, though photos are left to be judged."""
    night = Night.make(tmp_path / "site", mode="manual")
    write_photo(night.site.incoming / "shirt.jpg", seed=1)
    with serving(night) as service:
        night.pass_time_until(lambda: judged_ahead(night) == 1)
        night.site.incoming.rename(tmp_path / "away")
        night.pass_time_until(lambda: "incoming" in service._share.absent)
        night.pass_time_until(lambda: service._runs.seconds_to_next(5.0) == 5.0)
