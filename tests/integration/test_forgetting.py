"""A photo or a return is forgotten: nothing of it is found anywhere, nothing else is touched."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.errors import FolderRefused, RefusedError
from daemon.domain.examples import Brought, LookedAt
from daemon.domain.lessons import Wanted
from daemon.domain.orders import Forget
from daemon.handover.calls import Calls
from daemon.maintenance.forgetting import NotExact
from daemon.reporting.kept_pictures import KeptPictures
from daemon.sorting.version_copies import copy_versions
from daemon.sorting.versions import Versions
from daemon.store import DATABASE, Store
from daemon.store.handovers import FOLLOWER
from tests.integration.test_pick_lists import updater
from tests.support.alert_samples import sample
from tests.support.core import WAREHOUSE, running, tiny_photo
from tests.support.desk import Crash
from tests.support.forgetting import SOMEBODY, ForgettingShop, orders_of, traces
from tests.support.lessons import examples_of, lesson, made_up

FRONT, BACK, OTHER = "return-60521_front.png", "return-60521_back.png", "return-70007_front.png"
BROKEN = "return-60521_broken.png"
PHOTOS = {
    FRONT: tiny_photo("Shirts", 1),
    BACK: tiny_photo("review", 2),
    OTHER: tiny_photo("Tops", 3),
}
SHA = {name: hashlib.sha256(data).hexdigest() for name, data in PHOTOS.items()}


class TheShop(ForgettingShop):
    """One night, and all that follows of it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.folder = folder
        self.updater = lambda: updater(self)

    @property
    def folders(self) -> list[Path]:
        return [self.incoming, self.sorted, self.results, self.state]

    def sort(self) -> str:
        """The night."""
        self.store.changes.follow(FOLLOWER)
        for name, data in PHOTOS.items():
            self.drop(f"table-2/{name}", data)
        self.drop(f"table-2/{BROKEN}", b"\x89PNG broken")
        self.run = str(self.recover_and_drain()["run"])
        return self.run

    def speak(self) -> None:
        """What people say, and all that is made and noted of it."""
        self.corrector.correct(FRONT, "Tops", "Anna")
        self.corrector.correct(OTHER, "Shirts", "Anna")
        for one in self.store.examples.unseen(9):
            self.store.examples.saw([LookedAt(one.id, one.sha256, bytes(64))], "net")
        brought = Brought(SHA[FRONT], FRONT, "Tops", "60521", bytes(64))
        self.store.examples.bring([brought], "Anna", self.clock.now(), "net")
        for sha256 in SHA.values():
            KeptPictures(self.state)._folder.put(sha256, b"picture\xff\xd9")
            web = self.state / "web" / "pictures" / sha256[:2]
            web.mkdir(parents=True, exist_ok=True)
            (web / f"{sha256}-320.jpg").write_bytes(b"page")
        self.store.spot_checks.choose(self.run, 1.0, 99)
        alert = sample("high_error_rate")
        told = [
            {"filename": name, "error": f"table-2/{name} is broken."} for name in (BROKEN, "x.png")
        ]
        self.store.alerts.keep([replace(alert, facts={**alert.facts, "errors": told})])
        doubtful = [
            {"photo": f"#{number(self, name)} {name}", "said": "Tops", "looks_like": "Shirts"}
            for name in (FRONT, OTHER)
        ]
        lesson = self.store.lessons.ask(Wanted(), SOMEBODY, self.clock.now())
        result = {"version": "2025-10-13.1", "judgement": "better", "doubtful": doubtful}
        self.store.lessons.end(lesson, result, "", self.clock.now())
        while Calls(self.store, WAREHOUSE.codes, self.clock).collect():
            pass
        self.updater().tell_runs()
        self.updater().follow()
        (self.state / "status.json").write_text(
            json.dumps({"last_run": self.store.runs.summary(self.run)}), "utf-8"
        )

    def checkpoint(self) -> None:
        self.store.forgetting.cut_log()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[TheShop]:
    shop = TheShop(tmp_path)
    with running(shop):
        shop.sort()
        shop.speak()
        yield shop


def number(shop: TheShop, name: str) -> int:
    (story,) = shop.store.history.stories(name)
    return story.id


# What is forgotten


def test_the_search_finds_what_is_to_be_forgotten(shop: TheShop) -> None:
    """What the tests below do not find was there."""
    shop.checkpoint()
    found = traces(shop.folders, FRONT, BACK, BROKEN, SHA[FRONT], SHA[BACK], PHOTOS[FRONT], "60521")
    for place in ("sorted/Tops", "batch_results_", "summary_", "returns_", ".xlsx", "pick_lists_",
                  "corrections_", "nightsort.db", "status.json", "state/pictures", "web/pictures",
                  "_quarantine"):  # fmt: skip
        assert any(place in one for one in found), place
    with closing(Store(shop.state, reading=True)) as store:
        assert any(BROKEN in json.dumps(one["facts"]) for one in store.alerts.history(9))
        assert any(
            FRONT in one.body for one in store.handovers.due(datetime(2099, 1, 1, tzinfo=UTC), 99)
        )


def test_of_a_return_nothing_is_found_anywhere(shop: TheShop) -> None:
    shop.forget("RET 60521")
    assert (
        traces(shop.folders, FRONT, BACK, BROKEN, SHA[FRONT], SHA[BACK], PHOTOS[FRONT], "60521")
        == []
    )
    assert shop.store.history.stories("60521") == []


def test_of_a_photo_nothing_is_found_and_the_others_of_its_return_stay(shop: TheShop) -> None:
    before = {path: path.read_bytes() for path in shop.sorted.rglob("*.png")}
    shop.forget(FRONT)
    assert traces(shop.folders, FRONT, SHA[FRONT], PHOTOS[FRONT]) == []
    left = {path: path.read_bytes() for path in shop.sorted.rglob("*.png")}
    assert left == {path: data for path, data in before.items() if FRONT not in path.name}
    assert {one.filename for one in shop.store.history.stories("60521")} == {BACK, BROKEN}
    assert [row["filename"] for row in shop.rows(shop.run)] == [BACK, BROKEN, OTHER]
    assert KeptPictures(shop.state)._folder.read(SHA[BACK]) is not None


def test_what_was_said_of_others_stays(shop: TheShop) -> None:
    said = shop.store.corrections.of(number(shop, OTHER))
    shop.forget("60521")
    assert shop.store.corrections.of(number(shop, OTHER)) == said
    lines = next((shop.results / "exports").glob("corrections_*.csv")).read_text("utf-8-sig")
    assert OTHER in lines
    assert FRONT not in lines
    ((result,),) = shop.store._db.execute("SELECT result FROM lessons").fetchall()
    (doubted,) = json.loads(result)["doubtful"]
    assert OTHER in doubted["photo"]
    (facts,) = [one["facts"] for one in shop.store.alerts.history(9)]
    assert [one["filename"] for one in facts["errors"]] == ["x.png"]
    assert len(shop.store.examples.usable("net")) == 1


def test_the_counts_of_the_night_stay_and_its_summary_names_nobody(shop: TheShop) -> None:
    before = shop.store.runs.summary(shop.run)
    shop.forget(BROKEN)
    after = shop.store.runs.summary(shop.run)
    assert before is not None
    assert after == {**before, "errors": []}
    assert json.loads((shop.results / f"summary_{shop.run}.json").read_text("utf-8")) == after
    assert json.loads((shop.results / "summary_latest.json").read_text("utf-8")) == after


def test_a_name_that_another_photo_has_too_is_left_to_that(shop: TheShop) -> None:
    shop.clock.advance(86_400)
    shop.drop("IMG_0001.png", tiny_photo("Shirts", 11))
    first = shop.recover_and_drain()["run"]
    shop.drop("IMG_0001.png", tiny_photo("Tops", 12))
    shop.clock.advance(86_400)
    shop.recover_and_drain()
    newer, older = shop.store.history.stories("IMG_0001.png")
    shop.forget(f"#{older.id}")
    assert shop.store.history.stories("IMG_0001.png") == [newer]
    assert [row["filename"] for row in shop.rows(first)] == []
    assert traces(shop.folders, older.sha256) == []


def test_compressed_results_are_written_anew(shop: TheShop) -> None:
    csv = shop.results / f"batch_results_{shop.run}.csv"
    csv.with_name(f"{csv.name}.gz").write_bytes(gzip.compress(csv.read_bytes()))
    csv.unlink()
    shop.forget("60521")
    assert traces(shop.folders, "60521") == []
    assert [row["filename"] for row in shop.rows(shop.run)] == [OTHER]


def test_what_retention_removed_is_not_made_again(shop: TheShop) -> None:
    for path in [*shop.results.rglob(f"*{shop.run}*"), *shop.results.rglob("*latest*")]:
        path.unlink()
    shop.forget("60521")
    assert list(shop.results.rglob(f"*{shop.run}*")) == []


@pytest.mark.parametrize("state", ["queued", "undone", "retake", "removed", "duplicate"])
def test_a_photo_in_any_state_is_forgotten(shop: TheShop, state: str) -> None:
    name, data = "RET-80001.png", tiny_photo("Shirts", 20)
    shop.drop(name, data)
    if state == "queued":
        shop.take_in()
    else:
        shop.clock.advance(60)
        if state == "duplicate":
            shop.drop(name, PHOTOS[OTHER])
            data = b"no such bytes"
        shop.recover_and_drain()
    if state == "undone":
        shop.corrector.undo(name, "Anna")
    elif state == "removed":
        (shop.sorted / "Shirts" / name).unlink()
        shop.store.removals.remove([number(shop, name)], shop.clock.now())
    elif state == "retake":
        (shop.sorted / "_retake").mkdir()
        (shop.sorted / "Shirts" / name).rename(shop.sorted / "_retake" / name)
        shop.seeker.notice_dragged(9)
    (story,) = shop.store.history.stories("80001") or shop.store.traces.meant("80001").stories
    assert story.state == state
    receipt = shop.forget("80001")
    assert traces(shop.folders, name, data, "80001") == []
    assert receipt.same_bytes == ((number(shop, OTHER),) if state == "duplicate" else ())
    assert shop.recover_and_drain()["run"] is None


def test_a_source_that_had_to_stay_goes_too(shop: TheShop) -> None:
    source = shop.drop(f"table-2/{FRONT}", PHOTOS[FRONT])
    shop.store._db.execute("UPDATE photos SET kept_source = 1 WHERE filename = ?", (FRONT,))
    shop.forget(FRONT)
    assert not source.exists()


def test_versions_name_no_photo_any_more_and_the_receipt_names_those_that_learnt_from_it(
    shop: TheShop, tmp_path_factory: pytest.TempPathFactory
) -> None:
    told = [replace(one, id=f"{SHA[FRONT]}-{one.id}") for one in examples_of("Sandals", 24)]
    told.append(replace(told[0], id=SHA[FRONT]))
    learnt = lesson(made_up(tmp_path_factory.mktemp("bundle")), told).version
    assert learnt is not None
    versions = Versions(shop.state)
    versions.folder.mkdir()
    for name, figures in (("1", {"became_right": [SHA[FRONT]]}), ("2", {})):
        card = learnt.card.model_copy(update={"name": name, "figures": figures})
        versions.add(replace(learnt, card=card), 9)
    copy_versions(shop.store, versions)
    receipt = shop.forget(FRONT)
    assert traces([versions.folder], SHA[FRONT]) == []
    for name in ("1", "2"):
        assert shop.store.version_copies.content(name) == versions.file(name).read_bytes()
    held = [one.where.partition(":")[0] for one in receipt.remains if one.what == "version"]
    assert held == ["1", "2"]
    assert "version" not in {one.what for one in shop.forget(OTHER).remains}


# What it is called


def test_a_name_of_several_photos_is_refused_and_they_are_listed(shop: TheShop) -> None:
    shop.clock.advance(60)
    shop.drop(OTHER, tiny_photo("Shirts", 30))
    shop.recover_and_drain()
    with pytest.raises(NotExact, match=rf"2 photos.*#\d+ {OTHER}.*#\d+ {OTHER}"):
        shop.forget(OTHER)
    assert len(shop.store.history.stories(OTHER)) == 2
    assert len(shop.store.history.stories("70007")) == 2
    shop.forget("70007")  # the return is exact
    assert shop.store.history.stories("70007") == []


FIRST, SECOND = "return_20251101_10051", "return_20251102_10051"
A_DAY = [f"{FIRST}_a.png", f"{FIRST}_b.png"]
ANOTHER, NO_DAY = f"{SECOND}_a.png", "return_10051_c.png"


def sorted_too(shop: TheShop, names: list[str]) -> None:
    for number, name in enumerate(names):
        shop.drop(name, tiny_photo("Shirts", 50 + number))
    shop.clock.advance(60)
    shop.recover_and_drain()


@pytest.mark.parametrize(
    ("lying", "typed", "gone"),
    [
        ([*A_DAY, ANOTHER], FIRST, A_DAY),
        ([*A_DAY, ANOTHER], "10051", None),  # of which day?
        ([*A_DAY], "10051", A_DAY),
        ([ANOTHER], FIRST, None),
        ([*A_DAY, ANOTHER, NO_DAY], FIRST, None),  # of which day is the last?
        ([ANOTHER, NO_DAY], FIRST, None),
        ([*A_DAY, NO_DAY], FIRST, [*A_DAY, NO_DAY]),
    ],
)
def test_a_day_beside_a_number_tells_two_returns_of_it_apart(
    shop: TheShop, lying: list[str], typed: str, gone: list[str] | None
) -> None:
    sorted_too(shop, lying)
    if gone is None:
        with pytest.raises(NotExact):
            shop.forget(typed)
    else:
        shop.forget(typed)
    left = [name for name in lying if shop.store.history.stories(name)]
    assert left == [name for name in lying if name not in (gone or ())]


def test_a_return_of_a_day_is_found_without_another_days_of_that_number(shop: TheShop) -> None:
    sorted_too(shop, [A_DAY[0], ANOTHER, NO_DAY])

    def found(typed: str) -> set[str]:
        return {one.filename for one in shop.store.history.stories(typed)}

    assert found(FIRST) == {A_DAY[0], NO_DAY}
    assert found("2025-11-02 10051") == {ANOTHER, NO_DAY}
    assert found("10051") == {A_DAY[0], ANOTHER, NO_DAY}
    assert {one.filename for one in shop.store.search.of_return(FIRST, 9)} == found(FIRST)


def test_what_changed_since_it_was_shown_is_not_forgotten(shop: TheShop) -> None:
    shown = Forget("60521", (number(shop, FRONT),))
    with pytest.raises(RefusedError, match="other photos by now"):
        orders_of(shop, shop.updater).carry_out(shown, SOMEBODY)
    with pytest.raises(NotExact, match="no photo"):
        shop.forget("nothing.png")
    assert len(shop.store.history.stories("60521")) == 3


def test_no_number_is_given_twice(shop: TheShop) -> None:
    shop.drop("last.png", tiny_photo("Shirts", 40))
    shop.take_in()
    last = shop.store.traces.meant("last.png").stories[0].id
    shop.forget("last.png")
    shop.drop("next.png", tiny_photo("Shirts", 41))
    shop.take_in()
    assert shop.store.traces.meant("next.png").stories[0].id == last + 1


# The receipt


def test_the_receipt_says_what_and_holds_no_name(shop: TheShop) -> None:
    backup = shop.back_up()
    receipt = shop.forget("60521")
    assert receipt.by == SOMEBODY.person
    assert receipt.asked_sha256 == hashlib.sha256(b"60521").hexdigest()
    assert {one.sha256 for one in receipt.photos} >= {SHA[FRONT], SHA[BACK]}
    assert receipt.files_removed == 3
    assert f"batch_results_{shop.run}.csv" in receipt.rewritten
    (held,) = [one for one in receipt.remains if one.what == "backup"]
    assert held.where == str(backup)
    assert datetime.fromisoformat(held.until) > shop.clock.now()
    assert "60521" not in str(replace(receipt, remains=()))


# When it is interrupted


POINTS = ("begin", "files", "erase", "results", "scrub")


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_in_the_middle_is_made_up_for_at_the_next_start(
    shop: TheShop, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dies = {
        "begin": "daemon.maintenance.forgetting.Forgetter.remove_files",
        "files": "daemon.maintenance.forgetting.Forgetter.erase",
        "erase": "daemon.maintenance.forgetting.Forgetter._rewrite_results",
        "results": "daemon.maintenance.forgetting.Forgetter.conclude",
        "scrub": "daemon.store.forgetting.Forgetting.end",
    }
    with monkeypatch.context() as patch:
        patch.setattr(dies[point], die)
        with pytest.raises(Crash):
            shop.forget("60521")
    shop.restart()
    assert shop.resume() == []
    assert traces(shop.folders, FRONT, BACK, BROKEN, SHA[FRONT], PHOTOS[FRONT], "60521") == []
    assert [row["filename"] for row in shop.rows(shop.run)] == [OTHER]


def die(*_: object, **__: object) -> None:
    raise Crash


def test_a_file_that_may_not_be_removed_keeps_all_as_it_was(
    shop: TheShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise FolderRefused("access refused")

    monkeypatch.setattr("daemon.maintenance.forgotten_files.Files._unlink", refuse)
    with pytest.raises(FolderRefused):
        shop.forget(FRONT)
    assert shop.store.forgetting.under_way() == []
    assert len(shop.store.history.stories(FRONT)) == 1


# Older databases


def test_a_restore_from_an_older_backup_forgets_it_again(shop: TheShop) -> None:
    backup = shop.back_up()
    shop.forget("60521")
    shop.restore(backup)
    assert shop.store.history.stories("60521") != []
    assert shop.resume() == []
    assert shop.store.history.stories("60521") == []
    aside = "set-aside"
    found = traces(shop.folders, FRONT, BACK, BROKEN, SHA[FRONT], "60521")
    assert [one for one in found if aside not in one] == []


def test_results_that_people_put_back_are_forgotten_again(shop: TheShop) -> None:
    """The database is lost, and results and photos come from a copy of the share."""
    csv = shop.results / f"batch_results_{shop.run}.csv"
    old, photo = csv.read_bytes(), shop.sorted / "Tops" / FRONT
    shop.forget("60521")
    csv.write_bytes(old)
    photo.write_bytes(PHOTOS[FRONT])
    shop.stop()
    for path in shop.state.glob(f"{DATABASE}*"):
        path.unlink()
    shop._start()
    shop.store.facts.remember("unreconciled", {"since": None, "from": None})
    assert shop.reconciler().reconcile()
    assert shop.resume() == []
    assert traces(shop.folders, FRONT, SHA[FRONT], PHOTOS[FRONT], "60521") == []
    assert [story.filename for story in shop.store.history.stories("70007")] == [OTHER]


def test_the_same_photo_dropped_anew_is_a_new_photo(shop: TheShop) -> None:
    shop.forget(FRONT)
    shop.clock.advance(60)
    shop.drop(FRONT, PHOTOS[FRONT])
    assert shop.recover_and_drain()["successful"] == 1
    assert shop.resume() == []
    assert len(shop.store.history.stories(FRONT)) == 1


# Who copies


def test_those_who_copy_are_told_by_numbers_alone(shop: TheShop) -> None:
    shop.store.changes.follow("mirror")
    numbers = {number(shop, name) for name in (FRONT, BACK, BROKEN)}
    shop.forget("60521")
    changes = shop.store.changes.after_cursor("mirror", {"photo", "detail", "correction", "alert"})
    assert {one.id for one in changes if one.kind == "detail"} == {
        *numbers,
        shop.run,
    }
    touched = shop.store.mirrored.touched(changes)
    assert touched["photos"] == numbers
    assert touched["runs"] == {shop.run}
    assert shop.store.mirrored.rows("photos", touched["photos"]) == []
