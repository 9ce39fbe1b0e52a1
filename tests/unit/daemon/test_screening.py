"""Which names may be photos."""

from __future__ import annotations

import unicodedata

import pytest

from config.settings import IntakeSettings
from daemon.screening import Screening, has_photo_extension

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
