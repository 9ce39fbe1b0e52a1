"""What the doctor finds, with the real command on real folders."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from config.settings import load
from daemon.folders.locks import hold
from daemon.health.doctor.checks import of_drop_in
from daemon.health.doctor.findings import Level
from daemon.health.units import on_this_machine
from tests.support.disks import mounted
from tests.support.photos import write_photo
from tests.support.processes import Site
from tests.support.rights import like_an_ordinary_user, mounted_tmpfs
from tests.support.samba import mounted as share_mounted
from tests.support.samba import samba
from tests.support.waiting import eventually
from tests.support.web_hook import WebHook, listening


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site.make(tmp_path / "site")
    for folder in (site.sorted, site.results):
        folder.mkdir()
    return site


def findings(site: Site, *options: str, code: int) -> dict[str, list[str]]:
    """What it says, by how the check ended; each wrong thing and advice has its remedy."""
    done = site.nightsort("doctor", *options)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    found: dict[str, list[str]] = {"ok": [], "advice": [], "wrong": []}
    for level, text in re.findall(r"(?m)^(ok|advice|wrong) +(.*(?:\n +→.*)?)", done.stdout):
        found[level].append(text)
    assert all("→" in text for text in found["advice"] + found["wrong"])
    return found


def test_a_machine_that_is_well_is_told_so_before_the_first_start(site: Site) -> None:
    found = findings(site, code=0)
    said = "\n".join(found["ok"])
    assert "watch mode: native fits" in said
    assert "an event of another process arrived" in said
    assert "renames without replacing" in said
    assert "passes its self-test on 4 drawn pictures" in said
    assert "threads: one for each worker: OpenBLAS" in said
    assert any("daemon: is not running" in text for text in found["advice"])
    assert any("nobody would be told" in text for text in found["advice"])


def test_beside_a_running_daemon_it_disturbs_nothing_and_leaves_nothing(site: Site) -> None:
    with site.daemon():
        eventually(lambda: site.nightsort("status").returncode == 0)
        found = findings(site, code=0)
        assert any(text.startswith("daemon: waiting") for text in found["ok"])
    assert not [line for line in site.events() if line["level"] in ("warning", "error", "critical")]
    left = [path.name for folder in (site.incoming, site.sorted, site.results)
            for path in folder.iterdir()]  # fmt: skip
    assert set(left) == {".nightsort"}


def test_return_ids_of_the_newest_run_are_judged(site: Site) -> None:
    for number in range(6):
        write_photo(site.incoming / f"DSC_{number:04d}.jpg", seed=number)
    assert site.nightsort("now").returncode == 0
    (text,) = [text for text in findings(site, code=0)["advice"] if text.startswith("returns:")]
    assert "6 of 6 photos name no return, such as DSC_0000.jpg" in text
    assert "return-60521_front.jpg, or set [returns] pattern" in text


def test_a_daemon_that_is_starting_is_not_wrong(site: Site) -> None:
    with hold(site.state):  # which is the first that a daemon does
        found = findings(site, code=0)
    assert any(text.startswith("daemon: is starting") for text in found["advice"])


def test_a_missing_folder_is_wrong(site: Site) -> None:
    site.sorted.rmdir()
    (text,) = findings(site, code=1)["wrong"]
    assert "sorted" in text
    assert "cannot be entered: No such file" in text


def test_a_folder_that_a_link_leads_into_another_is_wrong_and_sorts_nothing(site: Site) -> None:
    site.sorted.rmdir()
    (site.incoming / "sorted").mkdir()
    site.sorted.symlink_to(site.incoming / "sorted")
    (text,) = findings(site, code=1)["wrong"]
    assert text.startswith(f"sorted_dir: {site.incoming / 'sorted'} lies, by way of a link, in inc")
    done = site.nightsort("now")
    assert done.returncode == 2
    assert "by way of a link" in done.stderr


def test_a_damaged_database_is_wrong(site: Site) -> None:
    site.state.mkdir()
    (site.state / "nightsort.db").write_bytes(b"no database at all " * 1000)
    (text,) = findings(site, code=1)["wrong"]
    assert "database" in text


def test_a_database_that_another_program_holds_is_advice(site: Site) -> None:
    assert site.nightsort("now").returncode == 0
    with closing(sqlite3.connect(site.state / "nightsort.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        found = findings(site, code=0)
    assert any("database: is held by another program" in text for text in found["advice"])


def test_a_database_on_a_network_share_is_wrong(site: Site, tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    with mounted("bindfs", tmp_path / "far") as far:
        set_key(site, f'state_dir = "{far}"')
        (text,) = findings(site, code=1)["wrong"]
    assert text.startswith("state_dir: lies on fuse")


def test_polling_fits_a_share_and_native_set_by_hand_is_wrong(site: Site, tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    with mounted("bindfs", tmp_path / "far") as far:
        set_key(site, f'incoming_dir = "{far}"')
        said = findings(site, code=0)["ok"]
        assert any(text.startswith("watch mode: polling fits: ") for text in said)
        assert any("by copying and comparing" in text for text in said)
        with (site.folder / "nightsort.toml").open("a") as file:
            file.write('observer = "native"\n')
        (text,) = findings(site, code=1)["wrong"]
    assert "native is set, but polling fits" in text


@pytest.mark.servers
def test_a_share_that_hangs_is_wrong_and_hangs_the_doctor_not(site: Site, tmp_path: Path) -> None:
    (tmp_path / "nas").mkdir()
    with (
        samba(tmp_path / "nas", tmp_path / "samba") as server,
        share_mounted(server, site.incoming, tmp_path / "rclone") as share,
    ):
        share.hang()
        try:
            (text,) = findings(site, code=1)["wrong"]
        finally:
            share.go_on()
    assert f"{site.incoming} does not answer" in text


def test_folders_that_may_not_be_written_are_told_apart(site: Site) -> None:
    site.incoming.chmod(0o555)
    site.results.chmod(0o555)
    with like_an_ordinary_user():
        found = findings(site, code=1)
    assert [text.partition(" ")[0] for text in found["wrong"]] == ["results_dir:"]
    assert any(text.startswith("incoming_dir: ") for text in found["advice"])


def test_too_little_space_is_wrong(site: Site) -> None:
    with (site.folder / "nightsort.toml").open("a") as file:
        file.write("[filing]\nmin_free_mb = 900000000\n")
    (text,) = findings(site, code=1)["wrong"]
    assert "too little to file anything" in text


def test_a_unit_that_may_not_write_to_a_folder_of_the_settings_is_wrong(site: Site) -> None:
    settings = load(site.folder / "nightsort.toml")
    drop_in = site.folder / "folders.conf"
    assert of_drop_in(settings, drop_in).level is Level.WRONG
    drop_in.write_text(on_this_machine(settings), encoding="utf-8")
    assert of_drop_in(settings, drop_in).level is Level.OK
    set_key(site, 'results_dir = "/srv/elsewhere"')
    found = of_drop_in(load(site.folder / "nightsort.toml"), drop_in)
    assert found.level is Level.WRONG
    assert "/srv" in found.text
    assert "nightsort unit --write" in found.remedy


def set_key(site: Site, line: str) -> None:
    """Another value for a key that stands in the settings file."""
    file = site.folder / "nightsort.toml"
    key = line.partition(" ")[0]
    file.write_text(re.sub(rf"(?m)^{key} = .*$", lambda _: line, file.read_text()))


def test_a_model_that_is_missing_is_wrong(site: Site) -> None:
    file = site.folder / "nightsort.toml"
    file.write_text('model_dir = "nowhere"\n' + file.read_text())
    (text,) = findings(site, code=1)["wrong"]
    assert text.startswith("model: ")


def test_settings_that_are_wrong_are_told_as_by_every_command(site: Site) -> None:
    with (site.folder / "nightsort.toml").open("a") as file:
        file.write("colour = 1\n")
    assert site.nightsort("doctor").returncode == 2


def test_sending_sends_to_every_target(site: Site) -> None:
    with listening(WebHook()) as hook:
        with (site.folder / "nightsort.toml").open("a") as file:
            file.write(f"""
                [[alerts.targets]]
                url = "json://127.0.0.1:{hook.port}"
                severities = ["info", "critical"]
                [[alerts.targets]]
                url = "nonsense://x"
                name = "the old pager"
            """)
        found = findings(site, "--send", code=1)
    assert [body["title"] for body in hook.bodies] == ["test"]
    assert any(re.match(r"json [0-9a-f]{6}: delivered", text) for text in found["ok"])
    (advice,) = (text for text in found["wrong"] if text.startswith("alerts: the old pager"))
    assert "Apprise does not understand its URL" in advice
    assert any(text.startswith("the old pager: Apprise") for text in found["wrong"])


def test_a_deliberate_change_of_a_folder_is_accepted_with_adopt(site: Site) -> None:
    assert site.nightsort("now").returncode == 0
    with mounted_tmpfs(site.sorted):
        assert site.nightsort("now").returncode == 1
        findings(site, "--adopt", code=0)
        assert site.nightsort("now").returncode == 0


def test_adopting_beside_the_daemon_makes_it_go_on(site: Site) -> None:
    with site.daemon():
        eventually(lambda: site.nightsort("status").returncode == 0)
        with mounted_tmpfs(site.sorted):
            eventually(lambda: site.nightsort("status").returncode == 1)
            findings(site, "--adopt", code=1)  # its status still says what was wrong a moment ago
            eventually(lambda: site.nightsort("status").returncode == 0)
