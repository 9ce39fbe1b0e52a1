"""The real commands forget, and show the audit chain; with a daemon, without one, killed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.support.forgetting import traces
from tests.support.photos import write_photo
from tests.support.processes import Site
from tests.support.waiting import DEADLINE_SECONDS, eventually
from tests.support.web import Page

FRONT, BACK, OTHER = "return-60521_front.jpg", "return-60521_back.jpg", "return-70007.jpg"


def sorted_site(folder: Path) -> Site:
    """Three photos of two returns, sorted."""
    site = Site.make(folder)
    for seed, name in enumerate((FRONT, BACK, OTHER)):
        write_photo(site.incoming / name, seed=seed)
    assert site.nightsort("now").returncode == 0
    return site


def folders(site: Site) -> list[Path]:
    return [site.incoming, site.sorted, site.results, site.state]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return sorted_site(tmp_path / "site")


def test_a_return_is_forgotten_by_the_daemon_and_a_photo_without_one(site: Site) -> None:
    sha256 = hashlib.sha256(next(site.sorted.rglob(FRONT)).read_bytes()).hexdigest()
    with site.daemon():
        eventually(lambda: "service_started" in str(site.events()), within_s=DEADLINE_SECONDS)
        done = site.nightsort("forget", "RET-60521", "--yes", "--json")
    assert done.returncode == 0, done.stderr
    receipt = json.loads(done.stdout)
    assert receipt["forgotten"] == "return"
    assert sha256 in {one["sha256"] for one in receipt["photos"]}
    assert "60521" not in done.stdout
    assert traces(folders(site), FRONT, BACK, sha256, "60521") == []
    assert site.nightsort("find", "60521").returncode == 1
    done = site.nightsort("forget", OTHER, "--yes")
    assert done.returncode == 0, done.stderr
    assert "Forgotten: one photo" in done.stdout
    assert traces(folders(site), OTHER, "70007") == []
    assert site.nightsort("audit", "verify").returncode == 0


def test_a_backup_brings_it_back_only_without_the_list_which_is_told(site: Site) -> None:
    """As on a new machine, onto which the list was not copied along."""
    backup = site.nightsort("backup").stdout.strip()
    assert site.nightsort("forget", "RET-60521", "--yes").returncode == 0
    known = site.state / "forgotten.json"
    elsewhere = known.rename(site.folder / "old-machine.json")
    done = site.nightsort("restore", backup)
    assert "copy forgotten.json from its state_dir" in done.stderr
    assert site.nightsort("find", "60521").returncode == 0
    elsewhere.rename(known)
    done = site.nightsort("restore", backup)
    assert done.returncode == 0, done.stderr
    assert "forgotten.json" not in done.stderr
    assert site.nightsort("find", "60521").returncode == 1


def test_it_asks_and_refuses_what_is_not_exact(site: Site) -> None:
    refused = site.nightsort("forget", FRONT)
    assert refused.returncode == 1
    assert "nothing was forgotten" in refused.stderr
    write_photo(site.incoming / OTHER, seed=9)
    assert site.nightsort("now").returncode == 0
    refused = site.nightsort("forget", OTHER, "--yes")
    assert refused.returncode == 1
    assert "2 photos are called so" in refused.stderr
    assert "#" in refused.stderr
    assert len(list(site.sorted.rglob("return-70007*.jpg"))) == 2
    assert site.nightsort("forget", "nothing", "--yes").returncode == 1
    assert len(list(site.sorted.rglob(FRONT))) == 1


def test_a_daemon_that_is_killed_meanwhile_finishes_it_at_its_next_start(site: Site) -> None:
    kill = (
        "import os, signal\n"
        "from daemon.store.forgetting import Forgetting\n"
        "real = Forgetting.erase\n"
        "def erase(self, job):\n"
        "    real(self, job)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "Forgetting.erase = erase\n"
    )
    with site.daemon(kill) as process:
        eventually(lambda: "service_started" in str(site.events()), within_s=DEADLINE_SECONDS)
        assert site.nightsort("forget", "60521", "--yes").returncode == 1
        process.wait(DEADLINE_SECONDS)
    assert traces(folders(site), "60521") != []
    with site.daemon():
        eventually(lambda: "forgetting_done" in str(site.events()), within_s=DEADLINE_SECONDS)
    assert traces(folders(site), FRONT, BACK, "60521") == []


def test_the_chain_is_exported_verified_and_shows_a_change(site: Site) -> None:
    file = site.folder / "audit.csv"
    done = site.nightsort("audit", "export", str(file), "--json")
    assert done.returncode == 0, done.stderr
    head = json.loads(done.stdout)["head"]
    verified = site.nightsort("audit", "verify", str(file), "--json")
    assert json.loads(verified.stdout) == {
        "holds": True, "rows": 4, "forgotten": 0, "head": head, "bad_row": None, "why": "",
    }  # fmt: skip
    text = file.read_text("utf-8-sig")
    file.write_text(text.replace(OTHER, "return-70008.jpg", 1), "utf-8-sig")
    verified = site.nightsort("audit", "verify", str(file))
    assert verified.returncode == 1
    assert "was changed" in verified.stderr
    receipt = json.loads(site.nightsort("forget", OTHER, "--yes", "--json").stdout)
    (held,) = [one["where"] for one in receipt["remains"] if one["what"] == "export"]
    assert held.startswith(f"{file}, of 2")


def test_who_signs_in_to_the_page_is_in_the_chain_also_once_the_daemon_was_away(
    tmp_path: Path,
) -> None:
    page = Page.make(tmp_path / "web")
    page.add_user("Anna")
    page.add_key("shop")
    file = tmp_path / "audit.csv"

    def is_bound() -> bool:
        page.site.nightsort("audit", "export", str(file))
        return file.exists() and "sign_in" in file.read_text("utf-8-sig")

    with page.serving():
        with page.signed_in("Anna"):
            pass
        with page.site.daemon():
            eventually(is_bound, within_s=DEADLINE_SECONDS, every_s=1.0)
    text = file.read_text("utf-8-sig")
    assert "Anna" in text
    assert text.index("account_added") < text.index("key_made") < text.index("sign_in")
    assert page.site.nightsort("audit", "verify").returncode == 0
