"""Filing a photo that somebody else uses at the moment, so that it cannot be moved away."""

from __future__ import annotations

import errno
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from daemon.domain.sorting import Placement
from daemon.folders.contents import remove
from daemon.folders.renaming import Entry
from daemon.folders.tree import Tree
from tests.support.desk import Desk
from tests.support.disks import other_file_system


@contextmanager
def in_use(file: Path) -> Iterator[None]:
    """Until the end of the block, renaming or removing `file` is refused (EBUSY)."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    done = subprocess.run(["mount", "--bind", file, file], check=False, capture_output=True)
    if done.returncode != 0:
        pytest.skip(f"mounting is not possible here: {done.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", file], check=False, capture_output=True)


@pytest.fixture(params=["same disk", "other disk"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    if request.param == "same disk":
        yield Desk(tmp_path / "incoming", tmp_path / "sorted")
    else:
        with other_file_system(tmp_path) as disk:
            yield Desk(disk / "incoming", tmp_path / "sorted")


def test_photo_in_use_for_the_blink_of_an_eye_is_moved(desk: Desk) -> None:
    photo = desk.drop()
    move = desk.plan(photo)
    file = desk.incoming / "shirt.jpg"
    with in_use(file):
        closing = threading.Timer(0.1, subprocess.run, [["umount", "--lazy", str(file)]])
        closing.start()
        assert desk.filer().place(move) is Placement.MOVED
        closing.join()
    assert desk.files() == {"sorted/Shirts/shirt.jpg": b"a photo"}


def test_photo_in_use_for_long_is_copied_and_stays_and_stops_nothing(desk: Desk) -> None:
    move = desk.plan(desk.drop())
    with in_use(desk.incoming / "shirt.jpg"):
        assert desk.filer().place(move) is Placement.COPIED
    assert desk.files() == {
        "incoming/shirt.jpg": b"a photo",
        "sorted/Shirts/shirt.jpg": b"a photo",
    }


def test_what_is_called_gone_after_it_was_called_in_use_is_not_believed_to_be_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As rclone does, on an SMB share (measured on 1.60): the file is there all the while."""
    answers = [errno.EIO, errno.ENOENT, errno.ENOENT]
    unlink = os.unlink

    def refuse(name: str, *, dir_fd: int) -> None:
        if answers:
            raise OSError(answers.pop(0), "refused")
        unlink(name, dir_fd=dir_fd)

    (tmp_path / "shirt.jpg").touch()
    with Tree(tmp_path).folder() as folder:
        monkeypatch.setattr(os, "unlink", refuse)
        remove(Entry(folder, "shirt.jpg"))
        assert not (tmp_path / "shirt.jpg").exists()
        answers += [errno.EIO, *[errno.ENOENT] * 20]
        with pytest.raises(OSError, match="in use"):
            remove(Entry(folder, "shirt.jpg"))
        answers[:] = [errno.ENOENT]
        with pytest.raises(FileNotFoundError):
            remove(Entry(folder, "shirt.jpg"))
