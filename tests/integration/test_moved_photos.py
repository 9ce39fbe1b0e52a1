"""What people do to sorted photos on the share is the decision, move or removal that it is."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from config.errors import TransientError
from daemon.corrections import moved_photos
from daemon.corrections.folder_index import FolderIndex
from daemon.domain.orders import Code
from daemon.domain.photos import Fingerprint, Story
from daemon.folders.tree import Tree
from daemon.sorting.filer import FilingPolicy
from daemon.store.facts import MASS_REMOVAL
from tests.support.core import Core, tiny_photo
from tests.support.desk import Crash, die_at


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    core = Core(tmp_path, inline=True)
    yield core
    core.stop()


def dropped(core: Core, name: str, category: str = "review", seed: int = 1) -> bytes:
    """A photo that is sorted; returns its bytes."""
    content = tiny_photo(category, seed)
    core.drop(name, content)
    core.drain()
    return content


def newest(core: Core, name: str) -> Story:
    return core.store.history.stories(name)[0]


def drag(core: Core, source: str, target: str) -> Path:
    goal = core.sorted / target
    goal.parent.mkdir(parents=True, exist_ok=True)
    return (core.sorted / source).replace(goal)


def turn(path: Path) -> None:
    """As a picture viewer does: the same file, other bytes."""
    file = BytesIO()
    Image.open(path).rotate(90, expand=True).save(file, "PNG")
    path.write_bytes(file.getvalue())


def turned_anew(path: Path) -> None:
    """As other viewers do: another file takes the place of the first."""
    file = path.with_name("turning.tmp")
    Image.open(path).rotate(90, expand=True).save(file, "PNG")
    file.replace(path)


@pytest.mark.parametrize(
    "target",
    [
        "Tshirts/DSC_0001.png",
        "Tshirts/DSC_0001 (2).png",
        "Tshirts/DSC_0001 - Copy.png",
        "Tshirts/return-60552.png",
        "Tshirts/Men/DSC_0001.png",
        "TSHIRTS/2026/Men/blue.png",
    ],
)
def test_a_photo_to_decide_that_is_dragged_is_decided_however_it_is_called_there(
    core: Core, target: str
) -> None:
    dropped(core, "DSC_0001.png")
    drag(core, "_review/Tops/DSC_0001.png", target)
    assert core.seeker.notice_decided(100) == 1
    story = newest(core, "DSC_0001.png")
    assert (story.state, story.category_now, story.place) == ("filed", "Tshirts", target)


def test_a_name_that_another_camera_used_before_is_kept_by_its_own_photo(core: Core) -> None:
    dropped(core, "DSC_0001.png", "Shirts", seed=1)
    dropped(core, "DSC_0001.png", "review", seed=2)
    drag(core, "_review/Tops/DSC_0001.png", "Shirts/DSC_0001 (2).png")
    assert core.seeker.notice_dragged(100) == 1
    later, earlier = core.store.history.stories("DSC_0001.png")
    assert (later.place, later.state) == ("Shirts/DSC_0001 (2).png", "filed")
    assert (earlier.place, earlier.state) == ("Shirts/DSC_0001.png", "filed")


def test_a_photo_that_replaces_another_is_decided_and_the_other_was_taken_away(core: Core) -> None:
    dropped(core, "DSC_0001.png", "Shirts", seed=1)
    dropped(core, "DSC_0001.png", "review", seed=2)
    drag(core, "_review/Tops/DSC_0001.png", "Shirts/DSC_0001.png")
    assert core.seeker.notice_dragged(100) == 2
    later, earlier = core.store.history.stories("DSC_0001.png")
    assert (later.place, later.state) == ("Shirts/DSC_0001.png", "filed")
    assert earlier.state == "removed"


def test_a_photo_turned_in_review_and_dragged_then_is_decided(core: Core) -> None:
    dropped(core, "DSC_0003.png")
    turn(core.sorted / "_review/Tops/DSC_0003.png")
    assert core.seeker.notice_decided(100) == 0  # it still waits
    assert newest(core, "DSC_0003.png").state == "review"
    drag(core, "_review/Tops/DSC_0003.png", "Tshirts/DSC_0003.png")
    assert core.seeker.notice_decided(100) == 1
    assert newest(core, "DSC_0003.png").category_now == "Tshirts"


@pytest.mark.parametrize("target", ["Tshirts/a (2).png", "Tshirts/a - Copy.png"])
def test_a_photo_turned_in_review_and_dragged_under_a_copys_name_is_decided(
    core: Core, target: str
) -> None:
    dropped(core, "a.png")
    turned_anew(core.sorted / "_review/Tops/a.png")
    drag(core, "_review/Tops/a.png", target)
    assert core.seeker.notice_decided(100) == 1
    assert (newest(core, "a.png").place, newest(core, "a.png").state) == (target, "filed")


def test_a_photo_renamed_where_it_was_dragged_and_turned_then_is_decided(core: Core) -> None:
    dropped(core, "a.png")
    drag(core, "_review/Tops/a.png", "Tshirts/b.png")
    turn(core.sorted / "Tshirts/b.png")
    core.seeker.notice_decided(100)
    assert (newest(core, "a.png").place, newest(core, "a.png").state) == ("Tshirts/b.png", "filed")


@pytest.mark.parametrize("seen_between", [True, False])
def test_a_filed_photo_that_is_turned_where_it_lies_and_dragged_then_is_not_removed(
    core: Core, *, seen_between: bool
) -> None:
    dropped(core, "a.png", "Shirts")
    turn(core.sorted / "Shirts/a.png")
    if seen_between:
        assert core.seeker.notice_dragged(100) == 0
    drag(core, "Shirts/a.png", "Tshirts/a.png")
    core.seeker.notice_dragged(100)
    story = newest(core, "a.png")
    assert (story.state, story.category_now, story.place) == ("filed", "Tshirts", "Tshirts/a.png")


def test_a_photo_put_into_the_place_of_one_that_was_deleted_is_not_that_one(core: Core) -> None:
    dropped(core, "a.png")
    (core.sorted / "_review/Tops/a.png").unlink()
    copied = core.sorted / "Shirts/holiday.png"  # with the inode that was given free, perhaps
    copied.parent.mkdir(exist_ok=True)
    copied.write_bytes(tiny_photo("Shirts", 7))
    os.utime(copied, (1e9, 1e9))
    core.seeker.notice_decided(100)
    assert newest(core, "a.png").state == "removed"


def test_a_photo_that_was_replaced_by_another_is_not_taken_for_an_edit_of_itself(
    core: Core,
) -> None:
    dropped(core, "a.png", "review", seed=1)
    dropped(core, "b.png", "Shirts", seed=2)
    drag(core, "Shirts/b.png", "_review/Tops/a.png")
    (left,) = core.corrector.correct("a.png", "Tops", "ann").left
    assert left.code is Code.GONE


@pytest.mark.parametrize("is_seen", [True, False])
@pytest.mark.parametrize("act", [turn, turned_anew])
def test_a_photo_turned_in_review_is_corrected_and_put_back_as_it_is(
    core: Core, act: Callable[[Path], None], *, is_seen: bool
) -> None:
    dropped(core, "a.png")
    act(core.sorted / "_review/Tops/a.png")
    turned = (core.sorted / "_review/Tops/a.png").read_bytes()
    if is_seen:
        core.seeker.notice_decided(100)
    filed = newest(core, "a.png")
    assert core.corrector.correct("a.png", "Tshirts", "ann").done
    assert (core.sorted / "Tshirts/a.png").read_bytes() == turned
    assert core.corrector.undo("a.png", "ann").done
    assert core.files() == {"incoming/a.png": turned}
    story = newest(core, "a.png")
    assert story.sha256 == filed.sha256  # as the results say
    assert story.sha256_now == hashlib.sha256(turned).hexdigest()


@pytest.mark.parametrize("point", ["before_rename", "after_rename"])
def test_an_edited_photo_survives_a_crash_while_it_is_corrected(tmp_path: Path, point: str) -> None:
    core = Core(tmp_path, inline=True)
    dropped(core, "a.png")
    turn(core.sorted / "_review/Tops/a.png")
    turned = (core.sorted / "_review/Tops/a.png").read_bytes()
    core.stop()
    dying = Core(tmp_path, inline=True, reached=die_at(point))
    with pytest.raises(Crash):
        dying.corrector.correct("a.png", "Tshirts", "ann")
    dying.stop()
    again = Core(tmp_path, inline=True)
    again.corrector.finish_interrupted()
    place = newest(again, "a.png").place
    assert again.files() == {f"sorted/{place}": turned}
    again.stop()


def test_a_photo_turned_back_is_as_it_was_filed(core: Core) -> None:
    content = dropped(core, "a.png")
    place = core.sorted / "_review/Tops/a.png"
    turn(place)
    core.seeker.notice_decided(100)
    assert newest(core, "a.png").edited_sha256
    place.write_bytes(content)
    core.seeker.notice_decided(100)
    assert newest(core, "a.png").sha256_now == newest(core, "a.png").sha256


@pytest.mark.parametrize(
    ("target", "category"),
    [
        ("2031/01/Tshirts/a.png", "Tshirts"),
        ("2031/01/TSHIRTS/Men/a.png", "Tshirts"),
        ("2031/01/Wallets/a.png", "Wallets"),
        ("Tshirts/a.png", "Tshirts"),
        ("Wallets/a.png", "Wallets"),
    ],
)
def test_a_category_is_known_by_its_folder_of_any_month(
    tmp_path: Path, target: str, category: str
) -> None:
    core = Core(tmp_path, inline=True, filing=FilingPolicy(layout="{year}/{month}/{category}"))
    dropped(core, "a.png")
    drag(core, "_review/Tops/a.png", target)
    core.seeker.notice_decided(100)
    assert newest(core, "a.png").category_now == category
    core.stop()


@pytest.mark.parametrize("target", ["2031/01/a.png", "2031/a.png"])
def test_a_folder_of_a_month_is_no_category(tmp_path: Path, target: str) -> None:
    core = Core(tmp_path, inline=True, filing=FilingPolicy(layout="{year}/{month}/{category}"))
    dropped(core, "a.png")
    drag(core, "_review/Tops/a.png", target)
    core.seeker.notice_decided(100)
    story = newest(core, "a.png")
    assert (story.state, story.place) == ("review", target)
    core.stop()


def test_each_file_is_asked_for_its_size_once_however_many_photos_are_missing(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(20):
        core.drop(f"{seed}.png", tiny_photo("Shirts", seed))
    core.drain()
    for photo in (core.sorted / "Shirts").iterdir():
        photo.unlink()
    (core.sorted / "Tops").mkdir(exist_ok=True)
    for number in range(100):
        (core.sorted / f"Tops/x{number}.png").write_bytes(b"x")
    asked: list[str] = []
    seen = Tree.seen

    def counted(tree: Tree, place: str) -> Fingerprint | None:
        asked.append(place)
        return seen(tree, place)

    monkeypatch.setattr(Tree, "seen", counted)
    core.seeker.notice_dragged(100)
    assert len(asked) <= 20 + 100 + 20  # in their places; for their size; what has a lost inode


def test_a_photo_dragged_to_be_taken_again_waits_no_more(core: Core) -> None:
    dropped(core, "dark.png")
    drag(core, "_review/Tops/dark.png", "_retake/dark.png")
    assert core.seeker.notice_decided(100) == 1
    assert newest(core, "dark.png").state == "retake"


def test_a_photo_moved_within_review_still_waits_at_its_new_place(core: Core) -> None:
    dropped(core, "a.png")
    drag(core, "_review/Tops/a.png", "_review/Kurtas/a.png")
    core.seeker.notice_decided(100)
    story = newest(core, "a.png")
    assert (story.state, story.place) == ("review", "_review/Kurtas/a.png")
    assert core.store.corrections.of(story.id) == []


def test_a_photo_that_was_deleted_is_removed_and_comes_back_when_it_does(core: Core) -> None:
    filed, waiting = dropped(core, "a.png", "Shirts", seed=1), dropped(core, "b.png", seed=2)
    (core.sorted / "Shirts/a.png").unlink()
    (core.sorted / "_review/Tops/b.png").unlink()
    assert core.seeker.notice_dragged(100) == 2
    assert {newest(core, name).state for name in ("a.png", "b.png")} == {"removed"}
    (core.sorted / "Shirts/a.png").write_bytes(filed)
    (core.sorted / "_review/Tops/b.png").write_bytes(waiting)
    assert core.seeker.notice_dragged(100) == 2
    assert newest(core, "a.png").state == "filed"
    assert newest(core, "b.png").state == "review"


def test_a_photo_that_nobody_touched_is_never_removed(core: Core) -> None:
    dropped(core, "a.png", "Shirts")
    os.utime(core.sorted / "Shirts/a.png")  # a backup program, say
    for _ in range(3):
        assert core.seeker.notice_dragged(100) == 0
    assert newest(core, "a.png").state == "filed"


def test_a_photo_that_was_taken_away_and_dropped_again_is_no_duplicate(core: Core) -> None:
    content = dropped(core, "a.png", "Shirts")
    (core.sorted / "Shirts/a.png").unlink()
    core.seeker.notice_dragged(100)
    core.drop("again.png", content)
    assert core.drain()["successful"] == 1


def test_nothing_is_removed_while_the_folder_is_unavailable(core: Core) -> None:
    dropped(core, "a.png", "Shirts")
    core.sorted.rename(core.sorted.with_name("elsewhere"))
    with pytest.raises(TransientError):
        core.seeker.notice_dragged(100)
    core.sorted.with_name("elsewhere").rename(core.sorted)
    assert newest(core, "a.png").state == "filed"


def test_a_list_that_is_not_whole_proves_no_removal(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped(core, "a.png", "Shirts")
    (core.sorted / "Shirts/a.png").unlink()
    monkeypatch.setattr(moved_photos, "FolderIndex", lambda tree: FolderIndex(tree, most=0))
    assert core.seeker.notice_dragged(100) == 0
    assert newest(core, "a.png").state == "filed"


def test_more_than_half_gone_at_once_is_believed_on_the_next_day_only(core: Core) -> None:
    for seed in range(1, 7):
        dropped(core, f"{seed}.png", "Shirts", seed=seed)
    for seed in range(1, 5):
        (core.sorted / f"Shirts/{seed}.png").unlink()
    assert core.seeker.notice_dragged(100) == 0
    assert core.seeker.notice_dragged(100) == 0
    ((since, photos),) = core.store.facts.get(MASS_REMOVAL).items()
    assert (since, len(photos)) == (core.clock.now().isoformat(), 4)
    core.clock.advance(86400)
    assert core.seeker.notice_dragged(100) == 4
    assert core.store.facts.get(MASS_REMOVAL) is None
    assert [newest(core, f"{seed}.png").state for seed in range(1, 7)] == [
        *["removed"] * 4,
        *["filed"] * 2,
    ]


def test_looks_at_other_photos_do_not_put_off_what_is_believed_of_many(core: Core) -> None:
    dropped(core, "waits.png", seed=9)
    for seed in range(1, 7):
        dropped(core, f"{seed}.png", "Shirts", seed=seed)
    for seed in range(1, 7):
        (core.sorted / f"Shirts/{seed}.png").unlink()
    for _ in range(3):
        core.seeker.notice_dragged(100)
        core.clock.advance(43200)
        core.seeker.notice_decided(100)
    assert [newest(core, f"{seed}.png").state for seed in range(1, 7)] == ["removed"] * 6
    assert newest(core, "waits.png").state == "review"
    assert core.store.facts.get(MASS_REMOVAL) is None


def test_more_than_half_gone_at_once_that_come_back_are_nobodys_business(core: Core) -> None:
    photos = {f"{n}.png": dropped(core, f"{n}.png", "Shirts", seed=n) for n in range(1, 7)}
    for name in photos:
        (core.sorted / "Shirts" / name).unlink()
    core.seeker.notice_dragged(100)
    for name, content in photos.items():
        (core.sorted / "Shirts" / name).write_bytes(content)
    assert core.seeker.notice_dragged(100) == 0
    assert core.store.facts.get(MASS_REMOVAL) is None


def test_the_index_finds_by_name_copies_and_inode_and_leaves_bins_out(tmp_path: Path) -> None:
    for place in ("Tops/a.jpg", "Tops/Men/a (3).jpg", "Tops/a - Kopie.jpg", "#recycle/a.jpg"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).touch()
    index = FolderIndex(Tree(tmp_path))
    assert index.named("A.JPG")[0] == "Tops/a.jpg"
    assert sorted(index.named("a.jpg")) == [
        "Tops/Men/a (3).jpg",
        "Tops/a - Kopie.jpg",
        "Tops/a.jpg",
    ]
    assert index.of_inode((tmp_path / "Tops/a.jpg").stat().st_ino) == ["Tops/a.jpg"]
    assert index.is_complete
