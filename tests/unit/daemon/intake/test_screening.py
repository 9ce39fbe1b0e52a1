"""Which names may be photos."""

from __future__ import annotations

import unicodedata

import pytest

from config.settings import IntakeSettings
from daemon.domain.photo_names import has_photo_extension
from daemon.intake.screening import Screening

DEFAULT = Screening(IntakeSettings().ignore)


@pytest.mark.parametrize(
    "path",
    ["a.jpg", "A.JPEG", "table-2/shirt.PnG", "ü.HEIC", "x.y.tif", "a b.webp", "bad\udcff.jpg"],
)
def test_photo_by_its_extension_in_any_case_and_folder(path: str) -> None:
    assert DEFAULT.is_photo(path)


@pytest.mark.parametrize("path", ["a.txt", "jpg", "a.jpg.exe", "a.", "", "photos.jpg/readme"])
def test_file_without_a_photo_extension_is_no_photo(path: str) -> None:
    assert not DEFAULT.is_photo(path)


@pytest.mark.parametrize(
    "name",
    [
        "._shirt.jpg",
        ".DS_Store",
        "~$list.jpg",
        "THUMBS.DB",
        "Desktop.ini",
        "@eaDir",
        "@EADIR",
        "shirt.jpg.part",
        "shirt.JPG.PART",
        "x.crdownload",
        "x.tmp",
        ".sb-1a2b-shirt.jpg",
        ".pd~.jpg",
    ],
)
def test_names_that_file_managers_and_programs_still_copying_leave_are_junk(name: str) -> None:
    assert DEFAULT.is_junk(name)


@pytest.mark.parametrize(
    "folder",
    [
        *("#recycle", "#snapshot", "@eaDir", "@tmp", "@sharebin", "#Recycle"),  # Synology
        *("@Recycle", "@Recently-Snapshot", "Network Recycle Bin 1", "@Transcode", ".@__thumb"),
        *("~snapshot", "~Snapshot", ".snapshot", ".snapshots", ".zfs", ".ckpt"),  # filers, ZFS
        *("@GMT-2026.11.25-10.00.00", ".recycle", ".Recycle.Bin", ".deleted"),  # Samba, Unraid
        *("Recycle Bin", "Recycle Bin - Volume_1", "RECYCLER", "RECYCLED", "RecycleBin"),
        *("$RECYCLE.BIN", "$Recycle.Bin", "System Volume Information", "FOUND.000"),  # Windows
        *("trashbox", "_NAS_Recycle_RAID0", "lost+found", "files_trashbin", "files_versions"),
        *(".Trashes", ".Trash-1000", "Network Trash Folder", "Temporary Items", ".stversions"),
        *("shirt.jpg@SynoEAStream", ":2eDS_Store", "#trash", "@Trash"),
    ],
)
def test_bins_and_snapshots_of_any_network_storage_are_junk(folder: str) -> None:
    assert DEFAULT.is_junk(folder)
    assert DEFAULT.is_junk(f"table-2/{folder}")


@pytest.mark.parametrize(
    "folder",
    ["#table-1", "@anna", "table-2", "20251013", "snapshots", "Recycling", "~anna", "$5", "_bin"],
)
def test_folders_that_people_make_are_no_junk(folder: str) -> None:
    assert not DEFAULT.is_junk(folder)


def test_junk_is_judged_by_the_last_part_alone() -> None:
    assert not DEFAULT.is_junk("@eaDir/shirt.jpg")
    assert DEFAULT.is_junk("shirts/@eaDir")


def test_own_names_are_junk_even_when_the_list_is_empty() -> None:
    nothing = Screening([])
    assert nothing.is_junk(".nightsort")
    assert nothing.is_junk(".NIGHTSORT-12.part")
    assert not nothing.is_photo(".nightsort-12.jpg")
    assert nothing.is_photo("._shirt.jpg")


def test_a_pattern_matches_however_the_name_is_composed() -> None:
    decomposed = unicodedata.normalize("NFD", "müll.jpg")
    assert decomposed != "müll.jpg"
    assert Screening(["MÜLL*"]).is_junk(decomposed)
    assert Screening([unicodedata.normalize("NFD", "müll*")]).is_junk("müll.jpg")


def test_a_name_with_a_line_break_does_not_escape_its_pattern() -> None:
    assert DEFAULT.is_junk("~$a\nb.jpg")
    assert DEFAULT.is_photo("a\nb.jpg")


def test_hidden_file_that_is_only_an_extension_is_no_photo() -> None:
    assert not has_photo_extension(".jpg")
