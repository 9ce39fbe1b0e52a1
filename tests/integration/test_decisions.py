"""What people decide on photos that they are shown: done, recorded, or said why it was not."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from config.errors import DiskFull
from daemon.corrections.answers import NoSuchCategory, NoSuchPhoto
from daemon.corrections.corrector import new_category
from daemon.corrections.decisions import Decisions
from daemon.domain.corrections import Via
from daemon.domain.orders import Code, Decide, Decision, PhotosAnswer, Speaker
from daemon.domain.photos import Story
from daemon.sorting.filer import Filer, FilingPolicy
from daemon.store import DATABASE
from tests.support.core import Core, tiny_photo
from tests.support.desk import Crash, die_at

ANNA, BOB = Speaker("Anna", Via.PAGE), Speaker("Bob", Via.API)
AGREE, CATEGORY, RETAKE = Decision.AGREE, Decision.CATEGORY, Decision.RETAKE


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    """A photo in review, taken for Tops, and one that was filed in Shirts without a look."""
    core = a_core(tmp_path)
    yield core
    core.stop()


def a_core(folder: Path, *, review_folder: bool = True) -> Core:
    core = Core(folder, inline=True, filing=FilingPolicy(review_folder=review_folder))
    core.drop("odd.png", tiny_photo("review", 1))
    core.drop("sure.png", tiny_photo("Shirts", 2))
    core.drain()
    return core


def decide(
    core: Core, name: str, decision: Decision, category: str = "", by: Speaker = ANNA
) -> PhotosAnswer:
    return decisions(core).decide(story(core, name).id, decision, category, by)


def take_back(core: Core, name: str, by: Speaker = ANNA) -> PhotosAnswer:
    return decisions(core).take_back(story(core, name).id, by)


def decisions(core: Core) -> Decisions:
    return Decisions(core.store, core.corrector, core.clock)


def story(core: Core, name: str) -> Story:
    (found,) = core.store.history.stories(name)
    return found


def words(core: Core, name: str) -> list[tuple[str, str, str, str]]:
    said = core.store.corrections.of(story(core, name).id)
    return [(one.word, one.category, one.person, one.via) for one in said]


def reasons(core: Core) -> list[str]:
    return [str(path.relative_to(core.sorted)) for path in core.sorted.rglob("*.reason.txt")]


# In review


def test_a_guess_that_is_right_is_filed_where_it_belongs(core: Core) -> None:
    (done,) = decide(core, "odd.png", AGREE).done
    assert (done.source, done.target) == ("_review/Tops/odd.png", "Tops/odd.png")
    assert (story(core, "odd.png").state, story(core, "odd.png").decided) == ("filed", "Tops")
    assert words(core, "odd.png") == [("agreed", "Tops", "Anna", "page")]


def test_another_category_is_filed_there(core: Core) -> None:
    (done,) = decide(core, "odd.png", CATEGORY, "tshirts").done
    assert (done.category, done.target) == ("Tshirts", "Tshirts/odd.png")
    assert words(core, "odd.png") == [("corrected", "Tshirts", "Anna", "page")]


def test_a_photo_to_be_taken_again_lies_byte_for_byte_with_its_reason(core: Core) -> None:
    (done,) = decide(core, "odd.png", RETAKE).done
    assert done.target == "_retake/odd.png"
    assert (core.sorted / done.target).read_bytes() == tiny_photo("review", 1)
    assert reasons(core) == ["_retake/odd.png.reason.txt"]
    text = (core.sorted / "_retake" / "odd.png.reason.txt").read_text(encoding="utf-8")
    assert text == (
        "retake: The item is to be photographed again; Anna asked for it on 13 Oct 2025.\n"
    )
    assert (story(core, "odd.png").state, story(core, "odd.png").decided) == ("retake", "")


def test_a_guess_is_agreed_to_where_review_has_no_folder_of_its_own(tmp_path: Path) -> None:
    core = a_core(tmp_path, review_folder=False)
    (done,) = decide(core, "odd.png", AGREE).done
    assert done.source == done.target == "Tops/odd.png"
    assert story(core, "odd.png").state == "filed"
    core.stop()


# Filed without a look


def test_a_spot_check_that_finds_nothing_wrong_moves_nothing(core: Core) -> None:
    (done,) = decide(core, "sure.png", AGREE).done
    assert done.source == done.target == "Shirts/sure.png"
    assert words(core, "sure.png") == [("checked", "Shirts", "Anna", "page")]


@pytest.mark.parametrize(
    ("decision", "category", "target"),
    [(CATEGORY, "Tops", "Tops/sure.png"), (RETAKE, "", "_retake/sure.png")],
)
def test_a_spot_check_that_finds_something_wrong_moves_the_photo(
    core: Core, decision: Decision, category: str, target: str
) -> None:
    (done,) = decide(core, "sure.png", decision, category).done
    assert done.target == target


# Decided before


@pytest.mark.parametrize(
    ("decision", "category", "said"),
    [(AGREE, "", "Tops"), (CATEGORY, "Shirts", "Shirts"), (RETAKE, "", "to be photographed again")],
)
def test_who_comes_second_hears_who_decided_and_what(
    core: Core, decision: Decision, category: str, said: str
) -> None:
    decide(core, "odd.png", decision, category)
    before = core.files()
    (left,) = decide(core, "odd.png", CATEGORY, "Tshirts", BOB).left
    assert left.code is Code.DECIDED
    assert left.detail == f"Anna decided on 13 Oct 2025 02:00: {said}"
    assert core.files() == before


def test_what_was_dragged_meanwhile_is_decided(core: Core) -> None:
    (core.sorted / "Shirts").mkdir(exist_ok=True)
    (core.sorted / "_review" / "Tops" / "odd.png").rename(core.sorted / "Shirts" / "odd.png")
    core.corrector.notice_decided(10)
    (left,) = decide(core, "odd.png", AGREE).left
    assert "somebody on the share decided" in left.detail


@pytest.mark.parametrize(
    ("decision", "category"), [(AGREE, ""), (CATEGORY, "Shirts"), (RETAKE, "")]
)
def test_a_second_click_does_no_harm_and_is_recorded_once(
    core: Core, decision: Decision, category: str
) -> None:
    for _ in range(2):
        answer = decide(core, "odd.png", decision, category)
        assert len(answer.done) == 1
    assert len(words(core, "odd.png")) == 1


@pytest.mark.parametrize("first", [(AGREE, ""), (CATEGORY, "Shirts"), (RETAKE, "")])
@pytest.mark.parametrize(
    ("then", "word", "place"),
    [
        ((AGREE, ""), ("corrected", "Tops"), "Tops/odd.png"),
        ((CATEGORY, "Tshirts"), ("corrected", "Tshirts"), "Tshirts/odd.png"),
        ((RETAKE, ""), ("retake", "Tops"), "_retake/odd.png"),
    ],
)
def test_whoever_thinks_better_of_it_decides_anew(
    core: Core,
    first: tuple[Decision, str],
    then: tuple[Decision, str],
    word: tuple[str, str],
    place: str,
) -> None:
    decide(core, "odd.png", *first)
    (done,) = decide(core, "odd.png", *then).done
    assert done.target == place
    assert (core.sorted / place).read_bytes() == tiny_photo("review", 1)
    said = words(core, "odd.png")
    assert len(said) == (1 if first == then else 2)
    assert first == then or said[-1][:2] == word
    assert reasons(core) == ([f"{place}.reason.txt"] if then[0] is RETAKE else [])
    assert take_back(core, "odd.png").done
    assert story(core, "odd.png").state == "review"


def test_who_saw_another_word_of_their_own_is_told_that_first(core: Core) -> None:
    photo = story(core, "odd.png").id
    decide(core, "odd.png", AGREE)
    (left,) = decisions(core).decide(photo, CATEGORY, "Shirts", ANNA, 0).left
    assert (left.code, "Anna decided on" in left.detail) == (Code.DECIDED, True)
    assert decisions(core).decide(photo, CATEGORY, "Shirts", ANNA, last_word(core, "odd.png")).done


# Taken back


@pytest.mark.parametrize(
    ("decision", "category"), [(AGREE, ""), (CATEGORY, "Shirts"), (RETAKE, "")]
)
def test_what_is_taken_back_waits_in_review_again(
    core: Core, decision: Decision, category: str
) -> None:
    decide(core, "odd.png", decision, category)
    (done,) = take_back(core, "odd.png", BOB).done
    assert (done.category, done.target) == ("Tops", "_review/Tops/odd.png")
    assert (story(core, "odd.png").state, story(core, "odd.png").decided) == ("review", "")
    assert words(core, "odd.png")[-1] == ("taken_back", "Tops", "Bob", "api")
    assert reasons(core) == []
    assert decide(core, "odd.png", CATEGORY, "Tshirts", BOB).done


def test_what_nobody_decided_cannot_be_taken_back(core: Core) -> None:
    for name in ("odd.png", "sure.png"):
        (left,) = take_back(core, name).left
        assert (left.code, left.detail) == (Code.ALREADY, "nobody has decided on it")


# What cannot be decided


def test_a_photo_that_is_not_there_any_more_is_left(core: Core) -> None:
    (core.sorted / "_review" / "Tops" / "odd.png").unlink()
    (left,) = decide(core, "odd.png", AGREE).left
    assert left.code is Code.GONE


def test_what_is_no_photo_or_waits_for_nobody_is_told(core: Core) -> None:
    with pytest.raises(NoSuchPhoto, match="#4711: there is no such photo"):
        decisions(core).decide(4711, AGREE, "", ANNA)
    core.corrector.undo("odd.png", "Anna")
    with pytest.raises(NoSuchPhoto, match="put back into incoming already"):
        decide(core, "odd.png", AGREE)
    with pytest.raises(NoSuchCategory, match="there are Shirts, Tops, Tshirts"):
        decide(core, "sure.png", CATEGORY, "Hats")


def test_a_photo_to_be_taken_again_can_be_put_back_and_corrected_like_any_other(
    core: Core,
) -> None:
    decide(core, "odd.png", RETAKE)
    assert core.corrector.correct("odd.png", "Shirts", "Bob").done
    assert reasons(core) == []
    decide(core, "sure.png", RETAKE)
    assert core.corrector.undo("sure.png", "Bob").done
    assert reasons(core) == []


# Crashes


@pytest.mark.parametrize("point", ["before_rename", "after_rename"])
def test_a_decision_that_a_crash_interrupts_is_finished_or_taken_back(
    tmp_path: Path, point: str
) -> None:
    core = Core(tmp_path, inline=True)
    core.drop("odd.png", tiny_photo("review", 1))
    core.drain()
    core.stop()
    dying = Core(tmp_path, inline=True, reached=die_at(point))
    with pytest.raises(Crash):
        decide(dying, "odd.png", RETAKE)
    dying.stop()
    again = Core(tmp_path, inline=True)
    again.corrector.finish_interrupted()
    is_done = story(again, "odd.png").state == "retake"
    lies = "_retake/odd.png" if is_done else "_review/Tops/odd.png"
    assert again.files() == {f"sorted/{lies}": tiny_photo("review", 1)}
    assert len(reasons(again)) == is_done
    again.stop()


# Whatever state a photo is in


def states(core: Core) -> list[str]:
    """All that the schema knows."""
    with closing(sqlite3.connect(core.state / DATABASE)) as database:
        (text,) = database.execute("SELECT sql FROM sqlite_schema WHERE name = 'photos'").fetchone()
    return re.findall("'([a-z]+)'", text.partition("CHECK (state IN")[2].partition("))")[0])


def test_a_photo_in_any_state_is_acted_on_or_it_is_said_why_not(core: Core) -> None:
    photo = story(core, "odd.png").id
    acts: list[Callable[[], PhotosAnswer]] = [
        lambda: core.corrector.correct("odd.png", "Shirts", "Anna"),
        lambda: core.corrector.undo("odd.png", "Anna"),
        lambda: decisions(core).decide(photo, RETAKE, "", ANNA),
        lambda: decisions(core).take_back(photo, ANNA),
    ]
    known = states(core)
    assert {"queued", "filed", "removed", "retake"} <= {*known}
    for state in known:
        for act in acts:
            with closing(sqlite3.connect(core.state / DATABASE)) as database, database:
                database.execute("UPDATE photos SET state = ? WHERE id = ?", (state, photo))
            assert any(answered(act))


def answered(act: Callable[[], PhotosAnswer]) -> tuple[object, ...]:
    try:
        answer = act()
    except NoSuchPhoto as exc:
        return (exc.left.detail,)
    return (*answer.done, *answer.left)


# Upon what was shown


def last_word(core: Core, name: str) -> int:
    said = core.store.corrections.of(story(core, name).id)
    return said[-1].id if said else 0


def test_who_saw_another_state_decides_nothing_unknowingly(core: Core) -> None:
    photo = story(core, "odd.png").id
    decide(core, "odd.png", AGREE)
    take_back(core, "odd.png")
    (left,) = decisions(core).decide(photo, CATEGORY, "Shirts", BOB, 0).left
    assert (left.code, "Anna took a decision back" in left.detail) == (Code.DECIDED, True)
    assert story(core, "odd.png").state == "review"
    assert decisions(core).decide(photo, CATEGORY, "Shirts", BOB, last_word(core, "odd.png")).done


def test_nobody_takes_back_what_somebody_else_said_meanwhile(core: Core) -> None:
    photo = story(core, "odd.png").id
    decide(core, "odd.png", AGREE)
    hers = last_word(core, "odd.png")
    take_back(core, "odd.png", BOB)
    decide(core, "odd.png", CATEGORY, "Shirts", BOB)
    (left,) = decisions(core).take_back(photo, ANNA, hers).left
    assert (left.code, "Bob decided on" in left.detail) == (Code.DECIDED, True)
    assert decisions(core).take_back(photo, ANNA, last_word(core, "odd.png")).done


# What the page shows


def test_what_waits_is_told_oldest_first_and_page_by_page(core: Core) -> None:
    for number in (3, 4):
        core.drop(f"odd{number}.png", tiny_photo("review", number))
    core.drain()
    history = core.store.history
    first = history.waiting(0, 2)
    assert [one.filename for one in first] == ["odd.png", "odd3.png"]
    assert [one.filename for one in history.waiting(first[-1].id, 2)] == ["odd4.png"]
    assert history.of_number(first[0].id) == first[0]
    assert history.of_number(4711) is None


def test_beside_a_photo_lie_the_others_of_its_return(core: Core) -> None:
    for number, name in enumerate(["ret 60521 front.png", "RET-60521_back.png", "ret 60522.png"]):
        core.drop(name, tiny_photo("Shirts", 10 + number))
    core.drain()
    front = story(core, "ret 60521 front.png")
    beside = core.store.history.beside(front.id, 10)
    assert [one.filename for one in beside] == ["RET-60521_back.png"]
    assert core.store.history.beside(story(core, "odd.png").id, 10) == []


def test_which_categories_people_name_most_is_known(core: Core) -> None:
    assert core.store.corrections.usual(100) == []
    decide(core, "odd.png", CATEGORY, "Tshirts")
    decide(core, "sure.png", CATEGORY, "Tshirts")
    take_back(core, "odd.png")
    decide(core, "odd.png", CATEGORY, "Shirts")
    assert core.store.corrections.usual(100) == ["Tshirts", "Shirts", "Tops"]


# Categories that there are not yet


def decide_anew(core: Core, name: str, category: str) -> PhotosAnswer:
    known = new_category(core.corrector, category)
    return decisions(core).decide(story(core, name).id, CATEGORY, known, ANNA, is_new=True)


def test_a_photo_to_be_taken_again_is_so_even_if_its_note_cannot_be_written(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise DiskFull("sorted: no space left")

    monkeypatch.setattr(Filer, "write_reason", fail)
    with capture_logs() as logs:
        assert decide(core, "odd.png", RETAKE).done
    assert story(core, "odd.png").state == "retake"
    assert "reason_not_written" in [one["event"] for one in logs]


def test_a_category_that_there_was_not_is_filed_into_and_teaches(core: Core) -> None:
    (done,) = decide_anew(core, "odd.png", " Flip Flops ").done
    assert (done.category, done.target) == ("Flip Flops", "Flip Flops/odd.png")
    assert words(core, "odd.png") == [("corrected", "Flip Flops", "Anna", "page")]
    assert core.store.examples.said() == ["Flip Flops"]
    assert take_back(core, "odd.png").done
    assert core.store.examples.said() == []


def test_one_that_there_is_however_it_is_written_is_no_new_one(core: Core) -> None:
    assert decide_anew(core, "odd.png", "tSHIRTS").done[0].category == "Tshirts"


@pytest.mark.parametrize(
    "name",
    [
        "", "  ", "_review", "_mine", ".hidden", "a/b", "..", "a\\b", "a:b", "con", "x" * 101,
        "ends.", "a\nb", "\u202egpj", "what?",
    ],
)  # fmt: skip
def test_what_cannot_be_a_folders_name_on_every_disk_is_no_category(core: Core, name: str) -> None:
    with pytest.raises(NoSuchCategory, match="cannot be the name of a category"):
        new_category(core.corrector, name)


def test_only_a_category_can_be_new() -> None:
    with pytest.raises(ValueError, match="only a category can be new"):
        Decide((7,), AGREE, is_new=True)
