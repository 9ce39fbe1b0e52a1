"""Backup and restore with the real commands, with and without a daemon."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from daemon.store.copies import check_copy
from tests.support.photos import write_photo
from tests.support.processes import DEADLINE_SECONDS, Site
from tests.support.waiting import eventually


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
    done = Site.make(tmp_path / "new").nightsort("backup")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no database yet" in done.stderr
    assert len(done.stderr.splitlines()) == 1
