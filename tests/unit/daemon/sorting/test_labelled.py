"""Which photos of a folder or ZIP are brought, how their categories are spelt, what is refused."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from config.errors import PhotoError
from config.junk import JUNK
from daemon.sorting.labelled import brought, named_photos
from daemon.sorting.offline import NoPhotos


def photo(folder: Path, label: str) -> None:
    (folder / label).mkdir()
    (folder / label / "a.jpg").touch()


def zipped(folder: Path, *names: str, content: bytes = b"a photo") -> Path:
    path = folder / "labelled.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content)
    return path


def test_a_category_is_spelt_as_it_is_known(tmp_path: Path) -> None:
    for label in ("shirts", "Sandals", "sandals", "_later", ".hidden"):
        photo(tmp_path, label)
    found = named_photos(tmp_path, ("Shirts",), JUNK)
    assert [one.label for one in found] == ["Sandals", "Sandals", "Shirts"]


def test_only_skipped_folders_are_nothing_to_learn_from(tmp_path: Path) -> None:
    photo(tmp_path, "_later")
    with pytest.raises(NoPhotos, match="nothing to learn"):
        named_photos(tmp_path, (), ())


@pytest.mark.parametrize("around", ["", "labelled/"])
def test_a_zip_holds_folders_of_categories_perhaps_in_one_more(tmp_path: Path, around: str) -> None:
    names = ("shirts/a.jpg", "Sandals/deeper/b.jpg", "_later/c.jpg", "Sandals/notes.txt")
    path = zipped(tmp_path, *(around + name for name in names), "__MACOSX/Sandals/._b.jpg")
    found = brought(path, None, ("Shirts",), JUNK)
    assert {(one.label, one.name) for one in found} == {("Sandals", "b.jpg"), ("Shirts", "a.jpg")}
    assert {one.read(100) for one in found} == {b"a photo"}


def test_photos_beside_the_folders_are_named_and_say_nothing(tmp_path: Path) -> None:
    photo(tmp_path, "Sandals")
    (tmp_path / "astray.jpg").touch()
    found = brought(tmp_path, None, (), JUNK)
    assert [(one.name, bool(one.problem)) for one in found] == [
        ("a.jpg", False),
        ("astray.jpg", True),
    ]
    path = zipped(tmp_path, "Sandals/a.jpg", "astray.jpg", "CON/b.jpg")
    found = brought(path, None, (), JUNK)
    assert {one.name for one in found if one.problem} == {"astray.jpg", "b.jpg"}


def test_with_a_label_all_photos_are_of_that(tmp_path: Path) -> None:
    path = zipped(tmp_path, "a.jpg", "more/b.jpg")
    assert [one.label for one in brought(path, "sandals", ("Sandals",), JUNK)] == ["Sandals"] * 2
    photo(tmp_path, "_later")
    (one,) = brought(tmp_path / "_later", "Sandals", (), JUNK)
    assert (one.label, one.read(100)) == ("Sandals", b"")


def test_a_photo_of_a_zip_that_is_too_large_is_refused_however_small_it_is_packed(
    tmp_path: Path,
) -> None:
    (one,) = brought(zipped(tmp_path, "Bags/a.jpg", content=bytes(5_000_000)), None, (), JUNK)
    with pytest.raises(PhotoError, match="larger than the 1 MB"):
        one.read(1_000_000)


def test_a_damaged_photo_of_a_zip_is_refused_alone(tmp_path: Path) -> None:
    path = zipped(tmp_path, "Bags/a.jpg", content=bytes(range(256)) * 40)
    content = bytearray(path.read_bytes())
    content[60] ^= 0xFF
    path.write_bytes(content)
    (one,) = brought(path, None, (), JUNK)
    with pytest.raises(PhotoError, match="cannot be taken out"):
        one.read(1_000_000)


@pytest.mark.parametrize(
    ("names", "why"), [((), "no photos in it"), (("a.jpg",), "<category>/"), (None, "as a ZIP")]
)
def test_a_zip_without_labelled_photos_says_so(
    tmp_path: Path, names: tuple[str, ...] | None, why: str
) -> None:
    path = tmp_path / "labelled.zip"
    if names is None:
        path.write_bytes(b"PK no zip")
    else:
        zipped(tmp_path, *names)
    with pytest.raises(NoPhotos, match=why):
        brought(path, None, (), JUNK)
