"""What of a ZIP that somebody sent is taken: photos in folders of categories, and nothing else."""

from __future__ import annotations

import io
import stat
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from config.errors import PhotoError
from config.junk import JUNK
from daemon.sorting.labelled import Labelled, sent_archive
from daemon.sorting.offline import NoPhotos
from daemon.sorting.zips import SENT

MOST = 1_000_000


def packed(path: Path, *names: str | zipfile.ZipInfo, content: bytes = b"a photo") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content)
    return path


def taken(path: Path, known: tuple[str, ...] = ()) -> list[Labelled]:
    return sent_archive(io.FileIO(path), "a.zip", known, JUNK)


def refusals(path: Path) -> dict[str, str]:
    """Of what cannot be read, or is of no category: where it lies, and why."""
    why = {}
    for one in taken(path):
        if one.problem:
            why[one.shown] = one.problem
            continue
        try:
            assert one.read(MOST) == b"a photo"
        except PhotoError as exc:
            why[one.shown] = exc.text
    return why


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sent.zip"


def test_photos_are_of_their_folder_however_deep_they_lie(path: Path) -> None:
    packed(path, "shirts/a.jpg", "Sandals/more/deeper/b.jpg", "Sandals/notes.txt", "__MACOSX/x.jpg")
    found = taken(path, ("Shirts",))
    assert {(one.label, one.name, one.shown) for one in found} == {
        ("Shirts", "a.jpg", "shirts/a.jpg"),
        ("Sandals", "b.jpg", "Sandals/more/deeper/b.jpg"),
    }
    assert {one.read(MOST) for one in found} == {b"a photo"}


def test_one_folder_around_all_counts_for_nothing_also_beside_a_bad_path(path: Path) -> None:
    packed(path, "all/Shirts/a.jpg", "all/Sandals/b.jpg", "../../c.jpg")
    assert {one.label for one in taken(path) if "c.jpg" not in one.shown} == {"Shirts", "Sandals"}


def test_slashes_of_windows_and_letters_of_macos_are_understood(path: Path) -> None:
    info = zipfile.ZipInfo("x")
    info.filename = "Gu\u0308rtel\\a.jpg"
    packed(path, info)
    assert [one.label for one in taken(path)] == ["G\u00fcrtel"]


@pytest.mark.parametrize(
    "name", ["../out/a.jpg", "Shirts/../../a.jpg", "/etc/a.jpg", "..\\out\\a.jpg", "C:\\in\\a.jpg"]
)
def test_a_path_that_leads_out_is_refused_by_name(path: Path, name: str) -> None:
    packed(path, "Shirts/good.jpg", name)
    (why,) = refusals(path).values()
    assert "leads out of the archive" in why


def test_links_and_devices_are_refused_by_name(path: Path) -> None:
    infos = []
    for name, kind in (("link", stat.S_IFLNK), ("pipe", stat.S_IFIFO), ("disk", stat.S_IFBLK)):
        info = zipfile.ZipInfo(f"Shirts/{name}.jpg")
        info.external_attr = (kind | 0o644) << 16
        infos.append(info)
    packed(path, "Shirts/good.jpg", *infos)
    found = refusals(path)
    assert sorted(found) == ["Shirts/disk.jpg", "Shirts/link.jpg", "Shirts/pipe.jpg"]
    assert all("link or a special file" in why for why in found.values())


def test_folders_that_are_skipped_or_no_category_are_told_by_name(path: Path) -> None:
    packed(path, "Shirts/good.jpg", "_later/a.jpg", "loose.jpg", "con/b.jpg", f"{'x' * 101}/c.jpg")
    found = refusals(path)
    assert "begin with _ are skipped" in found["_later/a.jpg"]
    assert "no <category>/ folder" in found["loose.jpg"]
    assert "could be 'con'" in found["con/b.jpg"]
    assert "1 to 100 characters" in found[f"{'x' * 101}/c.jpg"]


def test_a_bomb_is_refused_before_it_is_unpacked(path: Path) -> None:
    packed(path, "Shirts/bomb.jpg", content=bytes(60_000_000))
    assert path.stat().st_size < 100_000
    (bomb,) = taken(path)
    tracemalloc.start()
    try:
        with pytest.raises(PhotoError, match="larger than the 1 MB"):
            bomb.read(MOST)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_bomb_that_lies_about_its_size_gives_no_more_than_it_says(path: Path) -> None:
    packed(path, "Shirts/bomb.jpg", content=bytes(60_000_000))
    changed(path, lambda data: data.replace(struct.pack("<I", 60_000_000), struct.pack("<I", 1000)))
    (bomb,) = taken(path)
    with pytest.raises(PhotoError, match="cannot be taken out"):
        bomb.read(MOST)


def test_photos_that_together_are_too_much_are_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed(path, "Shirts/a.jpg", "Shirts/b.jpg", content=bytes(1000))
    monkeypatch.setattr("daemon.sorting.labelled.SENT", SENT.__class__(5, 1500))
    with pytest.raises(NoPhotos, match="bring it in parts"):
        taken(path)


def test_more_photos_than_are_taken_are_refused(path: Path) -> None:
    packed(path, *(f"Shirts/{n}.jpg" for n in range(SENT.photos + 1)), content=b"")
    with pytest.raises(NoPhotos, match="more than 5,000 photos"):
        taken(path)


def test_a_hundred_thousand_entries_are_refused_without_being_listed(path: Path) -> None:
    path.write_bytes(with_entries(100_000))
    tracemalloc.start()
    try:
        with pytest.raises(NoPhotos, match="lists too many files"):
            taken(path)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def with_entries(count: int) -> bytes:
    """A ZIP whose list has so many entries, all of one empty file."""
    name = b"Shirts/a.jpg"
    head = struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 0, 0, 33, 0, 0, 0, len(name), 0) + name
    entry = struct.pack(
        "<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 0, 0, 33, 0, 0, 0, len(name), 0, 0, 0, 0, 0, 0
    )
    listed = (entry + name) * count
    shown = min(count, 0xFFFF)
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, shown, shown, len(listed), len(head), 0)
    return head + listed + end


def changed(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


def test_what_is_encrypted_or_packed_unusually_is_refused_by_name(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("Shirts/secret.jpg", b"a photo")
        archive.writestr("Shirts/odd.jpg", b"a photo", zipfile.ZIP_LZMA)
        archive.writestr("Shirts/good.jpg", b"a photo")

    def encrypt(data: bytes) -> bytes:
        at = data.index(b"PK\1\2")  # the first of the list
        return data[: at + 8] + b"\1\0" + data[at + 10 :]

    changed(path, encrypt)
    found = refusals(path)
    assert "encrypted" in found["Shirts/secret.jpg"]
    assert "unusual way" in found["Shirts/odd.jpg"]
    assert len(found) == 2


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"", "as a ZIP"), (b"PK no zip", "as a ZIP"), (b"PK\5\6" + bytes(18), "no photos in it")],
)
def test_what_is_no_zip_or_holds_no_photos_says_so(path: Path, content: bytes, why: str) -> None:
    path.write_bytes(content)
    with pytest.raises(NoPhotos, match=why):
        taken(path)


def test_a_zip_without_folders_says_what_it_should_hold(path: Path) -> None:
    with pytest.raises(NoPhotos, match="<category>/"):
        taken(packed(path, "a.jpg"))
