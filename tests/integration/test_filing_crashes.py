"""Promise 1 at every point of a move: whatever stops it, the photo is in exactly one place.

The process dies at a named point (as by SIGKILL or the power cord: nothing of ours runs after
it), a person may do something to the files, and recovery, which may die as well, must set it right.
"""

from __future__ import annotations

import functools
import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from daemon.domain.sorting import Move, Placement
from daemon.folders.own_files import PRIVATE_PREFIX, partial_name
from daemon.folders.renaming import WAYS, Way, by_flag, by_link, by_reservation
from tests.support.desk import Crash, Desk, die_at
from tests.support.disks import other_file_system

PHOTO = b"the only photo of a returned shirt"
FOREIGN = b"a person's own file"
MORE = b", and the rest of it"
TARGET = "sorted/Shirts/shirt.jpg"
SOURCE = "incoming/table-2/shirt.jpg"

POINTS = [
    "before_rename",
    "after_reservation",
    "after_link",
    "after_rename",
    "before_take_back",
    "after_take_back",
    "after_partial",
    "after_copy",
    "after_copy_rename",
    "before_unlink",
    "after_unlink",
]
RECOVERY_POINTS = [
    "before_take_back",
    "after_reservation",
    "after_link",
    "after_take_back",
    "before_unlink",
    "after_unlink",
]
WAYS_OF_RENAMING: list[Sequence[Way]] = [WAYS, (by_flag,), (by_link,), (by_reservation,)]


@contextmanager
def desk_on(disks: int) -> Iterator[Desk]:
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        if disks == 1:
            yield Desk(here / "incoming", here / "sorted")
        else:
            with other_file_system(here) as there:
                yield Desk(here / "incoming", there / "sorted")


@functools.cache
def points_passed(disks: int, ways: Sequence[Way]) -> list[str]:
    """The points of an undisturbed move, in order."""
    passed: list[str] = []
    with desk_on(disks) as desk:
        move = desk.plan(desk.drop("table-2/shirt.jpg", PHOTO))
        assert desk.filer(reached=passed.append, ways=ways).place(move) is Placement.MOVED
    return passed


@pytest.mark.parametrize("readable", [True, False], ids=["hashed", "not hashed"])
@pytest.mark.parametrize("ways", WAYS_OF_RENAMING, ids=["all", "flag", "link", "reservation"])
@pytest.mark.parametrize("disks", [1, 2])
def test_a_crash_at_any_point_leaves_the_photo_in_exactly_one_place(
    disks: int, ways: Sequence[Way], readable: bool
) -> None:
    for number, point in enumerate(points_passed(disks, ways)):
        with desk_on(disks) as desk:
            move = desk.plan(desk.drop("table-2/shirt.jpg", PHOTO), readable=readable)
            passed = points_passed(disks, ways)[: number + 1].count(point)
            with pytest.raises(Crash):
                desk.filer(reached=die_at(point, passed), ways=ways).place(move)
            placement = desk.filer(ways=ways).recover(move)
            where = SOURCE if placement is None else TARGET
            assert placement in (None, Placement.MOVED), point
            assert desk.files() == {where: PHOTO}, point
            assert desk.filer(ways=ways).recover(move) is placement, "asked again, it says the same"


def test_undisturbed_moves_pass_the_points_that_are_crashed_at() -> None:
    passed = {
        p for disks in (1, 2) for ways in WAYS_OF_RENAMING for p in points_passed(disks, ways)
    }
    assert passed == set(POINTS) - {"before_take_back", "after_take_back"}


class Person:
    """What people do between a crash and the restart; says what must be found afterwards."""

    def __init__(self, desk: Desk, move: Move) -> None:
        self._source = desk.incoming / move.source
        self._target = desk.sorted / move.target
        self._partial = self._target.parent / partial_name(move)
        self._linked = (
            self._source.exists() and self._target.exists() and self._source.samefile(self._target)
        )
        self._filed = self._holds(self._target)
        self.must: Counter[bytes] = Counter([PHOTO])
        self.may: Counter[bytes] = Counter()

    @staticmethod
    def _holds(path: Path) -> bool:
        return path.exists() and path.read_bytes() == PHOTO

    def nothing(self) -> None:
        pass

    def removes_source(self) -> None:
        if self._source.exists():
            self._source.unlink()
            if not self._filed:
                self.must, self.may = Counter(), Counter([PHOTO])

    def removes_the_source_folder(self) -> None:
        self.removes_source()
        if self._source.parent.exists():
            self._source.parent.rmdir()

    def replaces_source(self) -> None:
        was_there = self._source.exists()
        new = self._source.with_name("upload")
        new.write_bytes(FOREIGN)
        new.replace(self._source)
        if was_there and not self._filed:
            self.must, self.may = Counter(), Counter([PHOTO])
        self.must[FOREIGN] += 1

    def goes_on_writing_source(self) -> None:
        if self._source.exists():
            with self._source.open("ab") as file:
                file.write(MORE)
            copied = self._filed and not self._linked
            self.must = Counter([PHOTO + MORE]) + Counter([PHOTO] if copied else [])

    def goes_on_writing_target(self) -> None:
        """A writer that held the file open while it was moved."""
        if self._filed and not self._source.exists():
            with self._target.open("ab") as file:
                file.write(MORE)
            self.must = Counter([PHOTO + MORE])

    def puts_a_file_at_the_target(self) -> None:
        if not self._target.exists():
            self._target.parent.mkdir(exist_ok=True)
            self._target.write_bytes(FOREIGN)
            self.must[FOREIGN] += 1

    def takes_the_filed_photo_on(self) -> None:
        if self._filed and not self._source.exists():
            self._target.rename(self._target.parent.parent / "elsewhere.jpg")

    def tears_the_partial(self) -> None:
        """A power cut: of a copy that had no other name yet only half is on the disk."""
        if self._partial.exists() and self._partial.stat().st_nlink == 1:
            size = self._partial.stat().st_size
            os.truncate(self._partial, size // 2)

    def loses_source_and_the_end_of_the_partial(self) -> None:
        self.tears_the_partial()
        self.removes_source()


DEEDS = [name for name in vars(Person) if not name.startswith("_")]


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
@given(
    disks=st.sampled_from([1, 2]),
    ways=st.sampled_from(WAYS_OF_RENAMING),
    moment=st.integers(0, 9),
    deed=st.sampled_from(DEEDS),
    later=st.lists(st.sampled_from(RECOVERY_POINTS), max_size=3),
)
def test_whatever_people_do_between_crashes_nothing_is_lost_nor_replaced(
    disks: int,
    ways: Sequence[Way],
    moment: int,
    deed: str,
    later: list[str],
) -> None:
    with desk_on(disks) as desk:
        move = desk.plan(desk.drop("table-2/shirt.jpg", PHOTO))
        passed = points_passed(disks, tuple(ways))
        point = passed[moment % len(passed)]
        times = passed[: moment % len(passed) + 1].count(point)
        with pytest.raises(Crash):
            desk.filer(reached=die_at(point, times), ways=ways).place(move)
        event(f"crashed at {point}, then a person {deed}")
        person = Person(desk, move)
        getattr(person, deed)()
        placement = recover_through(desk, move, ways, later)
        found = desk.files()
        check_books(placement, found)
        assert not [name for name in found if PRIVATE_PREFIX in name], "working files left behind"
        left = Counter(found.values()) - person.must
        assert not person.must - Counter(found.values()), "something is lost"
        assert not left - person.may, "something is there twice, or made up"


def recover_through(
    desk: Desk, move: Move, ways: Sequence[Way], crashes: list[str]
) -> Placement | None:
    """Recover, dying at each of `crashes` first."""
    for point in crashes:
        with suppress(Crash):
            desk.filer(reached=die_at(point), ways=ways).recover(move)
    return desk.filer(ways=ways).recover(move)


def check_books(placement: Placement | None, found: dict[str, bytes]) -> None:
    """What recovery says is what is there."""
    match placement:
        case None:
            assert found[SOURCE] == PHOTO
        case Placement.MOVED:
            assert found[TARGET] == PHOTO
        case Placement.CHANGED:
            assert found.get(SOURCE) != PHOTO
        case Placement.GONE:
            assert SOURCE not in found
        case _:
            pytest.fail(f"recovery never answers {placement}")


def test_a_whole_copy_is_finished_when_the_original_is_gone() -> None:
    with desk_on(2) as desk:
        move = desk.plan(desk.drop("table-2/shirt.jpg", PHOTO))
        with pytest.raises(Crash):
            desk.filer(reached=die_at("after_copy")).place(move)
        (desk.incoming / move.source).unlink()
        assert desk.filer().recover(move) is Placement.MOVED
        assert desk.files() == {TARGET: PHOTO}


def test_a_copy_whose_name_was_taken_meanwhile_is_rescued_beside_it() -> None:
    with desk_on(2) as desk:
        move = desk.plan(desk.drop("table-2/shirt.jpg", PHOTO))
        with pytest.raises(Crash):
            desk.filer(reached=die_at("after_copy")).place(move)
        (desk.incoming / move.source).unlink()
        (desk.sorted / move.target).write_bytes(FOREIGN)
        assert desk.filer().recover(move) is Placement.GONE
        assert desk.files() == {TARGET: FOREIGN, "sorted/Shirts/shirt (2).jpg": PHOTO}


def test_a_reservation_is_told_from_another_file_of_its_size() -> None:
    with desk_on(1) as desk:
        move = desk.plan(desk.drop("table-2/shirt.jpg", PHOTO))
        with pytest.raises(Crash):
            desk.filer(reached=die_at("after_reservation"), ways=[by_reservation]).place(move)
        target = desk.sorted / move.target
        foreign = b"x" * target.stat().st_size
        target.write_bytes(foreign)
        assert desk.filer().recover(move) is None
        assert desk.files() == {SOURCE: PHOTO, TARGET: foreign}


def test_a_move_that_never_began_is_given_back() -> None:
    with desk_on(1) as desk:
        move = desk.plan(desk.drop("table-2/shirt.jpg", PHOTO))
        assert desk.filer().recover(move) is None
        assert desk.files() == {SOURCE: PHOTO}


@pytest.mark.parametrize("ways", WAYS_OF_RENAMING, ids=["all", "flag", "link", "reservation"])
@pytest.mark.parametrize("point", ["", *RECOVERY_POINTS])
def test_a_writer_gets_its_photo_back_also_when_taking_it_back_is_interrupted(
    ways: Sequence[Way], point: str
) -> None:
    with desk_on(1) as desk:
        move = desk.plan(desk.drop("table-2/shirt.jpg", PHOTO))
        with pytest.raises(Crash):
            desk.filer(reached=die_at("after_rename"), ways=ways).place(move)
        with (desk.sorted / move.target).open("ab") as writer:
            writer.write(MORE)
        assert recover_through(desk, move, ways, [point]) is Placement.CHANGED
        assert desk.files() == {SOURCE: PHOTO + MORE}
