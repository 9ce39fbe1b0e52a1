"""The history as Parquet: all of it, each time the same, and nothing of anybody else's lost."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from config.errors import NamedWrongly, RefusedError, TransientError
from daemon.domain.examples import LookedAt
from daemon.maintenance import export as exporting
from daemon.maintenance import parquet
from daemon.maintenance.export import MARKER, Exported, export, file_of
from daemon.maintenance.export_tables import TABLES
from daemon.reporting.periods import Period
from daemon.store import Store
from daemon.store.facts import PRESENCE
from tests.integration.test_pick_lists import updater
from tests.support.alert_samples import sample
from tests.support.core import running, tiny_photo
from tests.support.forgetting import ForgettingShop, forgetter_of
from tests.support.processes import Site
from web.database import WebStore
from web.database.calls import Call
from web.folder import own_folder

FRONT, OTHER = "return-60521_front.png", "return-70007_front.png"
NOON = datetime(2025, 10, 13, 12, tzinfo=UTC).timestamp()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[ForgettingShop]:
    """One night, and what people said of it."""
    shop = ForgettingShop(tmp_path)
    with running(shop):
        shop.updater = lambda: updater(shop)
        shop.drop(FRONT, tiny_photo("Shirts", 1))
        shop.drop(OTHER, tiny_photo("review", 2))
        shop.drop(os.fsdecode(b"b\xffd.png"), b"\x89PNG broken")
        shop.recover_and_drain()
        shop.corrector.correct(FRONT, "Tops", "Anna")
        for one in shop.store.examples.unseen(9):
            shop.store.examples.saw([LookedAt(one.id, one.sha256, bytes(64))], "net")
        shop.store.alerts.keep([sample("high_error_rate")])
        with closing(WebStore.open(own_folder(shop.state))) as page:
            page.calls.add(
                [Call(NOON + n, "/predict", 200, 40.0 + n, 1000, "shop") for n in range(3)]
                + [Call(NOON + 7200, "/predict", 429, 1.0, 0, "shop")]
            )
        yield shop


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "data" / "export"


def exported(shop: ForgettingShop, out: Path, period: Period | None = None) -> Exported:
    return export(shop.settings(), out, period, shop.clock.now(), lambda *_: None)


def rows(out: Path, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(file_of(out, table)).to_pylist()
    return found


def test_all_of_the_history_is_there(shop: ForgettingShop, out: Path) -> None:
    said = exported(shop, out)
    photos = {row["filename"]: row for row in rows(out, "photos")}
    assert sorted(photos) == ["b\\xffd.png", FRONT, OTHER]
    front = photos[FRONT]
    assert (front["category"], front["decided"], front["band"]) == ("Shirts", "Tops", "auto")
    assert (front["confidence"], front["return_id"], front["is_example"]) == (0.9876, "60521", True)
    assert front["recorded_at"].utcoffset().total_seconds() == 0
    assert photos[OTHER]["state"] == "review"
    assert photos["b\\xffd.png"]["reason"] is not None
    (run,) = rows(out, "runs")
    assert (run["total_processed"], run["successful"], run["failed"]) == (3, 1, 1)
    assert dict(run["confidence_distribution"])["auto"] == 1
    assert {row["run"] for row in photos.values()} == {run["id"]}
    (word,) = rows(out, "corrections")
    assert (word["photo"], word["person"], word["category"]) == (front["id"], "Anna", "Tops")
    (alert,) = rows(out, "alerts")
    assert json.loads(alert["facts"])
    (version,) = rows(out, "versions")
    assert (version["version"], version["is_in_use"]) == ("shipped", True)
    calls = [(row["hour"].hour, row["status"], row["calls"]) for row in rows(out, "api_calls")]
    assert calls == [(12, 200, 3), (14, 429, 1)]
    assert rows(out, "api_calls")[0]["milliseconds"] == 40 + 41 + 42
    assert said.rows == {name: len(rows(out, name)) for name in TABLES}
    assert json.loads((out / MARKER).read_text())["rows"] == said.rows


def test_again_it_is_the_same_to_the_byte_and_follows_what_changed(
    shop: ForgettingShop, out: Path
) -> None:
    exported(shop, out)
    before = {name: file_of(out, name).read_bytes() for name in TABLES}
    exported(shop, out)
    assert {name: file_of(out, name).read_bytes() for name in TABLES} == before
    shop.corrector.correct(FRONT, "Shirts", "Anna")
    exported(shop, out)
    assert len(rows(out, "corrections")) == 2
    assert sorted(one.name for one in out.iterdir()) == sorted(
        [MARKER, *(f"{name}.parquet" for name in TABLES)]
    )


def test_the_form_is_the_same_without_any_row_and_says_units(tmp_path: Path, out: Path) -> None:
    with running(ForgettingShop(tmp_path)) as empty:
        assert isinstance(empty, ForgettingShop)
        assert set(exported(empty, out).rows.values()) == {0, 1}  # the shipped version
    for name, table in TABLES.items():
        schema = pq.read_schema(file_of(out, name))
        assert schema.names == [column.name for column in table.columns]
        for column, field in zip(table.columns, schema, strict=True):
            assert field.type == parquet.schema_of(table).field(column.name).type
            assert field.metadata[b"about"].decode() == column.about
    size = pq.read_schema(file_of(out, "photos")).field("size_bytes")
    assert size.metadata == {b"about": b"of the file", b"unit": b"bytes"}


@pytest.mark.parametrize(("day", "count"), [(0, 1), (-1, 0), (1, 0)])
def test_a_period_is_of_local_days(shop: ForgettingShop, out: Path, day: int, count: int) -> None:
    sorted_on = date.fromordinal(shop.clock.now().date().toordinal() + day)
    said = exported(shop, out, Period(sorted_on, sorted_on))
    assert said.rows["runs"] == count
    assert said.rows["photos"] == 3 * count
    assert said.rows["corrections"] == count


def test_many_rows_are_written_in_pieces(
    shop: ForgettingShop, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "ROWS_AT_ONCE", 2)
    monkeypatch.setattr(parquet, "ROWS_AT_ONCE", 2)
    told: list[tuple[int, int]] = []
    export(
        shop.settings(), out, None, shop.clock.now(), lambda done, all_: told.append((done, all_))
    )
    assert pq.ParquetFile(file_of(out, "photos")).metadata.num_row_groups == 2
    assert [row["id"] for row in rows(out, "photos")] == [1, 2, 3]
    assert all(done <= total for done, total in told)


# What was forgotten


def test_what_is_forgotten_is_not_in_it_and_the_receipt_names_exports_of_before(
    shop: ForgettingShop, out: Path
) -> None:
    exported(shop, out)
    receipt = shop.forget("60521")
    (held,) = [one for one in receipt.remains if one.what == "export"]
    assert held.where.startswith(f"{out}, of 2")
    exported(shop, out)
    assert rows(out, "corrections") == []
    assert FRONT not in json.dumps([rows(out, name) for name in TABLES], default=str)


def test_what_is_being_forgotten_is_not_in_it(shop: ForgettingShop, out: Path) -> None:
    meant = shop.store.traces.meant(FRONT)
    told = sample("high_error_rate", errors=[{"filename": FRONT, "error": f"{FRONT} is broken."}])
    shop.store.alerts.keep([told])
    forgetter_of(shop).begin(FRONT, [story.id for story in meant.stories], "Petra")
    exported(shop, out)
    everything = [rows(out, name) for name in TABLES]
    assert FRONT not in json.dumps(everything, default=str)
    assert OTHER in json.dumps(everything, default=str)


# Whose folder it is


def test_what_is_not_its_own_is_left_alone(shop: ForgettingShop, out: Path) -> None:
    out.mkdir(parents=True)
    (out / "photos.parquet").write_bytes(b"theirs")
    with pytest.raises(NamedWrongly, match="no export of this box"):
        exported(shop, out)
    assert [one.name for one in out.iterdir()] == ["photos.parquet"]
    (out / MARKER).write_text('{"format": "something else"}')
    with pytest.raises(NamedWrongly, match="no export of this box"):
        exported(shop, out)
    assert (out / "photos.parquet").read_bytes() == b"theirs"


def test_another_boxs_export_is_not_written_over(shop: ForgettingShop, out: Path) -> None:
    exported(shop, out)
    shop.store.facts.remember(PRESENCE, {"instance": "another", "folders": {}})
    with pytest.raises(NamedWrongly, match="no export of this box"):
        exported(shop, out)


@pytest.mark.parametrize("folder", ["incoming", "sorted", "results/x", "state/data", "link/x"])
def test_nightsorts_own_folders_are_refused(
    shop: ForgettingShop, tmp_path: Path, folder: str
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "results")
    with pytest.raises(NamedWrongly, match="which is nightsort's own"):
        exported(shop, tmp_path / folder)
    assert not (tmp_path / "state/data").exists()


def test_two_exports_to_one_folder_wait_for_nobody(shop: ForgettingShop, out: Path) -> None:
    out.mkdir(parents=True)
    with exporting._made(out), pytest.raises(RefusedError, match="another export"):
        exported(shop, out)


def test_broken_off_it_leaves_the_old_tables_as_they_were(
    shop: ForgettingShop, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported(shop, out)
    before = {one.name: one.read_bytes() for one in out.iterdir()}
    shop.corrector.correct(FRONT, "Shirts", "Anna")
    write = parquet.write_parquet

    def full(file: Any, table: Any, *more: Any) -> int:
        if table is TABLES["runs"]:
            raise OSError(28, "No space left on device")
        return write(file, table, *more)

    monkeypatch.setattr(exporting, "write_parquet", full)
    with pytest.raises(TransientError):
        exported(shop, out)
    assert {one.name: one.read_bytes() for one in out.iterdir()} == before


def test_killed_the_first_time_it_can_be_asked_for_again(shop: ForgettingShop, out: Path) -> None:
    out.mkdir(parents=True)
    (out / ".nightsort-photos.parquet.part").write_bytes(b"half")
    exported(shop, out)
    assert len(rows(out, "photos")) == 3


def test_a_page_whose_calls_cannot_be_read_is_told(shop: ForgettingShop, out: Path) -> None:
    for file in (shop.state / "web").glob("web.db*"):
        file.unlink()
    (shop.state / "web/web.db").write_bytes(b"no database" * 100)
    with pytest.raises(RefusedError, match=r"web\.db: cannot be read"):
        exported(shop, out)


# The command


def test_the_command_says_what_it_wrote(tmp_path: Path) -> None:
    site = Site.make(tmp_path)
    none = site.nightsort("export", "--parquet", str(tmp_path / "none"))
    assert (none.returncode, none.stdout) == (1, "")
    assert "there is no history yet" in none.stderr
    site.state.mkdir()
    Store(site.state).close()
    out = tmp_path / "data"
    done = site.nightsort("export", "--parquet", str(out), "--json", "--from", "2026-11-01")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["out"], said["from"]) == (str(out), "2026-11-01")
    assert abs((date.fromisoformat(said["to"]) - datetime.now().astimezone().date()).days) <= 1
    marked = json.loads((out / MARKER).read_text())
    assert (marked["from"], marked["to"]) == (said["from"], said["to"])
    until = site.nightsort("export", "--parquet", str(out), "--json", "--to", "2026-11-30")
    assert (json.loads(until.stdout)["from"], json.loads(until.stdout)["to"]) == (
        None,
        "2026-11-30",
    )
    assert {name: one["rows"] for name, one in said["tables"].items()} == {
        name: int(name == "versions") for name in TABLES
    }
    for name, one in said["tables"].items():
        assert (out / one["file"]).stat().st_size == one["bytes"], name
    for wrong in (
        ["--parquet", str(site.state / "x")],
        ["--parquet", str(out), "--from", "2026-11-02", "--to", "2026-11-01"],
        [],
    ):
        refused = site.nightsort("export", *wrong)
        assert (refused.returncode, refused.stderr.count("\n")) == (2, 1), refused.stderr


def test_without_pyarrow_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(RefusedError, match="-m pip install pyarrow"):
        parquet.require_pyarrow()
