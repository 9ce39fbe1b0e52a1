"""Returns as files for other systems, and photos that were retaken, through the store."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from daemon.domain.corrections import Via, Word
from daemon.domain.orders import Speaker
from daemon.domain.photos import Story
from daemon.reporting.exports import EXPORTS, RETURN_COLUMNS
from daemon.reporting.history import story_in_words, story_json
from tests.integration.test_pick_lists import inventory, sheets, updater
from tests.support.core import Core, tiny_photo

RUN, NEXT = "20251013_020000", "20251014_020000"
ANNA = Speaker("anna", Via.PAGE)


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    core = Core(tmp_path, inline=True)
    yield core
    core.stop()


def returns(core: Core, run: str = RUN, end: str = "") -> dict[str, dict[str, str]]:
    path = core.results / EXPORTS / f"returns_{run}{end}.csv"
    data = path.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    assert data.decode("utf-8-sig").split("\r\n")[0] == ",".join(RETURN_COLUMNS)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    found = {row["return_id"]: row for row in rows}
    assert len(found) == len(rows)  # a row for each return
    return found


def story(core: Core, name: str) -> Story:
    (found,) = core.store.history.stories(name)
    return found


def night(core: Core, **photos: bytes) -> None:
    """A day later, with its report."""
    core.clock.advance(86_400)
    for name, data in photos.items():
        core.drop(name.replace("__", "-") + ".png", data)
    updater(core).make(core.drain()["run"])


def first_night(core: Core) -> None:
    core.drop("return-5001_front.png", tiny_photo("Shirts", 1))
    core.drop("RET 5001 back.png", tiny_photo("Shirts", 2))
    core.drop("return-5003.png", tiny_photo("review", 4))
    core.drop("return-5004.png", b"Please call back.")
    core.drop("nameless.png", tiny_photo("Tops", 5))
    updater(core).make(core.drain()["run"])


def test_each_return_of_a_run_is_one_row(core: Core) -> None:
    first_night(core)
    found = returns(core)
    assert [*found] == ["5001", "5003", "5004"]
    assert found["5001"] == {
        "return_id": "5001", "status": "filed", "category": "Shirts", "category_code": "SH",
        "location": "Section A, Aisle 3", "photos": "2", "confidence": "0.9876", "decided_by": "",
        "updated": "2025-10-13T02:00:00+00:00",
    }  # fmt: skip
    assert (found["5003"]["status"], found["5004"]["status"]) == ("decide", "retake")
    assert returns(core, end="_changes") == {}
    folder = core.results / EXPORTS
    assert (folder / "returns_latest.csv").read_bytes() == (
        folder / f"returns_{RUN}.csv"
    ).read_bytes()
    assert (folder / "returns_latest_changes.csv").is_file()


def test_what_changes_later_is_in_the_file_of_changes_and_in_the_whole(core: Core) -> None:
    first_night(core)
    core.clock.advance(3 * 3600)
    core.corrector.correct("return-5003.png", "Tshirts", "anna")
    assert updater(core).follow()
    changes = returns(core, end="_changes")
    assert [*changes] == ["5003"]
    told = changes["5003"]
    assert (told["status"], told["category"], told["confidence"]) == ("filed", "Tshirts", "")
    assert (told["decided_by"], told["updated"]) == ("anna", "2025-10-13T05:00:00+00:00")
    assert returns(core)["5003"] == told


def test_a_photo_that_was_taken_away_leaves_its_return(core: Core) -> None:
    first_night(core)
    core.clock.advance(3600)
    (waiting,) = (core.sorted / "_review").rglob("*.png")
    waiting.unlink()
    core.corrector.notice_decided(300)  # it was all that waited: that is doubted for a day
    assert returns(core)["5003"]["status"] == "decide"
    core.clock.advance(2 * 86_400)
    core.corrector.notice_decided(300)
    updater(core).follow()
    told = returns(core, end="_changes")["5003"]
    assert (told["status"], told["photos"]) == ("removed", "0")
    one = story(core, "return-5003.png")
    assert story_json(one, [])["removed_at"] == one.removed_at != ""
    assert "removed  noticed " in words_of(core, one)


def words_of(core: Core, one: Story) -> str:
    photos = core.store.returns.of_photo(one.id)
    said = core.store.corrections.of(one.id)
    return story_in_words(one, said, lambda _, place: place, UTC, photos)


def json_of(core: Core, name: str) -> dict[str, Any]:
    one = story(core, name)
    return story_json(one, [], core.store.returns.of_photo(one.id))


def test_a_photo_that_came_after_a_retake_is_shown_as_retaken(core: Core) -> None:
    first_night(core)
    waiting = story(core, "return-5003.png")
    core.clock.advance(3600)
    core.corrector.put(waiting, Word.RETAKE, waiting.category, ANNA)
    updating = updater(core)
    updating.follow()
    assert returns(core)["5003"]["status"] == "retake"
    core.clock.advance(82_800)
    core.drop("ret 5003 again.png", tiny_photo("Tops", 40))
    core.drop("return-5004_2.png", tiny_photo("Shirts", 41))
    run = core.drain()["run"]
    updating.tell_runs()
    updating.catch_up()

    old, new = json_of(core, "return-5003.png"), json_of(core, "ret 5003 again.png")
    assert (old["retaken_by"], new["retake_of"]) == (new["id"], [old["id"]])
    assert "retaken  14 Oct 2025 02:00 as ret 5003 again.png" in words_of(
        core, story(core, "return-5003.png")
    )
    assert "retake   of return-5003.png" in words_of(core, story(core, "ret 5003 again.png"))

    assert {row["filename"]: row["retaken"] for row in inventory(core, run)} == {
        "ret 5003 again.png": "true", "return-5004_2.png": "true",
    }  # fmt: skip
    assert returns(core, run)["5003"]["status"] == "filed"
    assert returns(core)["5003"]["status"] == "filed"  # the file of before follows

    page = (core.results / f"batch_report_{RUN}.html").read_text(encoding="utf-8")
    assert page.count("</span> retaken: ") == 2
    newest = (core.results / f"batch_report_{run}.html").read_text(encoding="utf-8")
    assert "retaken: in place of" in newest
    assert "return-5004.png" not in sheets(core).get("Not in the lists", "")


def test_a_second_photo_of_the_same_evening_is_no_retake(core: Core) -> None:
    first_night(core)
    night(core, return__5001_detail=tiny_photo("Shirts", 50))
    assert json_of(core, "return-5001_detail.png")["retake_of"] == []
    assert inventory(core, NEXT)[0]["retaken"] == "false"
