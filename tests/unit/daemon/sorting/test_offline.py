"""What `classify` and `evaluate` look at, and what they say of it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from config.errors import PhotoProblem
from daemon.folders.photo_files import Limits
from daemon.sorting.offline import Look, NoPhotos, labelled_photos, look_at, photos_under, shown
from tests.support.classifiers import ScriptedClassifier, by_brightness
from tests.support.photos import write_photo
from tests.support.rights import like_an_ordinary_user

LIMITS = Limits(max_file_bytes=1_000_000, max_megapixels=10)
SMALL = (60, 80)


def touch(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    return file


def refusal_of(*paths: Path) -> str:
    with pytest.raises(NoPhotos) as caught:
        photos_under(paths)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# Which photos


def test_named_files_are_taken_in_the_order_they_are_named(tmp_path: Path) -> None:
    one, other = touch(tmp_path / "b.jpg"), touch(tmp_path / "a.jpg")
    assert photos_under([one, other]) == [one, other]


def test_photos_of_all_folders_below_are_found_in_order(tmp_path: Path) -> None:
    photos = [touch(tmp_path / name) for name in ("a.jpg", "sub/b.PNG", "sub/deep/c.heic")]
    touch(tmp_path / "notes.txt")
    assert photos_under([tmp_path]) == photos


def test_named_file_is_taken_whatever_its_name(tmp_path: Path) -> None:
    named = touch(tmp_path / ".hidden")
    assert photos_under([named]) == [named]


def test_junk_in_folders_is_left_alone(tmp_path: Path) -> None:
    photo = touch(tmp_path / "a.jpg")
    for junk in ("._a.jpg", "@eaDir/a.jpg", ".trash/b.jpg", "sub/~$c.jpg"):
        touch(tmp_path / junk)
    assert photos_under([tmp_path]) == [photo]


def test_what_is_junk_is_a_setting(tmp_path: Path) -> None:
    touch(tmp_path / "old-a.jpg")
    photo = touch(tmp_path / "._b.jpg")
    assert photos_under([tmp_path], ["old-*"]) == [photo]


def test_only_regular_files_are_photos(tmp_path: Path) -> None:
    photo = touch(tmp_path / "a.jpg")
    os.mkfifo(tmp_path / "b.jpg")
    (tmp_path / "c.jpg").mkdir()
    (tmp_path / "d.jpg").symlink_to("nowhere")
    assert photos_under([tmp_path]) == [photo]


def test_folders_are_not_followed_through_links(tmp_path: Path) -> None:
    photo = touch(tmp_path / "share" / "a.jpg")
    (tmp_path / "share" / "loop").symlink_to(tmp_path / "share")
    assert photos_under([tmp_path / "share"]) == [photo]


def test_missing_file_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere.jpg"
    assert refusal_of(missing) == f"{missing}: no such file or folder; check the path"


def test_one_missing_file_among_good_ones_is_named(tmp_path: Path) -> None:
    assert "b.jpg" in refusal_of(touch(tmp_path / "a.jpg"), tmp_path / "b.jpg")


def test_folder_without_photos_is_named(tmp_path: Path) -> None:
    touch(tmp_path / "notes.txt")
    assert refusal_of(tmp_path).startswith(f"{tmp_path}: no photos there")


def test_name_that_no_disk_can_hold_is_refused_in_one_line(tmp_path: Path) -> None:
    assert "File name too long" in refusal_of(tmp_path / ("a" * 300))


def test_folder_that_may_not_be_entered_is_refused_in_one_line(tmp_path: Path) -> None:
    locked = touch(tmp_path / "locked" / "a.jpg").parent
    locked.chmod(0)
    try:
        with like_an_ordinary_user():
            for path in (locked, locked / "a.jpg", tmp_path):
                assert "(Permission denied)" in refusal_of(path)
    finally:
        locked.chmod(0o755)


def test_names_from_hell_are_shown_harmlessly(tmp_path: Path) -> None:
    name = os.fsdecode(b"\x1b[31m\n\xff.jpg")
    assert shown(Path(name)) == r"\x1b[31m\n\xff.jpg"
    assert r"\xff.jpg: no such file" in refusal_of(tmp_path / name)


# Labelled photos


def test_each_labelled_photo_has_the_name_of_its_folder(tmp_path: Path) -> None:
    shirt = touch(tmp_path / "Shirts" / "a.jpg")
    top = touch(tmp_path / "Tops" / "deeper" / "b.jpg")
    touch(tmp_path / "loose.jpg")
    assert labelled_photos(tmp_path) == [("Shirts", shirt), ("Tops", top)]


def test_folders_that_are_junk_are_no_categories(tmp_path: Path) -> None:
    shirt = touch(tmp_path / "Shirts" / "a.jpg")
    touch(tmp_path / "@eaDir" / "a.jpg")
    assert labelled_photos(tmp_path) == [("Shirts", shirt)]


def test_folder_without_labelled_photos_says_what_it_should_hold(tmp_path: Path) -> None:
    touch(tmp_path / "loose.jpg")
    with pytest.raises(NoPhotos, match=r"no photos in .*/<category>/; put labelled photos there"):
        labelled_photos(tmp_path)


@pytest.mark.parametrize(("name", "said"), [("nowhere", "no such"), ("file.txt", "no folder")])
def test_labelled_folder_that_is_none_is_refused(tmp_path: Path, name: str, said: str) -> None:
    touch(tmp_path / "file.txt")
    with pytest.raises(NoPhotos, match=said):
        labelled_photos(tmp_path / name)


# Looking


def looked(
    paths: list[Path], *, batch_size: int = 3, workers: int = 2, limits: Limits = LIMITS
) -> list[Look]:
    classifier = ScriptedClassifier(by_brightness)
    return list(look_at(paths, classifier, limits, batch_size=batch_size, workers=workers))


def test_verdicts_come_in_the_order_of_the_photos(tmp_path: Path) -> None:
    paths = [write_photo(tmp_path / f"{n}.jpg", seed=n, size=SMALL) for n in range(10)]
    expected = [look.verdict for path in paths for look in looked([path])]
    for batch_size, workers in ((1, 1), (3, 2), (16, 3)):
        looks = looked(paths, batch_size=batch_size, workers=workers)
        assert [look.path for look in looks] == paths
        assert [look.verdict for look in looks] == expected


def test_unreadable_photo_among_good_ones_spoils_nothing_but_itself(tmp_path: Path) -> None:
    good = [write_photo(tmp_path / f"{n}.jpg", seed=n, size=SMALL) for n in range(2)]
    bad = tmp_path / "bad.jpg"
    bad.write_text("Please call back.", encoding="utf-8")
    looks = looked([good[0], bad, good[1]])
    assert [look.verdict is None for look in looks] == [False, True, False]
    assert looks[1].problem is PhotoProblem.NOT_AN_IMAGE
    assert looks[1].problem_text


def test_file_over_the_limit_is_not_read(tmp_path: Path) -> None:
    big = tmp_path / "big.jpg"
    with big.open("wb") as file:
        file.truncate(50_000_000_000)  # a hole, so that it costs nothing
    (look,) = looked([big])
    assert look.problem is PhotoProblem.TOO_LARGE
    assert "1 MB" in look.problem_text


def test_pipe_is_not_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.jpg"
    os.mkfifo(pipe)
    (look,) = looked([pipe])
    assert look.problem is PhotoProblem.UNREADABLE


def test_photo_that_may_not_be_read_says_why(tmp_path: Path) -> None:
    photo = write_photo(tmp_path / "a.jpg", size=SMALL)
    photo.chmod(0)
    with like_an_ordinary_user():
        (look,) = looked([photo], workers=1)
    assert look.problem is PhotoProblem.UNREADABLE
    assert "Permission denied" in look.problem_text


def test_all_photos_unreadable_still_gives_each_its_problem(tmp_path: Path) -> None:
    paths = [touch(tmp_path / f"{n}.jpg") for n in range(5)]
    assert [look.verdict for look in looked(paths)] == [None] * 5


def test_only_a_few_batches_are_read_ahead(tmp_path: Path) -> None:
    path = write_photo(tmp_path / "a.jpg", size=SMALL)
    classifier = ScriptedClassifier()
    looks = look_at([path] * 100, classifier, LIMITS, batch_size=2, workers=1)
    next(looks)
    looks.close()  # type: ignore[attr-defined]
    assert sum(classifier.seen) <= 6
    assert np.array(classifier.seen).max() == 2
