"""A person's later word on sorted photos: nothing is lost by it, overwritten, or sorted again."""

from __future__ import annotations

import csv
import os
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, timedelta, timezone
from pathlib import Path

import pytest

from config.errors import FolderUnavailable
from config.junk import JUNK
from daemon.corrections import corrector
from daemon.corrections.answers import NoSuchCategory, NoSuchPhoto, PhotosDone
from daemon.corrections.corrector import Corrector
from daemon.corrections.moved_photos import Seen
from daemon.domain.orders import Code, Done, Left, PhotosAnswer
from daemon.domain.photos import Story
from daemon.folders.tree import Tree
from daemon.intake.admission import Admission
from daemon.intake.watcher import Watcher
from daemon.reporting.exports import Exports
from daemon.reporting.history import story_in_words
from daemon.sorting.filer import FilingPolicy
from tests.support.core import Core, tiny_photo
from tests.support.desk import Crash, die_at
from tests.support.rights import like_an_ordinary_user

ALICE = "alice"


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    core = Core(tmp_path, inline=True)
    yield core
    core.stop()


@pytest.fixture
def together(tmp_path: Path) -> Iterator[Core]:
    """Photos to decide lie with the filed ones of their guess."""
    core = Core(tmp_path, inline=True, filing=FilingPolicy(review_folder=False))
    yield core
    core.stop()


def sorted_photos(core: Core, *names: str, category: str = "Shirts") -> dict[str, bytes]:
    """Drop photos, have them sorted; returns their bytes."""
    photos = {name: tiny_photo(category, number) for number, name in enumerate(names, start=1)}
    for name, content in photos.items():
        core.drop(name, content)
    core.drain()
    return photos


# --- correct -----------------------------------------------------------------------------------


@pytest.mark.parametrize("said", ["20251013-001", "RET 20251013 1", "return_20251013_001 front"])
def test_a_photo_is_corrected_and_put_back_by_any_spelling_of_its_return(
    core: Core, said: str
) -> None:
    core.drop("return_20251013_001.png", tiny_photo("Shirts", 1))
    core.drain()
    (corrected,) = core.corrector.correct(said, "Tops", "anna").done
    assert corrected.category == "Tops"
    core.corrector.undo(said, "anna")
    assert [*core.files()] == ["incoming/return_20251013_001.png"]


def test_a_corrected_photo_lies_in_its_new_category_and_history_says_who_said_so(
    core: Core,
) -> None:
    photos = sorted_photos(core, "return-4711.png")
    answer = core.corrector.correct("return-4711.png", "tops", ALICE)
    assert core.files() == {"sorted/Tops/return-4711.png": photos["return-4711.png"]}
    (story,) = core.store.history.stories("4711")
    assert answer.done == (
        Done(story.id, "return-4711.png", "Tops", "Shirts/return-4711.png", "Tops/return-4711.png"),
    )
    assert (story.category, story.category_now, story.place) == (
        "Shirts", "Tops", "Tops/return-4711.png",
    )  # fmt: skip
    (said,) = core.store.corrections.of(story.id)
    assert (said.word, said.before, said.category, said.person) == (
        "corrected", "Shirts", "Tops", ALICE,
    )  # fmt: skip


def test_find_tells_of_corrections_in_the_time_of_the_settings(core: Core) -> None:
    sorted_photos(core, "a.png")
    core.corrector.correct("a.png", "Tops", ALICE)
    (story,) = core.store.history.stories("a.png")
    said = core.store.corrections.of(story.id)
    for hours in (-5, 9):
        zone = timezone(timedelta(hours=hours))
        text = story_in_words(story, said, lambda _, place: place, zone)
        assert f"{said[0].at.astimezone(zone):%d %b %Y %H:%M} corrected by {ALICE}" in text


def test_a_photo_in_review_is_confirmed_by_its_own_category(core: Core) -> None:
    sorted_photos(core, "odd.png", category="review")
    core.corrector.correct("odd.png", "Tops", ALICE)
    assert [*core.files()] == ["sorted/Tops/odd.png"]
    assert core.store.history.stories("odd.png")[0].state == "filed"


def test_a_guess_is_confirmed_where_review_has_no_folder_of_its_own(together: Core) -> None:
    core = together
    photos = sorted_photos(core, "odd.png", category="review")
    answer = core.corrector.correct("odd.png", "tops", ALICE)
    (story,) = core.store.history.stories("odd.png")
    done = Done(story.id, "odd.png", "Tops", "Tops/odd.png", "Tops/odd.png")
    assert answer == PhotosAnswer(done=(done,))
    assert core.files() == {"sorted/Tops/odd.png": photos["odd.png"]}
    assert (story.state, story.decided) == ("filed", "Tops")
    (said,) = core.store.corrections.of(story.id)
    assert (said.word, said.before, said.category, said.person) == (
        "corrected", "Tops", "Tops", ALICE,
    )  # fmt: skip
    text = story_in_words(story, [said], lambda _, place: place, said.at.tzinfo or UTC)
    assert f"confirmed by {ALICE}: Tops" in text
    assert "→" not in text


def test_what_is_confirmed_is_not_confirmed_again(together: Core) -> None:
    core = together
    sorted_photos(core, "odd.png", category="review")
    core.corrector.correct("odd.png", "Tops", ALICE)
    (story,) = core.store.history.stories("odd.png")
    again = core.corrector.correct("odd.png", "Tops", "bob")
    left = Left(story.id, "odd.png", Code.ALREADY, "Tops is confirmed already")
    assert again == PhotosAnswer(left=(left,))
    assert len(core.store.corrections.of(story.id)) == 1


def test_what_was_filed_without_asking_may_be_said_to_be_right_once(core: Core) -> None:
    photos = sorted_photos(core, "a.png")
    answer = core.corrector.correct("a.png", "Shirts", ALICE)
    (done,) = answer.done
    assert (done.category, done.source) == ("Shirts", done.target)
    (story,) = core.store.history.stories("a.png")
    (said,) = core.store.corrections.of(story.id)
    assert (said.word, said.before, said.category, said.person) == (
        "checked", "Shirts", "Shirts", ALICE,
    )  # fmt: skip
    assert list(core.files().values()) == [photos["a.png"]]
    (left,) = core.corrector.correct("a.png", "Shirts", "bob").left
    assert (left.code, left.detail) == (Code.ALREADY, "Shirts is confirmed already")


def test_what_is_confirmed_can_be_corrected_and_put_back_like_any_other(together: Core) -> None:
    core = together
    photos = sorted_photos(core, "odd.png", category="review")
    core.corrector.correct("odd.png", "Tops", ALICE)
    core.corrector.correct("odd.png", "Shirts", "bob")
    assert core.files() == {"sorted/Shirts/odd.png": photos["odd.png"]}
    core.corrector.correct("odd.png", "Tops", ALICE)
    core.corrector.undo("odd.png", ALICE)
    assert core.files() == {"incoming/odd.png": photos["odd.png"]}
    (story,) = core.store.history.stories("odd.png")
    said = core.store.corrections.of(story.id)
    assert [one.category for one in said] == ["Tops", "Shirts", "Tops", ""]
    assert [one.is_confirmation for one in said] == [True, False, False, False]


def test_a_guess_that_was_dragged_out_of_review_is_told_as_confirmed(core: Core) -> None:
    sorted_photos(core, "odd.png", category="review")
    (core.sorted / "Tops").mkdir()
    (core.sorted / "_review" / "Tops" / "odd.png").rename(core.sorted / "Tops" / "odd.png")
    core.corrector.notice_decided(10)
    (story,) = core.store.history.stories("odd.png")
    said = core.store.corrections.of(story.id)
    text = story_in_words(story, said, lambda _, place: place, UTC)
    assert "moved by somebody on the share, which confirms Tops" in text
    answer = core.corrector.correct("odd.png", "Tops", ALICE)
    assert [one.detail for one in answer.left] == ["Tops is confirmed already"]


def test_a_correction_never_overwrites(core: Core) -> None:
    photos = sorted_photos(core, "a.png")
    (core.sorted / "Tops").mkdir()
    (core.sorted / "Tops" / "a.png").write_bytes(b"somebody else's")
    core.corrector.correct("a.png", "Tops", ALICE)
    assert core.files() == {
        "sorted/Tops/a.png": b"somebody else's",
        "sorted/Tops/a (2).png": photos["a.png"],
    }


def test_a_second_word_replaces_the_first_and_both_are_remembered(core: Core) -> None:
    sorted_photos(core, "a.png")
    core.corrector.correct("a.png", "Tops", ALICE)
    core.corrector.correct("Tops/a.png", "Tshirts", "bob")
    (story,) = core.store.history.stories("a.png")
    assert story.category_now == "Tshirts"
    assert [one.person for one in core.store.corrections.of(story.id)] == [ALICE, "bob"]


def test_the_results_of_the_run_do_not_change(core: Core) -> None:
    sorted_photos(core, "a.png", "b.png")
    before = [*core.results.glob("batch_results_*")], core.rows()
    core.corrector.correct("a.png", "Tops", ALICE)
    core.corrector.undo("b.png", ALICE)
    assert ([*core.results.glob("batch_results_*")], core.rows()) == before
    run = core.rows()[0]["run"]
    assert [row.category for row in core.store.runs.rows(run)] == ["Shirts", "Shirts"]


@pytest.mark.parametrize(
    ("what", "category", "why"),
    [
        ("nowhere.png", "Tops", "no such photo"),
        ("a.png", "Wallets", "no such category; there are Shirts, Tops, Tshirts"),
        ("bad.png", "Tops", "photograph the item again"),
        ("twin.png", "Tops", "name one by its place: t/twin.png"),
    ],
)
def test_a_word_that_makes_no_sense_is_answered_and_nothing_moves(
    core: Core, what: str, category: str, why: str
) -> None:
    sorted_photos(core, "a.png", "twin.png", "t/twin.png")
    core.drop("bad.png", b"no photo")
    core.drain()
    before = core.files()
    expected = "Shirts/twin" if "place" in why else why
    with pytest.raises((NoSuchPhoto, NoSuchCategory), match=expected):
        core.corrector.correct(what, category, ALICE)
    assert core.files() == before


def test_a_photo_that_a_person_took_away_is_left_and_said_so(core: Core) -> None:
    sorted_photos(core, "a.png")
    (core.sorted / "Shirts" / "a.png").unlink()
    answer = core.corrector.correct("a.png", "Tops", ALICE)
    (left,) = answer.left
    assert not answer.done
    assert (left.filename, left.code, left.detail) == (
        "a.png", Code.GONE, "it is not at Shirts/a.png any more",
    )  # fmt: skip


def test_another_file_that_has_taken_its_place_is_not_moved(core: Core) -> None:
    sorted_photos(core, "a.png")
    another = core.sorted / "another.png"
    another.write_bytes(b"another one")
    another.replace(core.sorted / "Shirts" / "a.png")
    assert not core.corrector.correct("a.png", "Tops", ALICE).done
    assert core.files() == {"sorted/Shirts/a.png": b"another one"}


# --- undo --------------------------------------------------------------------------------------


def test_an_undone_run_lies_where_it_came_from_byte_for_byte(core: Core) -> None:
    hostile = os.fsdecode(b"\xff=cmd|'!A0.png")
    photos = sorted_photos(core, "a.png", "table-2/b.png", hostile)
    core.drop("twin.png", photos["a.png"])
    core.drop("bad.png", b"no photo")
    core.drain()
    for run in {row["run"] for row in core.all_rows()}:
        assert not core.corrector.undo(run, ALICE).left
    expected = photos | {"twin.png": photos["a.png"], "bad.png": b"no photo"}
    assert core.files() == {f"incoming/{name}": content for name, content in expected.items()}
    assert not [*core.sorted.rglob("*.reason.txt")]


def test_a_run_that_is_undone_in_part_says_which_photos_are_back(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    sorted_photos(core, "a.png", "b.png", "c.png")
    (run,) = {row["run"] for row in core.all_rows()}
    monkeypatch.setattr(corrector, "_AT_ONCE", 1)
    seen = Corrector._seen

    def fail_at_the_second(one: Corrector, story: Story, answer: PhotosDone) -> Seen | None:
        if answer.done:
            raise FolderUnavailable("sorted is away")
        return seen(one, story, answer)

    monkeypatch.setattr(Corrector, "_seen", fail_at_the_second)
    answer = core.corrector.undo(run, ALICE)
    assert [one.filename for one in answer.done] == ["a.png"]
    assert [(one.filename, one.code) for one in answer.left] == [
        ("b.png", Code.UNKNOWN_OUTCOME), ("c.png", Code.UNAVAILABLE),
    ]  # fmt: skip


def test_an_undone_photo_is_left_alone_until_somebody_touches_it(core: Core) -> None:
    photos = sorted_photos(core, "a.png")
    core.corrector.undo("a.png", ALICE)
    assert core.drain()["run"] is None
    assert [*core.files()] == ["incoming/a.png"]
    (core.incoming / "a.png").rename(core.incoming / "again.png")
    assert core.drain()["successful"] == 1  # and it is no duplicate of itself
    assert core.files() == {"sorted/Shirts/again.png": photos["a.png"]}


def test_a_copy_that_comes_again_after_an_undo_is_sorted_though_it_has_the_same_time(
    core: Core, tmp_path: Path
) -> None:
    card = tmp_path / "card.png"
    card.write_bytes(tiny_photo("Shirts", 1))
    os.utime(card, (1_700_000_000, 1_700_000_000))
    shutil.copy2(card, core.incoming / "a.png")
    core.drain()
    core.corrector.undo("a.png", ALICE)
    assert core.drain()["run"] is None
    (core.incoming / "a.png").unlink()
    time.sleep(0.01)  # a file's time counts in ticks of the kernel's clock
    shutil.copy2(card, core.incoming / "a.png")
    assert core.drain()["successful"] == 1


def test_where_times_cannot_be_relied_on_a_put_back_photo_counts_until_it_is_seen_to_be_gone(
    core: Core, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corrector, "events_arrive", lambda _mount: False)
    sorted_photos(core, "a.png")
    core.corrector.undo("a.png", ALICE)
    (core.incoming / "a.png").chmod(0o600)  # which changes the inode's time
    watcher = Watcher(Tree(core.incoming), observer="polling", rescan_seconds=300, ignore=JUNK)
    admission = Admission(Tree(core.incoming), watcher, core.store, core.clock, 0.0)
    watcher.start()

    def looked() -> None:
        watcher.rescan()
        while watcher.scanning:
            admission.take_in()
        admission.take_in()

    looked()
    assert admission.settling == 0
    kept = tmp_path / "kept.png"
    (core.incoming / "a.png").rename(kept)
    looked()
    kept.rename(core.incoming / "a.png")
    looked()
    assert core.store.queue.waiting(0.0).queued == 1


def test_a_photo_is_put_back_beside_one_that_has_its_name_now(core: Core) -> None:
    photos = sorted_photos(core, "a.png")
    core.drop("a.png", b"a newer one")
    core.corrector.undo("a.png", ALICE)
    assert core.files() == {
        "incoming/a.png": b"a newer one",
        "incoming/a (2).png": photos["a.png"],
    }
    assert [s.path for s in core.store.admissions.unknown(core.sightings())] == ["a.png"]


def test_undoing_twice_says_so(core: Core) -> None:
    sorted_photos(core, "a.png")
    run = core.rows()[0]["run"]
    core.corrector.undo("a.png", ALICE)
    with pytest.raises(NoSuchPhoto, match="put back into incoming already"):
        core.corrector.undo("a.png", ALICE)
    assert core.corrector.undo(run, ALICE) == PhotosAnswer()


def test_a_corrected_photo_is_undone_from_where_it_is(core: Core) -> None:
    photos = sorted_photos(core, "a.png")
    core.corrector.correct("a.png", "Tops", ALICE)
    core.corrector.undo("a.png", ALICE)
    assert core.files() == {"incoming/a.png": photos["a.png"]}


def test_a_photo_whose_source_had_to_stay_is_not_doubled(core: Core) -> None:
    core.drop("t/a.png", tiny_photo())
    (core.incoming / "t").chmod(0o555)
    with like_an_ordinary_user():
        core.drain()
    answer = core.corrector.undo("a.png", ALICE)
    assert [one.detail for one in answer.left] == ["its source still lies in incoming"]
    assert len(core.files()) == 2


# --- crashes -----------------------------------------------------------------------------------


@pytest.mark.parametrize("point", ["before_rename", "after_rename"])
@pytest.mark.parametrize("word", ["correct", "undo"])
def test_what_a_crash_interrupts_is_finished_or_taken_back(
    tmp_path: Path, point: str, word: str
) -> None:
    core = Core(tmp_path, inline=True)
    photos = sorted_photos(core, "a.png", "b.png")
    core._reached = die_at(point)
    core.restart()
    words = ("a.png", "Tops") if word == "correct" else (core.rows()[0]["run"],)
    with pytest.raises(Crash):
        getattr(core.corrector, word)(*words, ALICE)
    core._reached = lambda _: None
    core.restart()
    core.take_in()  # also before anything is recovered, nothing is taken twice
    core.corrector.finish_interrupted()
    assert core.recover_and_drain()["run"] is None
    assert core.store.corrections.unfinished() == []
    assert sorted(core.files().values()) == sorted(photos.values())
    moved = "Tops/a.png" if word == "correct" else "a.png"
    expected = moved if point == "after_rename" else "Shirts/a.png"
    assert core.store.history.stories("a.png")[0].place == expected
    core.stop()


# --- dragged -----------------------------------------------------------------------------------


def test_a_dragged_photo_is_found_at_its_new_place_and_recorded(core: Core) -> None:
    sorted_photos(core, "odd.png", category="review")
    (core.sorted / "Tshirts").mkdir()
    (core.sorted / "_review/Tops/odd.png").rename(core.sorted / "Tshirts/odd.png")
    assert core.seeker.notice_dragged(100) == 1
    (story,) = core.store.history.stories("odd.png")
    assert (story.place, story.category_now, story.state) == ("Tshirts/odd.png", "Tshirts", "filed")
    assert [one.word for one in core.store.corrections.of(story.id)] == ["dragged"]
    assert core.seeker.notice_dragged(100) == 0


def test_a_folder_that_people_made_is_a_category_too(core: Core) -> None:
    sorted_photos(core, "a.png")
    (core.sorted / "Wallets").mkdir()
    (core.sorted / "Shirts/a.png").rename(core.sorted / "Wallets/a.png")
    core.seeker.notice_dragged(100)
    assert core.store.history.stories("a.png")[0].category_now == "Wallets"


def test_a_file_of_that_name_with_other_bytes_is_not_the_photo(core: Core) -> None:
    photos = sorted_photos(core, "a.png")
    (core.sorted / "Tops").mkdir()
    (core.sorted / "Tops/a.png").write_bytes(photos["a.png"][:-1] + b"!")
    (core.sorted / "Shirts/a.png").unlink()
    core.seeker.notice_dragged(100)
    (story,) = core.store.history.stories("a.png")
    assert (story.state, story.category_now) == ("removed", "Shirts")


def test_a_file_of_that_name_that_was_copied_there_with_its_time_is_not_the_photo(
    core: Core,
) -> None:
    photos = sorted_photos(core, "a.png")
    (core.sorted / "Shirts/a.png").unlink()
    (core.sorted / "Tops").mkdir()
    copy = core.sorted / "Tops/a.png"  # with the inode that was given free, on many disks
    copy.write_bytes(photos["a.png"][:-1] + b"!")
    os.utime(copy, (1e9, 1e9))
    core.seeker.notice_dragged(100)
    assert core.store.history.stories("a.png")[0].state == "removed"


def test_a_twin_of_a_dragged_photo_is_still_a_duplicate(core: Core) -> None:
    photos = sorted_photos(core, "a.png")
    (core.sorted / "Tops").mkdir()
    (core.sorted / "Shirts/a.png").rename(core.sorted / "Tops/a.png")
    core.seeker.notice_dragged(100)
    core.drop("b.png", photos["a.png"])
    assert core.drain()["duplicates"] == 1


def test_only_the_newest_photos_are_looked_at(core: Core) -> None:
    sorted_photos(core, "a.png", "b.png", "c.png")
    (core.sorted / "Tops").mkdir()
    for name in ("a.png", "c.png"):
        (core.sorted / "Shirts" / name).rename(core.sorted / "Tops" / name)
    assert core.seeker.notice_dragged(1) == 1
    assert core.store.history.stories("a.png")[0].category_now == "Shirts"


# --- exports -----------------------------------------------------------------------------------


def test_the_corrections_of_a_day_are_exported_so_that_no_spreadsheet_runs_them(
    core: Core,
) -> None:
    sorted_photos(core, "=4711.png", "b.png")
    exports = Exports(core.store, Tree(core.results), {})
    assert exports.write_corrections(core.clock.now()) is None
    core.corrector.correct("b.png", "Tops", ALICE)
    core.corrector.undo("=4711.png", ALICE)
    path = exports.write_corrections(core.clock.now())
    assert path == core.results / "exports" / "corrections_20251013.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [*csv.DictReader(file)]
    assert [(r["filename"], r["what"], r["category"], r["person"]) for r in rows] == [
        ("b.png", "corrected", "Tops", ALICE),
        ("'=4711.png", "undone", "", ALICE),
    ]


# --- found again -------------------------------------------------------------------------------


def test_a_photo_is_found_by_every_place_at_which_it_ever_was(core: Core) -> None:
    core.drop("table-1/return-4711.png", tiny_photo("Shirts", 1))
    core.drain()
    core.corrector.correct("return-4711.png", "Tops", ALICE)
    (core.sorted / "Tshirts").mkdir()
    (core.sorted / "Tops" / "return-4711.png").rename(core.sorted / "Tshirts" / "return-4711.png")
    core.corrector.notice_dragged(10)
    (story,) = core.store.history.stories("4711")
    for place in (
        "return-4711.png", "table-1/return-4711.png", "Shirts/return-4711.png",
        "Tops/return-4711.png", "Tshirts/return-4711.png", f"#{story.id}",
    ):  # fmt: skip
        assert core.store.history.stories(place) == [story], place
    assert story.place == "Tshirts/return-4711.png"
    for nowhere in ("table-2/return-4711.png", "#0", "#", "#x", "#99999999999999999999"):
        assert core.store.history.stories(nowhere) == []


# --- folders renamed in case -------------------------------------------------------------------


def test_a_folder_renamed_in_case_confirms_nothing_and_its_photos_are_known_there(
    core: Core,
) -> None:
    photos = sorted_photos(core, "a.png", "b.png")
    (core.sorted / "Shirts").rename(core.sorted / "SHIRTS")
    assert core.corrector.notice_dragged(10) == 2
    (story,) = core.store.history.stories("a.png")
    assert (story.place, story.decided) == ("SHIRTS/a.png", "")
    assert core.store.corrections.of(story.id) == []
    (done,) = core.corrector.correct("a.png", "Shirts", ALICE).done
    assert (done.category, done.target) == ("Shirts", "SHIRTS/a.png")
    core.corrector.correct("a.png", "Tops", ALICE)
    core.corrector.correct("a.png", "Shirts", ALICE)
    assert core.files() == {f"sorted/SHIRTS/{name}": data for name, data in photos.items()}


def test_a_photo_of_a_folder_renamed_in_case_is_still_the_twin_of_a_copy(core: Core) -> None:
    photos = sorted_photos(core, "a.png")
    (core.sorted / "Shirts").rename(core.sorted / "shirts")
    core.drop("copy.png", photos["a.png"])
    assert core.drain()["duplicates"] == 1


def test_a_photo_goes_back_into_the_folder_that_was_renamed_in_case(core: Core) -> None:
    sorted_photos(core, "table-1/a.png")
    (core.incoming / "table-1").rename(core.incoming / "Table-1")
    core.corrector.undo("a.png", ALICE)
    assert [*core.files()] == ["incoming/Table-1/a.png"]


def test_the_lists_go_into_an_exports_folder_renamed_in_case(core: Core) -> None:
    sorted_photos(core, "a.png")
    (core.results / "Exports").mkdir()
    core.corrector.correct("a.png", "Tops", ALICE)
    Exports(core.store, Tree(core.results), {}).write_corrections(core.clock.now())
    assert [path.name for path in core.results.iterdir() if path.is_dir()] == ["Exports"]
