"""Backup and restore with the real commands, with and without a daemon."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from daemon.store import DATABASE
from daemon.store.copies import check_copy
from tests.support.damage import overwrite_pages
from tests.support.photos import write_photo
from tests.support.processes import Site
from tests.support.waiting import DEADLINE_SECONDS, eventually
from tests.support.web import Page, sign_in


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site after one run of two photos, for tests that only look."""
    site = Site.make(tmp_path_factory.mktemp("site"))
    for seed in (1, 2):
        write_photo(site.incoming / f"return-471{seed}.jpg", seed=seed)
    assert site.nightsort("now").returncode == 0
    return site


def test_backup_names_the_file_that_it_wrote_and_lists_it(site: Site, tmp_path: Path) -> None:
    done = site.nightsort("backup", "--to", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("Photos: 2, runs: 1, ")
    assert check_copy(Path(done.stdout.strip())).photos == 2
    made = json.loads(site.nightsort("backup", "--json").stdout)
    assert (made["photos"], made["runs"]) == (2, 1)
    listed = json.loads(site.nightsort("backup", "--list", "--json").stdout)["backups"]
    assert [one["file"] for one in listed] == [made["file"]]
    assert made["file"] in site.nightsort("backup", "--list").stdout


def test_backup_beside_the_running_daemon(site: Site, tmp_path: Path) -> None:
    with site.daemon():
        eventually((site.state / "control.sock").exists, within_s=DEADLINE_SECONDS)
        done = site.nightsort("backup", "--to", str(tmp_path / "mine.db"))
    assert (done.returncode, done.stdout.strip()) == (0, str(tmp_path / "mine.db"))
    assert check_copy(tmp_path / "mine.db").photos == 2


def test_backup_before_there_is_anything_is_one_line(tmp_path: Path) -> None:
    site = Site.make(tmp_path / "new")
    done = site.nightsort("backup")
    assert (done.returncode, done.stdout) == (1, "")
    assert not site.state.exists()
    assert "no database yet" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def listening(site: Site) -> None:
    eventually((site.state / "control.sock").exists, within_s=DEADLINE_SECONDS)


def after_a_night(folder: Path, count: int = 3) -> Site:
    site = Site.make(folder)
    for seed in range(count):
        write_photo(site.incoming / f"return-471{seed}.jpg", seed=seed)
    assert site.nightsort("now").returncode == 0
    return site


def event(site: Site, name: str) -> dict[str, object]:
    (found,) = [event for event in site.events() if event["event"] == name]
    return found


def grow(database: Path) -> None:
    """Make it so large that damage in its middle hits nothing that is read at once."""
    with closing(sqlite3.connect(database)) as db:
        db.executemany(
            "INSERT INTO facts VALUES (?, ?)",
            [(f"n{n}", '"' + "x" * 900 + '"') for n in range(2000)],
        )
        db.commit()


def test_restore_brings_back_what_was_and_keeps_what_was_sorted_since(tmp_path: Path) -> None:
    site = after_a_night(tmp_path)
    backup = site.nightsort("backup").stdout.strip()
    write_photo(site.incoming / "return-5555.jpg", seed=55)
    assert site.nightsort("now").returncode == 0
    runs = site.nightsort("history", "--json").stdout
    done = site.nightsort("restore", backup)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    said = done.stderr.splitlines()
    assert said[0] == "Restored: photos: 3, runs: 1."
    assert said[-1] == "It agrees with results and folders again."
    assert site.nightsort("history", "--json").stdout == runs
    assert site.nightsort("find", "5555").returncode == 0
    assert json.loads(site.nightsort("now", "--json").stdout)["run"] is None


def test_the_people_and_keys_of_the_page_come_along_to_a_new_machine(tmp_path: Path) -> None:
    old, new = Page.make(tmp_path / "old"), Page.make(tmp_path / "new")
    write_photo(old.site.incoming / "return-4711.jpg")
    assert old.site.nightsort("now").returncode == 0
    old.add_user("anna", "admin")
    key = old.add_key("shop")
    with old.serving():
        made = old.site.nightsort("backup")
    assert "Accounts of the page: 1, keys: 1." in made.stderr
    done = new.site.nightsort("restore", made.stdout.strip())
    assert done.returncode == 0, done.stderr
    assert "Accounts of the page: 1, keys: 1; the page takes back" in done.stderr
    with new.serving(), new.client() as client:
        assert client.get("/version", headers={"x-api-key": key}).status_code == 200
        assert sign_in(client, "anna").status_code == 303
        assert client.get("/page/people").status_code == 200
    (told,) = new.events("people_taken_back")
    assert (told["accounts"], told["keys"]) == (1, 1)
    assert new.command("user", "remove", "anna").returncode == 0
    assert json.loads(new.command("user", "list", "--json").stdout) == {"users": []}


def test_restore_tells_what_was_learnt_and_did_not_come_back_whole(tmp_path: Path) -> None:
    site = after_a_night(tmp_path)
    models = site.state / "models"
    models.mkdir(exist_ok=True)
    (models / "2026-11-01.1.npz").write_bytes(b"cut off")
    (models / "in-use.json").write_text('{"history": ["shipped", "2026-11-01.1"]}', "utf-8")
    backup = site.nightsort("backup").stdout.strip()
    done = site.nightsort("restore", backup)
    assert done.returncode == 0, done.stderr
    *_, told, judge = done.stderr.splitlines()
    assert told.startswith("What was learnt did not all come back: 2026-11-01.1: version ")
    assert "is damaged" in told
    assert judge.startswith("fashion ")
    assert judge.endswith("judges; see: nightsort models list")


def test_restore_beside_the_running_daemon_is_refused(tmp_path: Path) -> None:
    site = after_a_night(tmp_path)
    backup = site.nightsort("backup").stdout.strip()
    with site.daemon():
        listening(site)
        done = site.nightsort("restore", backup)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert "stop it first: systemctl stop nightsort" in line


def test_restore_of_what_is_no_backup_is_one_line(site: Site, tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear nightsort\n", encoding="utf-8")
    done = site.nightsort("restore", str(letter))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"nightsort: {letter}: is not a database; name a file that `nightsort backup` wrote\n"
    )


def test_a_damaged_database_is_mended_at_the_start_and_told(tmp_path: Path) -> None:
    site = after_a_night(tmp_path)
    backup = Path(site.nightsort("backup").stdout.strip())
    write_photo(site.incoming / "return-5555.jpg", seed=55)
    assert site.nightsort("now").returncode == 0
    runs = site.nightsort("history", "--json").stdout
    rows = site.growing_rows()
    grow(site.state / DATABASE)
    overwrite_pages(site.state / DATABASE, "head")
    write_photo(site.incoming / "return-6666.jpg", seed=66)
    with site.daemon():
        listening(site)
        done = site.nightsort("now", "--json")
        status = site.nightsort("status")
    summary = json.loads(done.stdout)
    assert (summary["successful"] + summary["review"], summary["failed"]) == (1, 0)
    assert event(site, "database_damaged")["level"] == "critical"
    assert event(site, "database_restored")["backup"] == backup.name
    assert event(site, "database_reconciled")["photos"] == 1
    assert status.returncode == 1
    assert f"was restored from {backup.name}" in status.stdout
    assert len([*site.state.glob(f"{DATABASE}.set-aside-*")]) == 1
    known = json.loads(site.nightsort("history", "--json").stdout)["runs"]
    assert known[1:] == json.loads(runs)["runs"]
    assert len(site.growing_rows()) == len(rows) + 1
    assert len(site.photos("sorted")) == 5


def test_a_damaged_database_without_any_backup_is_begun_anew_from_the_results(
    tmp_path: Path,
) -> None:
    site = after_a_night(tmp_path)
    runs = site.nightsort("history", "--json").stdout
    grow(site.state / DATABASE)
    overwrite_pages(site.state / DATABASE, "cut off")
    with site.daemon():
        listening(site)
        assert json.loads(site.nightsort("now", "--json").stdout)["run"] is None
        status = site.nightsort("status")
    assert site.nightsort("history", "--json").stdout == runs
    assert "was begun anew" in status.stdout
    assert "available" in status.stdout  # the folders are known to be its own


def test_damage_in_mid_run_ends_the_daemon_in_order_and_the_next_start_mends_it(
    tmp_path: Path,
) -> None:
    site = after_a_night(tmp_path)
    assert site.nightsort("backup").returncode == 0
    with site.daemon() as process:
        listening(site)
        with closing(sqlite3.connect(site.state / DATABASE)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with (site.state / DATABASE).open("r+b") as file:
            file.seek(4096)
            file.write(b"\xa5" * ((site.state / DATABASE).stat().st_size - 4096))
        assert process.wait(DEADLINE_SECONDS) == 1
    log = (site.folder / "daemon.log").read_text(encoding="utf-8")
    assert "Traceback" not in log
    assert event(site, "database_damaged")["level"] == "critical"
    assert log.splitlines()[-1].startswith("nightsort: state_dir: the database is damaged")
    with site.daemon():
        listening(site)
        assert site.nightsort("now").returncode == 0
    assert event(site, "database_restored")["level"] == "critical"
    assert len(json.loads(site.nightsort("history", "--json").stdout)["runs"]) == 1


def test_the_daemon_makes_a_backup_by_itself_once_it_is_quiet(tmp_path: Path) -> None:
    site = after_a_night(tmp_path)
    code = "import daemon.maintenance.nightly_backup as n\nn.TURN_SECONDS = 0.1"
    with site.daemon(code):
        eventually(
            lambda: [*(site.state / "backups").glob("nightsort-*.db")], within_s=DEADLINE_SECONDS
        )
    (made,) = (site.state / "backups").iterdir()
    assert check_copy(made).photos == 3


def test_a_backup_that_fails_stands_in_the_status_where_the_alerts_see_it(tmp_path: Path) -> None:
    site = after_a_night(tmp_path)
    (site.state / "backups").write_text("in the way", encoding="utf-8")
    code = "import daemon.maintenance.nightly_backup as n\nn.TURN_SECONDS = 0.1"

    def status() -> dict[str, Any]:
        document: dict[str, Any] = json.loads(site.nightsort("status", "--json").stdout)
        return document

    with site.daemon(code):
        listening(site)
        eventually(lambda: status()["problems"], within_s=DEADLINE_SECONDS)
        told = status()
    assert told["backup"].startswith("there is no new backup: ")
    assert told["problems"] == [told["backup"]]


def test_the_daemon_lets_go_of_what_is_old_while_it_is_quiet(tmp_path: Path) -> None:
    site = Site.make(tmp_path, settings="[retention]\ncompress_results_days = 0.00001\n")
    for name in ("return-1111.jpg", "return-2222.jpg"):
        write_photo(site.incoming / name, seed=int(name[7:11]))
        assert site.nightsort("now").returncode == 0
    old = min(site.results.glob("batch_results_2*.csv"))
    written = old.read_bytes()
    with site.daemon():
        eventually(lambda: not old.exists(), within_s=DEADLINE_SECONDS)
        assert len([*site.results.glob("batch_results_2*.csv")]) == 1  # the newest run's
        run = old.stem.removeprefix("batch_results_")
        done = site.nightsort("results", "rebuild", run)
    assert done.returncode == 0, done.stderr
    assert old.read_bytes() == written
