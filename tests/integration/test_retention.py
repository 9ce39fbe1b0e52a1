"""What is old is let go of as the settings say, and nothing else is touched."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from config.errors import ConfigError
from config.settings import RetentionSettings, load
from daemon.domain.corrections import Word
from daemon.domain.page_acts import Doing, PageAct
from daemon.folders.tree import Tree
from daemon.maintenance.audit import look_through_store
from daemon.maintenance.retention import Retention
from tests.support.core import running, tiny_photo
from tests.support.disks import sealed
from tests.support.shop import Shop

DAY = 86_400.0


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path)
    # Files are dated by the machine; so are these nights.
    shop.clock.set_wall_clock(datetime.now(UTC).replace(microsecond=0) - timedelta(days=100))
    with running(shop):
        yield shop


def leave(shop: Shop, *names: str, text: str = "by nightsort") -> None:
    """Files in results, as old as the night."""
    for name in names:
        path = shop.results / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        date(path, shop)


def date(path: Path, shop: Shop) -> None:
    at = shop.clock.now().timestamp() - DAY
    os.utime(path, (at, at))


def night(shop: Shop, *names: str, first: int = 0) -> str:
    run = shop.night(*names, first=first)
    for path in shop.results.glob(f"*{run}*"):
        date(path, shop)
    leave(shop, f"batch_report_{run}.html", f"batch_results_{run}.xlsx")
    leave(shop, f"exports/pick_lists_{run}.html", f"exports/inventory_{run}.csv")
    leave(shop, f"exports/returns_{run}.csv", f"exports/returns_{run}_changes.csv")
    leave(shop, f"batch_results_{run}.note.txt")
    return run


def files(shop: Shop) -> set[str]:
    found = (path for path in shop.results.rglob("*") if path.is_file())
    return {str(path.relative_to(shop.results)) for path in found}


def of(run: str, *patterns: str) -> set[str]:
    return {pattern.format(run) for pattern in patterns}


FOR_PROGRAMS = (
    "batch_results_{}.csv", "summary_{}.json", "exports/inventory_{}.csv",
    "exports/returns_{}.csv", "exports/returns_{}_changes.csv",
)  # fmt: skip
FOR_PEOPLE = (
    "batch_report_{}.html", "batch_results_{}.xlsx", "batch_results_{}.note.txt",
    "exports/pick_lists_{}.html",
)  # fmt: skip


def test_nothing_is_removed_unless_it_was_asked_for(shop: Shop) -> None:
    for number in range(3):
        night(shop, f"return-{number}.png", first=number)
    before, photos = files(shop), shop.files()
    shop.keep()
    shop.clock.advance(5000 * DAY)
    shop.tidy()
    assert files(shop) == before
    assert shop.files() == photos
    defaults = RetentionSettings()
    # Compressed is not removed, and what the page notes of calls is nobody's file.
    assert not any(
        value for key, value in defaults if key not in ("compress_results_days", "api_days")
    )


def test_old_results_are_compressed_byte_for_byte_and_rebuilt_as_they_were(shop: Shop) -> None:
    old = night(shop, "return-1111.png")
    shop.clock.advance(40 * DAY)
    young = night(shop, "return-2222.png", first=1)
    newest = night(shop, "return-3333.png", first=2)
    csv = shop.results / f"batch_results_{old}.csv"
    written, at = csv.read_bytes(), csv.stat().st_mtime
    shop.keep(compress_results_days=30.0)
    shop.tidy()
    packed = csv.with_name(f"{csv.name}.gz")
    assert gzip.decompress(packed.read_bytes()) == written == shop.rebuilt(old)
    assert packed.stat().st_mtime == at
    assert not csv.exists()
    for run in (young, newest):
        assert (shop.results / f"batch_results_{run}.csv").exists()


def test_a_csv_that_changes_while_it_is_compressed_stays(shop: Shop) -> None:
    run = night(shop, "return-1111.png")
    night(shop, "return-2222.png", first=1)
    csv = shop.results / f"batch_results_{run}.csv"
    shop.keep(compress_results_days=30.0)
    shop.clock.advance(60 * DAY)
    hashed = shop.retention._hash

    def write_meanwhile(name: str) -> str:
        found = hashed(name)
        with csv.open("a", encoding="utf-8") as file:
            file.write("mine\r\n")
        return found

    shop.retention._hash = write_meanwhile  # type: ignore[method-assign]
    shop.tidy()
    assert csv.read_bytes().endswith(b"mine\r\n")
    assert not [*shop.results.glob("*.gz")]


@pytest.mark.parametrize("kept", [b"\xff" * 30, gzip.compress(b"other bytes", mtime=0)])
def test_a_disk_that_returns_other_bytes_than_were_written_keeps_the_csv(
    shop: Shop, kept: bytes
) -> None:
    run = night(shop, "return-1111.png")
    night(shop, "return-2222.png", first=1)
    shop.keep(compress_results_days=30.0)
    shop.clock.advance(60 * DAY)
    hashed = shop.retention._hash

    def spoil_first(name: str) -> str:
        if name.endswith(".gz"):
            head = b"" if kept.startswith(b"\x1f") else (shop.results / name).read_bytes()[:10]
            (shop.results / name).write_bytes(head + kept)
        return hashed(name)

    shop.retention._hash = spoil_first  # type: ignore[method-assign]
    shop.tidy()
    assert f"batch_results_{run}.csv" in files(shop)


def test_results_and_reports_go_after_their_days_but_never_the_newest(shop: Shop) -> None:
    old = night(shop, "return-1111.png")
    shop.clock.advance(40 * DAY)
    young = night(shop, "return-2222.png", first=1)
    newest = night(shop, "return-3333.png", first=2)
    leave(shop, "batch_results_latest.csv", "batch_report_latest.html")
    kept = files(shop)
    shop.keep(results_days=30.0)
    shop.tidy()
    kept -= of(old, *FOR_PROGRAMS)
    assert files(shop) == kept
    shop.keep(reports_days=30.0)
    shop.tidy()
    kept -= of(old, *FOR_PEOPLE)
    assert files(shop) == kept
    shop.clock.advance(1000 * DAY)
    shop.keep(results_days=30.0, reports_days=30.0)
    shop.tidy()
    assert files(shop) == kept - of(young, *FOR_PROGRAMS, *FOR_PEOPLE)
    assert of(newest, *FOR_PROGRAMS, *FOR_PEOPLE) <= files(shop)
    assert len(shop.store.runs.summaries()) == 3
    assert shop.rebuilt(old)


def test_a_report_that_was_made_again_is_as_young_as_it_is(shop: Shop) -> None:
    run = night(shop, "return-1111.png")
    night(shop, "return-2222.png", first=1)
    shop.clock.advance(60 * DAY)
    leave(shop, f"batch_report_{run}.html")
    shop.keep(reports_days=30.0)
    shop.tidy()
    assert f"batch_report_{run}.html" in files(shop)
    assert f"batch_results_{run}.xlsx" not in files(shop)


def test_what_people_put_beside_is_never_touched(shop: Shop, tmp_path: Path) -> None:
    run = night(shop, "return-1111.png")
    night(shop, "return-2222.png", first=1)
    mine = {
        "batch_results_20200101_020000.csv",  # of no run that the store knows
        f"batch_results_{run}.csv.bak",
        f"Kopie von batch_report_{run}.html",
        "exports/corrections_20200101.csv",  # on that day nobody corrected anything
        "period_report_2001-W01.html",
        "period_report_2001-W99.html",
        "period_report_2001-01.html",
        "period_report_2001-13.html",
        "exports/notes.txt",
    }
    leave(shop, *mine, text="mine")
    elsewhere = tmp_path / "thesis.html"
    elsewhere.write_text("mine", encoding="utf-8")
    link = shop.results / f"batch_report_{run}.html"
    link.unlink()
    link.symlink_to(elsewhere)
    shop.keep(
        compress_results_days=1.0, results_days=30.0, reports_days=30.0,
        filed_days=1.0, duplicates_days=1.0, quarantine_days=1.0,
    )  # fmt: skip
    (shop.sorted / "Shirts/holiday.png").write_bytes(tiny_photo("Shirts", 77))
    shop.clock.advance(1000 * DAY)
    shop.tidy()
    assert mine <= files(shop)
    assert link.is_symlink()
    assert elsewhere.read_text(encoding="utf-8") == "mine"
    assert (shop.sorted / "Shirts/holiday.png").exists()


def test_corrections_and_period_reports_go_too(shop: Shop) -> None:
    night(shop, "return-1111.png", "return-2222.png")
    shop.corrector.correct("return-1111.png", "Tops", "anna")
    shop.export_corrections()
    day = shop.clock.now().date()
    year, week, _ = day.isocalendar()
    reports = {
        f"period_report_{name}.html"
        for name in (f"{year}-W{week:02}", f"{day}_{day}", f"{day:%Y-%m}")
    }
    leave(shop, *reports)
    exported = f"exports/corrections_{day:%Y%m%d}.csv"
    date(shop.results / exported, shop)
    shop.clock.advance(60 * DAY)
    shop.keep(reports_days=30.0)
    shop.tidy()
    assert not reports & files(shop)
    assert exported in files(shop)
    shop.keep(results_days=30.0)
    shop.tidy()
    assert exported not in files(shop)


def sorted_shop(shop: Shop) -> None:
    """One filed, one in review, one duplicate, one in quarantine."""
    shop.drop("review.png", tiny_photo("review", 9))
    shop.drop("note.jpg", b"Please call back.")
    shop.night("return-1111.png")
    shop.night("twin.png")


def test_photos_go_by_where_they_lie_and_never_those_in_review(shop: Shop) -> None:
    sorted_shop(shop)
    photos = {path.name for path in shop.sorted.rglob("*") if path.is_file()}
    unreadable = {"note.jpg", "note.jpg.reason.txt"}
    assert photos == {"return-1111.png", "review.png", "twin.png"} | unreadable
    shop.clock.advance(60 * DAY)
    for rule, gone in (
        ("duplicates_days", {"twin.png"}),
        ("quarantine_days", unreadable),
        ("filed_days", {"return-1111.png"}),
    ):
        shop.keep(**{rule: 30.0})
        shop.tidy()
        photos -= gone
        assert {path.name for path in shop.sorted.rglob("*") if path.is_file()} == photos
    assert photos == {"review.png"}
    (story,) = shop.store.history.stories("return-1111.png")
    assert (story.state, bool(story.let_go_at)) == ("filed", True)
    assert not shop.store.history.stories("review.png")[0].let_go_at


def test_a_photo_is_kept_for_its_days(shop: Shop) -> None:
    shop.night("return-1111.png")
    shop.keep(filed_days=30.0)
    shop.clock.advance(28 * DAY)
    shop.tidy()
    assert (shop.sorted / "Shirts/return-1111.png").exists()
    shop.clock.advance(3 * DAY)
    shop.tidy()
    assert not (shop.sorted / "Shirts/return-1111.png").exists()


def test_a_photo_that_people_changed_moved_or_replaced_is_left_to_them(
    shop: Shop, tmp_path: Path
) -> None:
    shop.night("changed.png", "dragged.png", "linked.png", "undone.png", "corrected.png")
    shirts = shop.sorted / "Shirts"
    with (shirts / "changed.png").open("ab") as file:
        file.write(b"cropped")
    (shirts / "dragged.png").rename(shop.sorted / "dragged.png")
    elsewhere = tmp_path / "elsewhere.png"
    (shirts / "linked.png").rename(elsewhere)
    (shirts / "linked.png").symlink_to(elsewhere)
    shop.corrector.undo("undone.png", "anna")
    shop.corrector.correct("corrected.png", "Tops", "anna")
    shop.keep(filed_days=30.0)
    shop.clock.advance(60 * DAY)
    shop.tidy()
    assert (shirts / "changed.png").exists()
    assert (shop.sorted / "dragged.png").exists()
    assert elsewhere.exists()
    assert (shop.incoming / "undone.png").exists()
    assert not (shop.sorted / "Tops/corrected.png").exists()  # at its place, whoever chose it
    words = [
        one.word
        for one in shop.store.corrections.of(shop.store.history.stories("undone.png")[0].id)
    ]
    assert words == [Word.UNDONE]


def test_a_photo_that_somebody_writes_to_at_that_moment_stays(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.night("return-1111.png")
    shop.keep(filed_days=30.0)
    shop.clock.advance(60 * DAY)
    photo = shop.sorted / "Shirts/return-1111.png"
    real = Tree.sha256

    def written_after(tree: Tree, place: str) -> str:
        found = real(tree, place)
        with photo.open("ab") as file:
            file.write(b"cropped")
        return found

    monkeypatch.setattr(Tree, "sha256", written_after)
    shop.tidy()
    assert photo.read_bytes().endswith(b"cropped")


def test_bytes_that_were_let_go_are_filed_anew_when_they_come_again(shop: Shop) -> None:
    shop.night("return-1111.png")
    shop.keep(filed_days=30.0)
    shop.clock.advance(60 * DAY)
    shop.tidy()
    run = shop.night("return-1111.png")
    assert [row["status"] for row in shop.rows(run)] == ["success"]
    assert (shop.sorted / "Shirts/return-1111.png").exists()


def test_each_step_is_small_and_a_day_has_one_round(shop: Shop) -> None:
    shop.night(*(f"return-{n}.png" for n in range(130)))
    shop.keep(filed_days=30.0)
    shop.clock.advance(60 * DAY)
    left = []
    for _ in range(8):
        shop.retention.step()
        left.append(len([*(shop.sorted / "Shirts").iterdir()]))
    assert left[:3] == [80, 30, 0]
    shop.night("late.png", first=500)
    shop.clock.advance(40 * DAY - DAY)
    shop.retention.step()
    assert not (shop.sorted / "Shirts/late.png").exists()


def test_a_folder_that_is_away_is_told_and_tried_again(shop: Shop) -> None:
    shop.night("return-1111.png")
    shop.keep(filed_days=30.0)
    shop.clock.advance(60 * DAY)
    away = shop.sorted.rename(shop.sorted.with_name("away"))
    shop.tidy(5)
    away.rename(shop.sorted)
    shop.tidy(5)
    assert (shop.sorted / "Shirts/return-1111.png").exists()  # not at once
    shop.clock.advance(3600)
    shop.tidy(5)
    assert not (shop.sorted / "Shirts/return-1111.png").exists()


def test_a_folder_that_refuses_one_photo_does_not_keep_the_others(shop: Shop) -> None:
    shop.night("return-1111.png")
    shop.drop("top.png", tiny_photo("Tops", 5))
    shop.night()
    shop.keep(filed_days=30.0)
    shop.clock.advance(60 * DAY)
    with sealed(shop.sorted / "Shirts"):
        shop.tidy()
    assert not (shop.sorted / "Tops/top.png").exists()
    assert (shop.sorted / "Shirts/return-1111.png").exists()
    shop.clock.advance(DAY)
    shop.tidy()
    assert not (shop.sorted / "Shirts/return-1111.png").exists()


def test_results_must_outlast_backups(tmp_path: Path) -> None:
    file = tmp_path / "nightsort.toml"
    folders = "".join(f'{k}_dir = "{k}"\n' for k in ("incoming", "sorted", "results", "state"))
    file.write_text(f"{folders}[retention]\nresults_days = 7\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="is less than"):
        load(file)
    file.write_text(f"{folders}[retention]\nresults_days = 14\n", encoding="utf-8")
    assert load(file).retention.results_days == 14


# What is known


def test_what_became_of_old_photos_is_forgotten_and_what_waits_is_known(shop: Shop) -> None:
    shop.drop("return-9999.png", tiny_photo("review", 50))
    run = night(shop, "return-1111.png", "return-2222.png", "return-5555.png")
    shop.corrector.correct("return-1111.png", "Tops", "Anna")
    shop.corrector.undo("return-5555.png", "Anna")
    counts = shop.store.runs.summary(run)
    shop.clock.advance(40 * DAY)
    night(shop, "return-3333.png", first=9)
    shop.keep(history_days=30.0)
    shop.tidy()
    assert shop.store.history.stories("return-1111.png") == []
    assert shop.store.history.stories("return-2222.png") == []
    for known in ("return-9999.png", "return-5555.png", "return-3333.png"):
        assert len(shop.store.history.stories(known)) == 1, known
    assert shop.store.runs.summary(run) == counts
    assert (shop.sorted / "Shirts/return-2222.png").exists()
    assert look_through_store(shop.store).bad_row is None
    assert shop.recover_and_drain()["run"] is None  # what was put back is still left alone


def test_summaries_name_no_photo_that_is_not_known_any_more(shop: Shop) -> None:
    shop.drop("return-1111.png", b"no photo at all")
    run = night(shop)
    shop.clock.advance(40 * DAY)
    night(shop, "return-3333.png", first=9)
    shop.keep(history_days=30.0)
    shop.tidy()
    summary = shop.store.runs.summary(run)
    assert summary is not None
    assert (summary["errors"], summary["failed"]) == ([], 1)


def test_names_of_people_become_a_person(shop: Shop) -> None:
    old = night(shop, "return-1111.png")
    shop.corrector.correct("return-1111.png", "Tops", "Anna Schmidt")
    at = shop.clock.now().astimezone(UTC).isoformat()
    changed = PageAct(1, at, "Anna Schmidt", Doing.ROLE_CHANGED, "Carl", "lead")
    shop.store.audit.note_page_acts("a page", [changed, PageAct(2, at, "Anna Schmidt")])
    said = shop.clock.now().date()
    shop.clock.advance(40 * DAY)
    night(shop, "return-3333.png", first=9)
    shop.corrector.correct("return-3333.png", "Tops", "Bert Braun")
    rewritten: list[object] = []
    shop.keep(people_days=30.0)
    trees = Tree(shop.sorted), Tree(shop.results)
    shop.retention = Retention(
        shop.store, *trees, shop.rules, shop.clock, rewrite=lambda *what: rewritten.append(what)
    )
    shop.tidy()

    def people(name: str) -> list[str]:
        (story,) = shop.store.history.stories(name)
        return [word.person for word in shop.store.corrections.of(story.id)]

    assert people("return-1111.png") == ["a person"]
    assert people("return-3333.png") == ["Bert Braun"]
    assert rewritten == [([old], [said])]
    assert look_through_store(shop.store).bad_row is None
    audit = [*shop.store.audit.rows()]
    assert "Schmidt" not in str(audit)
    assert "Carl" not in str(audit)
    assert [(row.told is None, row.person) for row in audit if row.kind == "access"] == [
        (True, None)
    ]
    (forgotten,) = [row for row in audit if row.kind == "forgotten"]
    assert (forgotten.told, forgotten.person) == (
        '{"photos":0,"rows":1}', "[retention] people_days",
    )  # fmt: skip
    shop.clock.advance(DAY)
    shop.tidy()
    assert len(rewritten) == 1
