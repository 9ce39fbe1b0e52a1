"""The mirror with the real command and a real PostgreSQL: outages, kills, sorting beside them."""

from __future__ import annotations

import json
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.photos import write_photo
from tests.support.postgres import Cluster, cluster
from tests.support.processes import Site
from tests.support.waiting import DEADLINE_SECONDS, eventually

pytestmark = [pytest.mark.servers, pytest.mark.timeout(200)]
SECRET = "swordfish"


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


@pytest.fixture
def site(tmp_path: Path, server: Cluster) -> Site:
    address = server.new_database("mirror")
    text = f'[mirror]\nstation = "berlin"\npostgres = "{address} password={SECRET}"\n'
    return Site.make(tmp_path, settings=text)


def drop(site: Site, *numbers: int) -> None:
    for number in numbers:
        write_photo(site.incoming / f"return-60{number:03}_front.jpg", seed=number)


def status(site: Site) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(site.nightsort("mirror", "status", "--json").stdout)
    return answer


def mirrored(server: Cluster) -> set[str]:
    return {name for (name,) in server.ask("mirror", "SELECT filename FROM nightsort.photos")}


def filed(site: Site) -> set[str]:
    return {row["filename"] for row in site.growing_rows()}


def wait_until_equal(site: Site, server: Cluster, photos: int) -> None:
    eventually(lambda: status(site)["state"] == "equal", every_s=0.2)
    assert mirrored(server) == filed(site)
    assert server.ask("mirror", "SELECT count(*) FROM predict") == [(photos,)]


def test_without_a_mirror_the_commands_say_so(tmp_path: Path) -> None:
    site = Site.make(tmp_path)
    drop(site, 1)
    assert site.nightsort("now").returncode == 0
    done = site.nightsort("mirror", "status")
    assert (done.returncode, status(site)["state"]) == (0, "off")
    refused = site.nightsort("mirror", "fill")
    assert refused.returncode == 1
    assert "set [mirror] station" in refused.stderr


def test_what_was_there_before_is_filled_without_a_daemon(site: Site, server: Cluster) -> None:
    drop(site, 1, 2)
    assert site.nightsort("now").returncode == 0
    assert status(site)["state"] == "not begun"
    done = site.nightsort("mirror", "fill", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"] >= 3
    wait_until_equal(site, server, 2)
    said = site.nightsort("mirror", "status")
    assert "Station berlin: all " in said.stdout
    assert "nightsort is not running" in said.stderr


def test_sorting_goes_on_while_the_database_is_away_and_what_waits_follows(
    site: Site, server: Cluster
) -> None:
    with site.daemon():
        eventually(lambda: site.nightsort("status").returncode == 0, every_s=0.2)
        drop(site, 1)
        assert site.nightsort("now").returncode == 0
        wait_until_equal(site, server, 1)
        server.stop()
        drop(site, 2, 3)
        assert site.nightsort("now").returncode == 0
        assert len(filed(site)) == 3
        eventually(lambda: status(site)["state"] == "behind", every_s=0.2)
        failed = site.nightsort("mirror", "status")
        assert failed.returncode == 1
        assert "as each attempt fails: PostgreSQL: " in failed.stdout
        assert site.nightsort("status").returncode == 0
        server.start()
        wait_until_equal(site, server, 3)
        asked = site.nightsort("mirror", "fill")
        assert "The daemon copies everything now" in asked.stderr
        wait_until_equal(site, server, 3)
    kinds = [event["event"] for event in site.events() if event["event"].startswith("mirror_")]
    whys = [event["why"] for event in site.events() if event["event"] == "mirror_interrupted"]
    assert len(whys) == len({*whys}) <= 5  # the loss, that it is not there, that it starts
    assert "mirror_resumed" in kinds
    assert "mirror_filled" in kinds
    assert SECRET not in (site.folder / "daemon.log").read_text()


def test_a_daemon_killed_while_it_copies_goes_on_where_it_was(site: Site, server: Cluster) -> None:
    drop(site, *range(1, 9))
    assert site.nightsort("now").returncode == 0
    for _ in range(2):
        with site.daemon() as process:
            eventually((site.state / "status.json").exists)
            process.send_signal(signal.SIGKILL)
            process.wait(DEADLINE_SECONDS)
    with site.daemon():
        wait_until_equal(site, server, 8)


def test_a_server_that_takes_the_call_and_says_nothing_holds_nothing_up(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"postgresql://box@127.0.0.1:{silent.getsockname()[1]}/returns"
        settings = f'[mirror]\nstation = "berlin"\npostgres = "{address}"\n'
        site = Site.make(tmp_path, settings=settings)
        with site.daemon() as process:
            eventually(lambda: site.nightsort("status").returncode == 0, every_s=0.2)
            drop(site, 1)
            assert site.nightsort("now").returncode == 0
            assert len(filed(site)) == 1
            eventually(lambda: status(site)["state"] == "behind", every_s=0.2)
            assert "timeout" in status(site)["why"]
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert process.wait(DEADLINE_SECONDS) == 0
            assert time.monotonic() - began < 30  # systemd would wait for 60


def test_a_box_without_psycopg_sorts_and_says_what_is_missing(site: Site) -> None:
    without = (
        "import importlib.util as util\n"
        "found = util.find_spec\n"
        "util.find_spec = lambda name, *more: None if name == 'psycopg' else found(name, *more)"
    )
    with site.daemon(without):
        eventually(lambda: site.nightsort("status").returncode == 0, every_s=0.2)
        eventually(lambda: status(site)["state"] == "behind", every_s=0.2)
        why = status(site)["why"]
        assert "is not installed" in why
        assert 'pip install "psycopg[binary]' in why
        drop(site, 1)
        assert site.nightsort("now").returncode == 0
    assert len(filed(site)) == 1


def test_the_script_for_administrators_makes_all_of_it(server: Cluster) -> None:
    address = server.new_database("scripted")
    printed = Site(Path("/nonexistent")).nightsort("mirror", "schema")
    server.run("psql", "-d", address, "-q", "-v", "ON_ERROR_STOP=1", "-c", printed.stdout)
    assert server.ask("scripted", "SELECT count(*) FROM predict") == [(0,)]
    server.ask("postgres", "DROP DATABASE scripted")
    for role in ("nightsort_station", "nightsort_reader", "nightsort_promoter"):
        server.ask("postgres", f"DROP ROLE {role}")
