"""An archive's photos are moved to their categories: each in one place, whatever dies and when."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from classifier.archive.filing import Filing
from classifier.archive.listing import photos_under
from classifier.archive.manifest import judged_file, made_or_read, moves_file
from classifier.archive.rows import Row, read_rows, write_rows
from config.errors import TransientError
from daemon.folders.contents import remove
from daemon.folders.renaming import Entry, Way, by_flag, by_link, by_reservation
from daemon.sorting.archive_moves import ArchiveMover
from tests.integration.test_archive import asked, paths, photos, rows, started
from tests.support.desk import Crash
from tests.support.processes import Site
from tests.support.waiting import DEADLINE_SECONDS, eventually


def elsewhere(*_: object) -> None:
    """Another file system."""
    raise OSError(errno.EXDEV, "Invalid cross-device link")


WAYS: dict[str, Sequence[Way]] = {
    "flag": (by_flag,), "link": (by_link,), "reservation": (by_reservation,), "copy": (elsewhere,),
}  # fmt: skip


class Old:
    """An archive that is judged, in one part: nothing of it is moved yet."""

    def __init__(self, folder: Path, contents: dict[str, bytes]) -> None:
        self.folder = folder
        self.contents = contents
        for path, content in contents.items():
            (folder / "old" / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / "old" / path).write_bytes(content)
        self.into = folder / "into"
        (folder / "out").mkdir()
        found = photos_under([str(folder / "old")], is_photo=bool, is_junk=lambda _: False)
        self.manifest = made_or_read(
            folder / "out", [str(folder / "old")], found, str(self.into), are_moved=True
        )
        (self.part,) = self.manifest.missing()
        self.judge()

    def judge(self) -> None:
        """As a worker would."""
        write_rows(judged_file(self.manifest.out, 0), [self.row(one) for one in self.part.paths])

    def row(self, path: str) -> Row:
        digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
        if "bad" in path:
            return Row(path, digest, None, None, None, None, "net", "corrupt")
        band = "review" if "unsure" in path else "auto"
        return Row(path, digest, "Tops", 0.9, band, None, "net", None)

    def move(self, ways: Sequence[Way] | None = None, crash_at: int = 0) -> list[str]:
        """Returns the points that were passed; crash_at: the how many-th of them kills."""
        passed: list[str] = []

        def reached(point: str) -> None:
            passed.append(point)
            if len(passed) == crash_at:
                raise Crash(point)

        mover = ArchiveMover(self.manifest, Filing(str(self.into)), reached, ways)
        for part in self.manifest.unfiled():
            mover.conclude(part)
        return passed

    def lying(self) -> list[bytes]:
        """The bytes of all photos, wherever they lie."""
        return sorted(
            one.read_bytes()
            for top in (self.folder / "old", self.into)
            for one in top.rglob("*")
            if one.is_file()
        )

    @property
    def result(self) -> list[Row]:
        return read_rows(self.manifest.file_of(0))


CONTENTS = {
    "1/a.jpg": b"first",
    "2/a.jpg": b"second of that name",
    "3/a.jpg": b"first",  # the same name and bytes: another photo all the same
    "unsure.jpg": b"who knows",
    "bad.jpg": b"no photo",
}


@pytest.fixture
def old(tmp_path: Path) -> Old:
    return Old(tmp_path, CONTENTS)


@pytest.mark.parametrize("way", WAYS)
def test_each_photo_is_where_it_belongs_and_nowhere_else(old: Old, way: str) -> None:
    old.move(WAYS[way])
    assert sorted(one.name for one in (old.into / "Tops").iterdir()) == [
        "a.jpg", "a_2.jpg", "a_3.jpg",
    ]  # fmt: skip
    assert (old.into / "_review/Tops/unsure.jpg").read_bytes() == b"who knows"
    assert [one.name for one in (old.folder / "old").rglob("*") if one.is_file()] == ["bad.jpg"]
    assert old.lying() == sorted(CONTENTS.values())
    assert {row.error for row in old.result} == {None, "corrupt"}
    assert sorted(one.name for one in old.manifest.out.iterdir()) == [
        "archive.json", "part-0000000.parquet", "photos.jsonl",
    ]  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_killed_at_any_point_it_goes_on_and_each_is_in_one_place(tmp_path: Path, way: str) -> None:
    points = len(Old(tmp_path / "all", CONTENTS).move(WAYS[way]))
    assert points > 10
    for crash_at in range(1, points + 1):
        old = Old(tmp_path / str(crash_at), CONTENTS)
        with pytest.raises(Crash):
            old.move(WAYS[way], crash_at)
        assert {*old.lying()} >= {*CONTENTS.values()}, "one is lost"
        old.move(WAYS[way])
        old.manifest.sweep()
        assert old.lying() == sorted(CONTENTS.values()), f"after the {crash_at}th point"
        assert {row.error for row in old.result} == {None, "corrupt"}
        assert not any(old.manifest.unfiled())


def test_what_lies_in_both_places_is_on_the_disk_there_before_it_goes_here(
    tmp_path: Path, old: Old, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = Old(tmp_path / "whole", CONTENTS).move(WAYS["copy"])
    with pytest.raises(Crash):
        old.move(WAYS["copy"], points.index("after_copy_rename") + 1)
    done: list[str] = []

    def remove_and_tell(entry: Entry) -> None:
        done.append("removed")
        remove(entry)

    monkeypatch.setattr("daemon.sorting.archive_moves.remove", remove_and_tell)
    monkeypatch.setattr("daemon.sorting.archive_moves.sync_folder", lambda _: done.append("synced"))
    old.move(WAYS["copy"])
    assert done[:2] == ["synced", "removed"]


def test_killed_again_and_again_it_comes_to_an_end(old: Old) -> None:
    for _ in range(60):
        try:
            old.move(WAYS["copy"], crash_at=4)
        except Crash:
            continue
        break
    assert old.lying() == sorted(CONTENTS.values())
    assert [row.error for row in old.result].count(None) == 4


def test_one_that_is_judged_again_meanwhile_keeps_its_verdict(old: Old) -> None:
    with pytest.raises(Crash):
        old.move(crash_at=4)  # one is moved, the rest is not
    rows = [Row(path, None, None, None, None, None, "net", "unreadable") for path in old.part.paths]
    write_rows(judged_file(old.manifest.out, 0), rows)  # by a worker that was believed dead
    old.move()
    assert {row.error for row in old.result} == {None, "corrupt"}
    assert old.lying() == sorted(CONTENTS.values())


def test_what_takes_a_place_meanwhile_keeps_it(old: Old) -> None:
    with pytest.raises(Crash):
        old.move(crash_at=1)  # all is planned
    (old.into / "Tops").mkdir(parents=True)
    (old.into / "Tops/a.jpg").write_bytes(b"somebody's")
    old.move()
    assert (old.into / "Tops/a.jpg").read_bytes() == b"somebody's"
    assert old.lying() == sorted([*CONTENTS.values(), b"somebody's"])


def change(old: Old, path: Path) -> str:
    path.write_bytes(b"somebody edits")
    return "it was changed since it was judged"


def take_away(old: Old, path: Path) -> str:
    path.unlink()
    return "it is gone"


def link(old: Old, path: Path) -> str:
    path.rename(old.folder / "kept.jpg")
    path.symlink_to(old.folder / "kept.jpg")
    return "it is no regular file"


@pytest.mark.parametrize("do", [change, take_away, link])
@pytest.mark.parametrize("way", ["flag", "copy"])
def test_what_is_not_what_was_judged_stays_and_is_told(
    old: Old, do: Callable[[Old, Path], str], way: str
) -> None:
    said = do(old, old.folder / "old/unsure.jpg")
    old.move(WAYS[way])
    (row,) = [row for row in old.result if row.path.endswith("unsure.jpg")]
    assert (row.category, row.error) == ("Tops", f"not_filed: {said}")
    assert not (old.into / "_review/Tops/unsure.jpg").exists()


@pytest.mark.parametrize(
    ("problem", "told"), [(errno.EACCES, "not_filed: denied"), (errno.ENOSPC, None)]
)
def test_a_full_disk_is_no_photos_fault_and_a_refusal_is(
    old: Old, problem: int, told: str | None
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(problem, "denied")

    if told is None:
        with pytest.raises(TransientError):
            old.move((refuse,))
        assert not old.manifest.file_of(0).exists()
        old.move()
    else:
        old.move((refuse,))
        assert [row.error for row in old.result].count(told) == 4
    assert old.lying() == sorted(CONTENTS.values())


def test_what_must_stay_here_is_not_there_as_well(
    old: Old, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise PermissionError(errno.EACCES, "denied")

    monkeypatch.setattr("daemon.sorting.archive_moves.remove", refuse)
    old.move(WAYS["copy"])
    assert old.lying() == sorted(CONTENTS.values())
    assert [one for one in old.into.rglob("*") if one.is_file()] == []


def test_names_that_are_no_text_are_moved(tmp_path: Path) -> None:
    name = os.fsdecode(b"b\xffd.jpg")
    old = Old(tmp_path, {name: b"strange"})
    with pytest.raises(Crash):
        old.move(crash_at=2)
    old.move()
    assert (old.into / "Tops" / name).read_bytes() == b"strange"


def test_what_is_left_of_a_part_that_is_done_is_swept(old: Old) -> None:
    old.move()
    judged_file(old.manifest.out, 0).write_bytes(b"late")
    moves_file(old.manifest.out, 0).write_text("{}")
    old.manifest.sweep()
    assert not any(old.manifest.unfiled())


# The command


def test_the_command_moves_and_is_killed_and_goes_on(site: Site) -> None:
    photos(site.folder / "old", 320)
    before = sorted(one.read_bytes() for one in (site.folder / "old").iterdir())
    process = started(site, 2, more=["--file-into", "sorted-old", "--move"])
    out = site.folder / "out"
    eventually(lambda: any(out.glob("part-*.parquet")) or process.poll() is not None)
    process.kill()
    process.wait(DEADLINE_SECONDS)
    again = ("old", "--out", "out", "--workers", "2", "--file-into", "sorted-old", "--move")
    done = asked(site, *again)
    assert done.returncode == 0, done.stderr
    assert [*(site.folder / "old").iterdir()] == []
    moved = [one for one in (site.folder / "sorted-old").rglob("*") if one.is_file()]
    assert sorted(one.read_bytes() for one in moved) == before
    assert paths(out) == [f"old/{number:04}.jpg" for number in range(320)]
    assert {row["error"] for row in rows(out)} == {None}
    finished = asked(site, *again, "--json")
    assert json.loads(finished.stdout)["judged_now"] == 0
    other = asked(site, *again[:-1])
    assert (other.returncode, "was begun with" in other.stderr) == (1, True)


def test_what_cannot_be_is_told_before_anything_is_made(site: Site) -> None:
    photos(site.folder / "old", 1)
    for wrong, words in (
        (["old", "--move"], "--move moves into the folder of --file-into"),
        (["old", "odl"], "odl: no such file or folder"),
        (["s3://bucket/x", "--file-into", "sorted-old", "--move"], "copied, not moved"),
        ([str(site.incoming)], "no photos there"),
    ):
        refused = asked(site, *wrong, "--out", "out")
        assert (refused.returncode, words in refused.stderr) == (2, True), refused.stderr
        assert not (site.folder / "out").exists(), wrong


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site.make(tmp_path)
