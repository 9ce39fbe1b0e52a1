"""Commands that the tests fork are to them what commands are that a Python is started for."""

from __future__ import annotations

import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support import forks
from tests.support.processes import Site, clean_environment, command
from tests.support.rights import like_an_ordinary_user
from tests.support.waiting import DEADLINE_SECONDS, eventually


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site.make(tmp_path)


@pytest.mark.parametrize(
    "arguments", [["--version"], ["status"], ["bogus"], ["history", "--json"], ["web", "user"]]
)
def test_it_says_the_same_and_ends_with_the_same_code(site: Site, arguments: list[str]) -> None:
    forked = site.nightsort(*arguments)
    started = subprocess.run(
        command(*site.asking(*arguments)), capture_output=True, text=True, check=False,
        env=clean_environment(), timeout=DEADLINE_SECONDS,
    )  # fmt: skip
    assert (forked.stdout, forked.stderr) == (started.stdout, started.stderr)
    assert forked.returncode == started.returncode


def test_it_has_folder_variables_and_umask_of_whoever_asks(tmp_path: Path) -> None:
    os.umask(0o027)
    (tmp_path / "here.toml").write_text("[window]\nstart = 5\n", "utf-8")
    variables = clean_environment() | {"NIGHTSORT_CONFIG": "here.toml"}
    asked = forks.start(
        ["status"], variables, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    said, complained = asked.communicate(timeout=DEADLINE_SECONDS)
    assert (said, asked.returncode) == ("", 2)
    assert "here.toml" in complained
    site = Site.make(tmp_path / "site")
    assert site.nightsort("web", "key", "add", "shop", "--role", "reader").returncode == 0
    written = [file for file in site.state.rglob("*") if file.is_file()]
    assert written
    assert not any(file.stat().st_mode & 0o007 for file in written)


def test_what_it_is_told_is_on_its_standard_input(site: Site) -> None:
    add = ["web", "user", "add", "rita", "--role", "reader", "--password-stdin"]
    told = forks.run(
        site.asking(*add), clean_environment(), DEADLINE_SECONDS, "correct horse battery"
    )
    assert told.returncode == 0, told.stderr
    assert "rita" in site.nightsort("web", "user", "list").stdout


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_signal_reaches_it_alone(site: Site, ending: signal.Signals) -> None:
    with site.daemon() as daemon:
        eventually(lambda: site.nightsort("status").returncode == 0)
        daemon.send_signal(ending)
        assert daemon.wait(DEADLINE_SECONDS) == (-9 if ending == signal.SIGKILL else 0)
    assert site.nightsort("--version").returncode == 0


def test_many_at_a_time_get_each_its_own_answer(site: Site) -> None:
    names = [f"shop{number}" for number in range(6)]
    for name in names:
        site.nightsort("web", "key", "add", name, "--role", "reader")
    with ThreadPoolExecutor() as pool:
        done = [pool.submit(site.nightsort, "web", "key", "revoke", name) for name in names]
    assert [one.result().returncode for one in done] == [0] * 6
    listed = site.nightsort("web", "key", "list").stdout
    assert sorted(line.split()[0] for line in listed.splitlines() if "revoked" in line) == names


def test_who_has_given_up_rights_gives_none_to_what_is_started(site: Site) -> None:
    assert site.nightsort("--version").returncode == 0  # a stem is there
    with like_an_ordinary_user():
        process = forks.start(["--version"], clean_environment(), stdout=subprocess.DEVNULL)
    assert (process.wait(DEADLINE_SECONDS), isinstance(process, forks.Fork)) == (0, False)


def test_what_decides_how_a_python_starts_has_one_started(site: Site) -> None:
    silent = clean_environment() | {"PYTHONDONTWRITEBYTECODE": "1"}
    asked = forks.start(["--version"], silent, stdout=subprocess.DEVNULL)
    assert (asked.wait(DEADLINE_SECONDS), isinstance(asked, forks.Fork)) == (0, False)
