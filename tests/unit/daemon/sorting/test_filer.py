from __future__ import annotations

import grp
import os
import re
import unicodedata
from datetime import date
from pathlib import Path

import pytest

from config.errors import ConfigError, DiskFull, FolderRefused
from config.settings import FilingSettings
from daemon.domain.photos import Photo, Status
from daemon.domain.sorting import Move
from daemon.folders.listing import Listing
from daemon.folders.names import compare_key
from daemon.sorting.filer import FilingPolicy
from tests.support.desk import Desk

DAY = date(2025, 3, 7)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "incoming", tmp_path / "sorted")


def plan(desk: Desk, photo: Photo, *taken: str, folder: str = "Shirts") -> Move:
    return desk.filer().plan(desk.examine(photo).source, folder, taken)


def already_filed(desk: Desk, *names: str) -> None:
    (desk.sorted / "Shirts").mkdir(exist_ok=True)
    for name in names:
        (desk.sorted / "Shirts" / name).write_bytes(b"filed before")


@pytest.mark.parametrize(
    ("status", "category", "folder"),
    [
        (Status.SUCCESS, "Shirts", "Shirts/2025-03-07"),
        (Status.REVIEW, "Shirts", "_review/Shirts"),
        (Status.DUPLICATE, None, "_duplicates"),
        (Status.DUPLICATE, "Shirts", "_duplicates"),
        (Status.ERROR, None, "_quarantine"),
        (Status.SUCCESS, "../etc", ".._etc/2025-03-07".replace("..", "_..", 1)),
        (Status.REVIEW, "_review", "_review/__review"),
    ],
)
def test_each_status_has_its_folder(
    desk: Desk, status: Status, category: str | None, folder: str
) -> None:
    filer = desk.filer(FilingPolicy(layout="{category}/{year}-{month}-{day}"))
    assert filer.target_folder(status, category, DAY) == folder


def test_without_a_review_folder_such_photos_are_filed_with_the_rest(desk: Desk) -> None:
    filer = desk.filer(FilingPolicy(review_folder=False))
    assert filer.target_folder(Status.REVIEW, "Shirts", DAY) == "Shirts"


def test_a_filed_photo_needs_a_category(desk: Desk) -> None:
    with pytest.raises(ValueError, match="category"):
        desk.filer().target_folder(Status.SUCCESS, None, DAY)


def test_settings_become_a_policy() -> None:
    group = grp.getgrgid(os.getgid()).gr_name
    settings = FilingSettings(
        layout="{category}", group=group, file_mode="0640", folder_mode="2770", min_free_mb=5
    )
    assert FilingPolicy.from_settings(settings) == FilingPolicy(
        "{category}", True, os.getgid(), 0o640, 0o2770, 5_000_000
    )


def test_an_unknown_group_is_refused_with_the_remedy() -> None:
    with pytest.raises(ConfigError, match=r'filing\.group = "nobody-here".*groupadd'):
        FilingPolicy.from_settings(FilingSettings(group="nobody-here"))


def test_a_planned_photo_keeps_its_name_and_its_fingerprint(desk: Desk) -> None:
    photo = desk.drop("table-2/IMG_0001.JPG")
    move = plan(desk, photo)
    assert (move.source, move.target) == ("table-2/IMG_0001.JPG", "Shirts/IMG_0001.JPG")
    assert move.fingerprint == photo.fingerprint
    assert move.sha256 == desk.examine(photo).sha256


def test_planning_touches_nothing(desk: Desk) -> None:
    plan(desk, desk.drop(), folder="Shirts/2025")
    assert set(desk.files()) == {"incoming/shirt.jpg"}
    assert not (desk.sorted / "Shirts").exists()


def test_a_name_that_is_taken_gets_a_number(desk: Desk) -> None:
    already_filed(desk, "shirt.jpg", "shirt (2).jpg")
    assert plan(desk, desk.drop()).target == "Shirts/shirt (3).jpg"


def test_a_dangling_link_takes_a_name_too(desk: Desk) -> None:
    already_filed(desk)
    (desk.sorted / "Shirts" / "shirt.jpg").symlink_to("nowhere")
    assert plan(desk, desk.drop()).target == "Shirts/shirt (2).jpg"


@pytest.mark.parametrize("twin", ["SHIRT.JPG", "Shirt.jpg"])
def test_a_name_that_differs_in_case_only_gets_a_number(desk: Desk, twin: str) -> None:
    already_filed(desk, twin)
    assert plan(desk, desk.drop("shirt.jpg")).target == "Shirts/shirt (2).jpg"


def test_a_name_that_differs_in_composition_only_gets_a_number(desk: Desk) -> None:
    already_filed(desk, "cafe\u0301.jpg")
    assert plan(desk, desk.drop("caf\u00e9.jpg")).target == "Shirts/caf\u00e9 (2).jpg"


def test_a_name_planned_in_the_same_batch_is_taken(desk: Desk) -> None:
    photo = desk.drop("table-2/shirt.jpg")
    assert plan(desk, photo, "Shirts/shirt.jpg").target == "Shirts/shirt (2).jpg"
    assert plan(desk, photo, compare_key("Shirts/SHIRT.jpg")).target == "Shirts/shirt (2).jpg"


def test_ten_thousand_twins_cost_a_dozen_looks(desk: Desk) -> None:
    class Taken:
        asked = 0

        def __contains__(self, target: object) -> bool:
            Taken.asked += 1
            numbers = {"Shirts/shirt.jpg"} | {f"Shirts/shirt ({n}).jpg" for n in range(2, 10_001)}
            return target in numbers

    photo = desk.drop()
    move = desk.filer().plan(desk.examine(photo).source, "Shirts", Taken())
    assert move.target == "Shirts/shirt (10001).jpg"
    assert Taken.asked < 100


def test_a_name_gone_from_the_folder_is_free_again(desk: Desk) -> None:
    filer = desk.filer()
    already_filed(desk, "SHIRT.jpg")
    photo = desk.drop()
    assert filer.plan(desk.examine(photo).source, "Shirts").target == "Shirts/shirt (2).jpg"
    (desk.sorted / "Shirts" / "SHIRT.jpg").unlink()
    assert filer.plan(desk.examine(photo).source, "Shirts").target == "Shirts/shirt.jpg"


def test_a_photo_whose_move_failed_keeps_its_name_at_the_next_try(desk: Desk) -> None:
    filer = desk.filer()
    already_filed(desk, "other.jpg")
    photo = desk.drop()
    move = filer.plan(desk.examine(photo).source, "Shirts")
    filer.sync([move])
    assert filer.plan(desk.examine(photo).source, "Shirts") == move


def test_an_illegal_name_is_planned_legal(desk: Desk) -> None:
    assert plan(desk, desk.drop("con.jpg")).target == "Shirts/_con.jpg"
    name = os.fsdecode(b"caf\xe9?.jpg")
    assert plan(desk, desk.drop(name)).target == "Shirts/caf__.jpg"


def test_a_link_in_place_of_a_category_folder_is_refused(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (desk.sorted / "Shirts").symlink_to(tmp_path / "outside")
    with pytest.raises(FolderRefused, match="Shirts"):
        plan(desk, desk.drop())


def test_a_huge_folder_is_asked_name_by_name(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / f"{number}.jpg").touch()
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        assert not Listing(most_names=10).holds(fd, "1.jpg")
        assert Listing(most_names=100).holds(fd, "1.JPG")
    finally:
        os.close(fd)


def test_too_little_space_is_told_before_a_byte_is_written(desk: Desk) -> None:
    desk.filer(FilingPolicy(min_free_bytes=0)).check_space()
    assert desk.filer().free_bytes() > 0
    with pytest.raises(DiskFull, match=r"filing\.min_free_mb"):
        desk.filer(FilingPolicy(min_free_bytes=1 << 62)).check_space()


def test_a_reason_is_written_beside_the_photo(desk: Desk) -> None:
    filer = desk.filer(FilingPolicy(file_mode=0o640))
    filer.write_reason("_quarantine/shirt.jpg", "The file is cut off.\n")
    reason = desk.sorted / "_quarantine" / "shirt.jpg.reason.txt"
    assert reason.read_text() == "The file is cut off.\n"
    assert reason.stat().st_mode & 0o777 == 0o640
    assert len(desk.files()) == 1


def test_a_reason_never_replaces_or_follows_anything(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "outside.txt").write_text("mine")
    (desk.sorted / "_quarantine").mkdir()
    (desk.sorted / "_quarantine" / "a.jpg.reason.txt").write_text("a clerk's note")
    (desk.sorted / "_quarantine" / "b.jpg.reason.txt").symlink_to(tmp_path / "outside.txt")
    for name in ("a.jpg", "b.jpg"):
        desk.filer().write_reason(f"_quarantine/{name}", "new")
    assert (desk.sorted / "_quarantine" / "a.jpg.reason.txt").read_text() == "a clerk's note"
    assert (tmp_path / "outside.txt").read_text() == "mine"
    assert len(desk.files()) == 2


def test_the_reason_for_the_longest_name_is_written(desk: Desk) -> None:
    desk.filer().write_reason("_quarantine/" + "x" * 251 + ".jpg", "why")
    (written,) = desk.files()
    assert re.search(r"x~[0-9a-f]{8}\.reason\.txt$", written)


@pytest.mark.parametrize("called", ["SHIRTS", "shirts", "sHiRtS"])
def test_a_folder_renamed_in_case_only_is_the_same_folder(desk: Desk, called: str) -> None:
    (desk.sorted / called).mkdir()
    (desk.sorted / called / "shirt.jpg").write_bytes(b"filed before")
    assert plan(desk, desk.drop("shirt.jpg")).target == f"{called}/shirt (2).jpg"


def test_a_folder_that_macos_decomposed_is_the_same_folder(desk: Desk) -> None:
    decomposed = unicodedata.normalize("NFD", "Röcke")
    (desk.sorted / decomposed).mkdir()
    assert plan(desk, desk.drop(), folder="Röcke").target == f"{decomposed}/shirt.jpg"


def test_folders_below_one_renamed_in_case_are_found_or_made_there(desk: Desk) -> None:
    (desk.sorted / "_REVIEW" / "SHIRTS").mkdir(parents=True)
    assert plan(desk, desk.drop(), folder="_review/Shirts").target == "_REVIEW/SHIRTS/shirt.jpg"
    assert plan(desk, desk.drop(), folder="_review/Tops").target == "_REVIEW/Tops/shirt.jpg"


def test_the_folder_of_exactly_that_name_comes_before_its_twins(desk: Desk) -> None:
    for called in ("SHIRTS", "Shirts"):
        (desk.sorted / called).mkdir()
    assert plan(desk, desk.drop()).target == "Shirts/shirt.jpg"


def test_a_file_or_a_link_of_that_name_is_no_folder(desk: Desk) -> None:
    (desk.sorted / "SHIRTS").write_bytes(b"")
    (desk.sorted / "shirts").symlink_to(desk.incoming)
    assert plan(desk, desk.drop()).target == "Shirts/shirt.jpg"
