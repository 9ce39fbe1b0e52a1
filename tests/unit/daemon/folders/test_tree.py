from __future__ import annotations

import errno
import os
import shutil
import socket
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from config.errors import FolderRefused, FolderUnavailable, PhotoError, PhotoProblem
from daemon.folders.held_folders import MOST_FOLDERS
from daemon.folders.tree import Tree

SECRET = b"not for nightsort"


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    root = tmp_path / "incoming"
    (root / "table-2" / "left").mkdir(parents=True)
    (root / "shirt.jpg").write_bytes(b"shirt")
    (root / "table-2" / "left" / "shoe.jpg").write_bytes(b"shoe")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "shirt.jpg").write_bytes(SECRET)
    return Tree(root)


@pytest.fixture(autouse=True)
def _no_descriptor_stays_open() -> Iterator[None]:
    before = len(list(Path("/proc/self/fd").iterdir()))
    yield
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


def read(tree: Tree, path: str) -> bytes:
    with os.fdopen(tree.open_file(path), "rb") as file:
        return file.read()


def walked(tree: Tree, **how: object) -> list[str]:
    return sorted(path for path, _ in tree.walk(lambda _: False, **how))  # type: ignore[arg-type]


def test_a_file_deep_in_the_tree_is_read(tree: Tree) -> None:
    assert read(tree, "table-2/left/shoe.jpg") == b"shoe"


def test_a_link_in_place_of_a_file_is_not_read(tree: Tree, tmp_path: Path) -> None:
    (tree.root / "link.jpg").symlink_to(tmp_path / "outside" / "shirt.jpg")
    with pytest.raises(PhotoError) as error:
        tree.open_file("link.jpg")
    assert error.value.problem is PhotoProblem.UNREADABLE
    assert tree.fingerprint("link.jpg") is None
    assert tree.exists("link.jpg")


def test_a_link_swapped_in_after_the_look_is_not_read(
    tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = os.stat

    def stat_then_swap(path: str, **how: object) -> os.stat_result:
        found = really(path, **how)  # type: ignore[arg-type]
        (tree.root / "shirt.jpg").unlink()
        (tree.root / "shirt.jpg").symlink_to(tmp_path / "outside" / "shirt.jpg")
        return found

    monkeypatch.setattr("daemon.folders.tree.os.stat", stat_then_swap)
    with pytest.raises(FileNotFoundError):
        tree.open_file("shirt.jpg")


def test_a_fifo_swapped_in_after_the_look_does_not_block(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = os.stat

    def stat_then_swap(path: str, **how: object) -> os.stat_result:
        found = really(path, **how)  # type: ignore[arg-type]
        (tree.root / "shirt.jpg").unlink()
        os.mkfifo(tree.root / "shirt.jpg")
        return found

    monkeypatch.setattr("daemon.folders.tree.os.stat", stat_then_swap)
    with pytest.raises(PhotoError):
        tree.open_file("shirt.jpg")


def test_a_link_in_place_of_a_folder_leads_nowhere(tree: Tree, tmp_path: Path) -> None:
    (tree.root / "table-3").symlink_to(tmp_path / "outside")
    with pytest.raises(FileNotFoundError):
        tree.open_file("table-3/shirt.jpg")
    assert tree.fingerprint("table-3/shirt.jpg") is None
    assert not tree.exists("table-3/shirt.jpg")
    with pytest.raises(NotADirectoryError), tree.folder("table-3/new", create=True):
        pass
    assert [path.name for path in (tmp_path / "outside").iterdir()] == ["shirt.jpg"]


def test_a_link_in_the_middle_of_a_path_leads_nowhere(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "outside" / "left").mkdir()
    (tmp_path / "outside" / "left" / "shoe.jpg").write_bytes(SECRET)
    (tree.root / "table-2").rename(tree.root / "table-4")
    (tree.root / "table-2").symlink_to(tmp_path / "outside")
    with pytest.raises(FileNotFoundError):
        tree.open_file("table-2/left/shoe.jpg")


@pytest.mark.parametrize(
    "path", ["../outside/shirt.jpg", "table-2/../../outside/shirt.jpg", "/etc/passwd", "a//b", ".."]
)
def test_a_path_that_leads_out_is_refused(tree: Tree, path: str) -> None:
    with pytest.raises(ValueError, match=r"not (a|the) path"):
        tree.open_file(path)
    with pytest.raises(ValueError, match=r"not (a|the) path"), tree.folder(path):
        pass


def test_the_root_itself_may_be_a_link(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "share").symlink_to(tree.root)
    assert read(Tree(tmp_path / "share"), "shirt.jpg") == b"shirt"


def test_a_fifo_a_socket_and_a_device_are_no_photos_and_do_not_block(tree: Tree) -> None:
    os.mkfifo(tree.root / "fifo.jpg")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tree.root / "socket.jpg"))
        names = ["fifo.jpg", "socket.jpg"]
        if os.geteuid() == 0:
            os.mknod(tree.root / "device.jpg", stat.S_IFCHR | 0o600, os.makedev(1, 3))
            names.append("device.jpg")
        others: list[str] = []
        assert walked(tree, on_other=lambda path, _: others.append(path)) == [
            "shirt.jpg",
            "table-2/left/shoe.jpg",
        ]
        assert sorted(others) == sorted(names)
        for name in names:
            with pytest.raises(PhotoError):
                tree.open_file(name)
            assert tree.fingerprint(name) is None


def test_a_missing_file_is_gone_not_unreadable(tree: Tree) -> None:
    for path in ("nothing.jpg", "no folder/nothing.jpg", "shirt.jpg/nothing.jpg", "x" * 300):
        with pytest.raises(FileNotFoundError):
            tree.open_file(path)
        assert tree.fingerprint(path) is None
        assert not tree.exists(path)


def test_a_root_that_is_away_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    away = Tree(tmp_path / "not mounted")
    for ask in (away.fingerprint, away.exists, away.open_file):
        with pytest.raises(FolderUnavailable, match="not mounted"):
            ask("shirt.jpg")
    with pytest.raises(FolderUnavailable):
        walked(away)


def test_a_file_in_place_of_the_root_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "root").write_bytes(b"")
    with pytest.raises(FolderRefused, match="stands where a folder should be"):
        Tree(tmp_path / "root").exists("shirt.jpg")


def test_missing_folders_are_made_with_their_mode_but_never_the_root(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "sorted")
    with pytest.raises(FolderUnavailable), tree.folder("Shirts", create=True):
        pass
    tree.root.mkdir()
    with tree.folder("Shirts/2025", create=True, mode=0o2770, group=os.getgid()):
        pass
    for made in ("Shirts", "Shirts/2025"):
        assert stat.S_IMODE((tree.root / made).stat().st_mode) == 0o2770


def test_names_that_are_no_text_are_found_and_opened(tree: Tree) -> None:
    name = os.fsdecode(b"caf\xe9 \x01.jpg")
    (tree.root / name).write_bytes(b"latin-1")
    assert name in walked(tree)
    assert read(tree, name) == b"latin-1"


def test_a_walk_finds_every_file_with_its_lstat(tree: Tree) -> None:
    found = dict(tree.walk(lambda _: False))
    assert set(found) == {"shirt.jpg", "table-2/left/shoe.jpg"}
    assert found["shirt.jpg"].st_size == 5


def test_a_walk_leaves_out_what_is_to_be_skipped_without_looking_into_it(tree: Tree) -> None:
    (tree.root / "@eaDir" / "deep").mkdir(parents=True)
    (tree.root / "@eaDir" / "deep" / "thumb.jpg").write_bytes(b"")
    asked: list[str] = []

    def skip(path: str) -> bool:
        asked.append(path)
        return path == "@eaDir"

    assert "@eaDir/deep/thumb.jpg" not in [path for path, _ in tree.walk(skip)]
    assert not any(path.startswith("@eaDir/") for path in asked)


def test_a_walk_never_follows_links_not_even_in_circles(tree: Tree, tmp_path: Path) -> None:
    (tree.root / "round").symlink_to(tree.root)
    (tree.root / "out").symlink_to(tmp_path / "outside")
    others: list[str] = []
    errors: list[str] = []
    found = walked(
        tree,
        on_other=lambda path, _: others.append(path),
        on_error=lambda path, _: errors.append(path),
    )
    assert found == ["shirt.jpg", "table-2/left/shoe.jpg"]
    assert sorted(others) == ["out", "round"]
    assert errors == []


def test_a_folder_swapped_for_a_link_during_the_walk_is_reported_not_entered(
    tree: Tree, tmp_path: Path
) -> None:
    def swap(path: str) -> bool:
        if path == "table-2":
            (tree.root / "table-2").rename(tmp_path / "away")
            (tree.root / "table-2").symlink_to(tmp_path / "outside")
        return False

    errors: list[str] = []
    found = [p for p, _ in tree.walk(swap, on_error=lambda path, _: errors.append(path))]
    assert found == ["shirt.jpg"]
    assert errors == ["table-2"]


def test_one_folder_that_cannot_be_read_does_not_stop_the_walk(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = os.open

    def refuse_table_2(path: str, flags: int, **how: object) -> int:
        if path == "table-2":
            raise PermissionError(errno.EACCES, "refused", path)
        return really(path, flags, **how)  # type: ignore[arg-type]

    monkeypatch.setattr("daemon.folders.tree.os.open", refuse_table_2)
    errors: list[tuple[str, int | None]] = []
    found = walked(tree, on_error=lambda path, exc: errors.append((path, exc.errno)))
    assert found == ["shirt.jpg"]
    assert errors == [("table-2", errno.EACCES)]


def test_folders_nested_beyond_reason_are_reported_not_entered(tree: Tree) -> None:
    errors: list[str] = []
    found = walked(tree, max_depth=1, on_error=lambda path, _: errors.append(path))
    assert found == ["shirt.jpg"]
    assert errors == ["table-2/left"]


def test_a_walk_that_is_abandoned_closes_its_folders(tree: Tree) -> None:
    walk = tree.walk(lambda _: False)
    next(walk)
    walk.close()  # type: ignore[attr-defined]


def test_a_walk_is_lazy(tree: Tree) -> None:
    for number in range(3000):
        (tree.root / f"{number}.jpg").touch()
    walk = tree.walk(lambda _: False)
    next(walk)
    for number in range(3000):
        (tree.root / f"{number}.jpg").unlink(missing_ok=True)
    # What the kernel had handed out already may still be named; the bulk was never remembered.
    assert len(list(walk)) < 2000


def test_a_walk_can_be_limited_to_a_folder(tree: Tree) -> None:
    assert walked(tree, under="table-2") == ["table-2/left/shoe.jpg"]


def opened_by(act: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> int:
    """How many times something is opened."""
    times, real = 0, os.open

    def counted(*what: Any, **how: Any) -> int:
        nonlocal times
        times += 1
        return real(*what, **how)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", counted)
        act()
    return times


def test_a_held_folder_is_opened_once_for_many_files_but_not_for_other_threads(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look() -> None:
        for _ in range(5):
            assert tree.exists("table-2/left/shoe.jpg")

    def look_elsewhere() -> None:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(look).result()

    once = opened_by(lambda: tree.exists("table-2/left/shoe.jpg"), monkeypatch)
    with tree.held():
        assert opened_by(look, monkeypatch) == once
        with tree.held():
            assert opened_by(look, monkeypatch) == 0
        assert opened_by(look, monkeypatch) == 0
        assert opened_by(look_elsewhere, monkeypatch) == 5 * once
    assert opened_by(look, monkeypatch) == 5 * once


def test_a_held_folder_that_was_removed_is_made_and_opened_anew(tree: Tree) -> None:
    with tree.held():
        for _ in range(2):
            with tree.folder("Shirts", create=True) as fd:
                os.close(os.open("shirt.jpg", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
            assert (tree.root / "Shirts" / "shirt.jpg").exists()
            shutil.rmtree(tree.root / "Shirts")
        assert not tree.exists("Shirts/shirt.jpg")


def test_when_the_root_is_another_no_held_folder_of_the_old_one_is_used(
    tree: Tree, tmp_path: Path
) -> None:
    with tree.held():
        assert tree.exists("table-2/left/shoe.jpg")
        tree.root.rename(tmp_path / "unmounted")
        with pytest.raises(FolderUnavailable):
            tree.exists("table-2/left/shoe.jpg")
        (tree.root / "table-2" / "left").mkdir(parents=True)
        assert not tree.exists("table-2/left/shoe.jpg")


def test_of_many_folders_only_some_are_held(tree: Tree) -> None:
    for number in range(3 * MOST_FOLDERS):
        (tree.root / f"{number}").mkdir()
    before = len(list(Path("/proc/self/fd").iterdir()))
    with tree.held(), tree.folder("table-2") as fd:
        for number in range(MOST_FOLDERS - 1):
            assert not tree.exists(f"{number}/shirt.jpg")
        assert os.stat("left", dir_fd=fd)
        for number in range(3 * MOST_FOLDERS):
            assert not tree.exists(f"{number}/shirt.jpg")
        assert len(list(Path("/proc/self/fd").iterdir())) <= before + MOST_FOLDERS
