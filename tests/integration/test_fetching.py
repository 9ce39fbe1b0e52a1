"""An object becomes a file where it lay, or nothing: what it says of itself is not believed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from config.mirror import MirrorSettings
from daemon.folders.rights import Rights
from daemon.folders.tree import Tree
from daemon.mirror.bucket.client import PART_BYTES, BucketFailed, connect
from daemon.mirror.bucket.fetching import Fate, fetch, place_of
from tests.support.s3 import Storage

CONTENT = b"a photo"
ABOUT = {"sha256": sha256(CONTENT).hexdigest()}


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    root = tmp_path / "box" / "sorted"
    root.mkdir(parents=True)
    return Tree(root)


def fetched(tree: Tree, place: str, about: dict[str, str] = ABOUT) -> Fate:
    return fetch(tree, place, about, [CONTENT], Rights())


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("digest", ["", "a/../../../q", "A" * 64, "0" * 63, f"{'0' * 64}\n"])
def test_a_hash_that_is_none_leads_nowhere(tmp_path: Path, tree: Tree, digest: str) -> None:
    (tree.root / "Shirts" / ".nightsort-mirror-a").mkdir(parents=True)
    outside = tmp_path / "box" / "q.part"
    outside.write_bytes(b"of somebody")
    assert fetched(tree, "Shirts/x.png", {"sha256": digest}) is Fate.DAMAGED
    assert files(tmp_path) == {"box/q.part"}
    assert outside.read_bytes() == b"of somebody"


@pytest.mark.parametrize(
    "place", ["Shirts/.nightsort-mirror-a/b.png", "Shirts/.hidden/b.png", ".b.png", "Shirts/.b.png",
              "a//b.png", "a/./b.png", "/a.png", "a/"],
)  # fmt: skip
def test_no_place_is_hidden_or_outside(place: str) -> None:
    assert place_of({"place": place}) == ""


def test_a_place_comes_back_as_it_was_written() -> None:
    assert place_of({"place": "Caf%C3%A9/a%20b%FF.png"}) == "Café/a b\udcff.png"


@pytest.mark.parametrize("place", [f"Shirts/{'x' * 300}.png", f"{'x' * 300}/a.png"])
def test_a_name_too_long_for_the_disk_is_told_and_holds_nothing_up(tree: Tree, place: str) -> None:
    assert fetched(tree, place) is Fate.IMPOSSIBLE
    assert not files(tree.root)


def test_a_file_or_a_link_in_place_of_a_folder_stays(tmp_path: Path, tree: Tree) -> None:
    (tree.root / "Shirts").write_bytes(b"a file")
    (tmp_path / "elsewhere").mkdir()
    (tree.root / "Shoes").symlink_to(tmp_path / "elsewhere")
    assert fetched(tree, "Shirts/a.png") is fetched(tree, "Shoes/a.png") is Fate.KEPT
    assert files(tmp_path) == {"box/sorted/Shirts"}


def test_what_breaks_off_leaves_nothing_behind(tree: Tree) -> None:
    def broken_off() -> Iterator[bytes]:
        yield CONTENT
        raise BucketFailed("away")

    with pytest.raises(BucketFailed):
        fetch(tree, "Shirts/a.png", ABOUT, broken_off(), Rights())
    assert not files(tree.root)
    assert fetched(tree, "Shirts/a.png") is Fate.BROUGHT
    assert files(tree.root) == {"Shirts/a.png"}


# --- large objects -------------------------------------------------------------------------------


def large(seed: int) -> bytes:
    """Of three parts, the last one shorter."""
    return random.Random(seed).randbytes(2 * PART_BYTES + 4_000_000)


def test_a_large_object_comes_in_parts_of_which_none_outlasts_a_request(s3: Storage) -> None:
    bucket, content = s3.new_bucket(), large(1)
    s3.opened(bucket).put("berlin/large", content, {"sha256": "x"})
    with s3.gate() as gate:
        # One answer with all of it would break off.
        gate.most_bytes = 2 * PART_BYTES
        opened = connect(MirrorSettings(**s3.settings(bucket, endpoint=gate.address)))
        about, pieces = opened.get("berlin/large")
        assert b"".join(pieces) == content
        assert about["sha256"] == "x"


@pytest.mark.parametrize("size_bytes", [0, 1, PART_BYTES, PART_BYTES + 1])
def test_an_object_comes_whole_whatever_its_size(s3: Storage, size_bytes: int) -> None:
    opened = s3.opened(s3.new_bucket())
    opened.put("berlin/one", b"x" * size_bytes, {})
    assert sum(len(piece) for piece in opened.get("berlin/one")[1]) == size_bytes


def test_an_object_that_is_replaced_meanwhile_is_never_put_together_of_both(s3: Storage) -> None:
    opened = s3.opened(s3.new_bucket())
    opened.put("berlin/large", large(1), {})
    _, pieces = opened.get("berlin/large")
    next(pieces)
    opened.put("berlin/large", large(2), {})
    with pytest.raises(BucketFailed, match="412"):
        list(pieces)
