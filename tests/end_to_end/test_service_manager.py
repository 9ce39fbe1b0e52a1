"""What the real daemon tells a service manager, and what signals make it do."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import time as time_of_day
from pathlib import Path

import pytest

from tests.support.bundles import change_card, copy_of_real_bundle, replace_model
from tests.support.manager import Manager
from tests.support.photos import drop_photos, write_photo
from tests.support.processes import Site, clean_environment, command
from tests.support.waiting import DEADLINE_SECONDS, eventually
from tests.support.zones import zone_where_it_is

WATCHDOG_SECONDS = 2.0
# A standstill is certain after this long without a ping.
SILENCE_SECONDS = 1.5 * WATCHDOG_SECONDS


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    with Manager.listening(tmp_path) as manager:
        yield manager


def site_with(tmp_path: Path, window: str, photos: int = 0) -> Site:
    """A site whose [window] is this, with photos in incoming."""
    site = Site.make(tmp_path / "site", settings=f"[window]\n{window}\n", mode="manual")
    rewrite_window(site, window)
    for number in range(photos):
        write_photo(site.incoming / f"shirt-{number}.jpg", seed=number)
    return site


def rewrite_window(site: Site, window: str) -> None:
    """Another [window] in the settings file."""
    file = site.folder / "nightsort.toml"
    above = file.read_text(encoding="utf-8").partition("[window]")[0]
    file.write_text(f"{above}[window]\n{window}\n[intake]\nsettle_seconds = 0.3\n", "utf-8")


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def is_logged(site: Site, event: str) -> bool:
    return any(line["event"] == event for line in site.events())


def pings_stop(manager: Manager) -> bool:
    """Whether no ping comes for longer than the watchdog waits, within the deadline."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        if manager.may_hear("WATCHDOG=1", SILENCE_SECONDS) is None:
            return True
    return False


def stands_still(site: Site, manager: Manager, why: str) -> bool:
    """Whether the log says, once, that this stands still, and the pings stop."""

    def told() -> list[str]:
        lines = [line for line in site.events() if line["event"] == "progress_stalled"]
        return [line["why"] for line in lines if why in line["why"]]

    def told_meanwhile() -> list[str]:
        manager.may_hear("WATCHDOG=1", 0.05)  # a service waits for a manager that does not listen
        return told()

    eventually(told_meanwhile, within_s=DEADLINE_SECONDS)
    return pings_stop(manager) and len(told()) == 1


# Start, status, stop


def test_the_manager_hears_ready_status_pings_and_stopping(
    tmp_path: Path, manager: Manager
) -> None:
    site = site_with(tmp_path, 'mode = "manual"', photos=2)
    with site.daemon(**manager.environment(WATCHDOG_SECONDS)) as daemon:
        manager.hears("READY=1")
        manager.hears("STATUS=waiting to be asked, 2 queued")
        manager.hears("WATCHDOG=1")
        manager.hears("WATCHDOG=1")
        daemon.send_signal(signal.SIGTERM)
        manager.hears("STOPPING=1")
        manager.hears("EXTEND_TIMEOUT_USEC=")
        assert daemon.wait(DEADLINE_SECONDS) == 0


def test_sigterm_in_mid_run_ends_within_five_seconds_and_leaves_everything_consistent(
    tmp_path: Path,
) -> None:
    # Promised on a machine that does nothing else: the tests beside this one may hold it up once.
    took = (ended_in_mid_run(tmp_path / f"try-{number}") for number in range(3))
    assert any(seconds < 5 for seconds in took)


def ended_in_mid_run(tmp_path: Path) -> float:
    """Seconds that a daemon takes to end when it is asked to in the middle of a run."""
    site = site_with(tmp_path, 'mode = "continuous"')
    # So many that the run lasts while this process waits for its turn on a busy machine.
    dropped = drop_photos(site.incoming, 400)
    photos = {hashlib.sha256(content).hexdigest() for content in dropped.values()}
    with site.daemon() as daemon:
        eventually(lambda: len(site.growing_rows()) > 3, within_s=DEADLINE_SECONDS, every_s=0.002)
        asked = time.monotonic()
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(DEADLINE_SECONDS) == 0
        took = time.monotonic() - asked
    rows = {row["sha256"]: row for row in site.rows()}
    left = {sha256(photo) for photo in site.photos("incoming")}
    assert left, "the run was over before it was asked to end"
    assert rows.keys() == photos - left
    assert {sha256(Path(row["filed_path"])) for row in rows.values()} == rows.keys()
    summary = json.loads((site.results / "summary_latest.json").read_text(encoding="utf-8"))
    assert (summary["total_processed"], summary["deferred"]) == (len(rows), len(left))
    assert site.nightsort("status").returncode == 3
    assert site.nightsort("now").returncode == 0
    assert not site.photos("incoming")
    assert {row["sha256"] for row in site.growing_rows()} == photos
    return took


def test_without_a_watchdog_nothing_is_fed(tmp_path: Path, manager: Manager) -> None:
    site = site_with(tmp_path, 'mode = "manual"')
    with site.daemon(**manager.environment()):
        manager.hears("STATUS=waiting to be asked, 0 queued")
    assert manager.may_hear("STOPPING=1", DEADLINE_SECONDS)
    assert not [line for line in manager.said if line.startswith("WATCHDOG")]


def test_ready_is_never_said_when_the_settings_are_wrong(tmp_path: Path, manager: Manager) -> None:
    site = site_with(tmp_path, 'mode = "nightly"')
    done = subprocess.run(
        command("--config", str(site.folder / "nightsort.toml"), "run"),
        env=clean_environment() | manager.environment(),
        capture_output=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert done.returncode == 78
    assert manager.may_hear("READY=1", 0.1) is None


def test_a_share_that_is_away_is_told_in_words_and_is_no_standstill(
    tmp_path: Path, manager: Manager
) -> None:
    site = site_with(tmp_path, 'mode = "manual"')
    with site.daemon(**manager.environment(WATCHDOG_SECONDS)):
        manager.hears("WATCHDOG=1")
        site.incoming.rename(tmp_path / "elsewhere")
        manager.hears("STATUS=share unavailable")
        for _ in range(4):
            manager.hears("WATCHDOG=1")
        (tmp_path / "elsewhere").rename(site.incoming)


# Standstill


def test_a_blocked_store_stops_the_pings_until_it_is_free(tmp_path: Path, manager: Manager) -> None:
    site = site_with(tmp_path, 'mode = "manual"')
    with site.daemon(**manager.environment(WATCHDOG_SECONDS)):
        manager.hears("WATCHDOG=1")
        manager.hears("WATCHDOG=1")  # the recovery at the start is over
        with closing(sqlite3.connect(site.state / "nightsort.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            eventually(lambda: is_logged(site, "progress_stalled"), within_s=DEADLINE_SECONDS)
            assert pings_stop(manager)
            other.execute("ROLLBACK")
        manager.hears("WATCHDOG=1")


def test_a_blocked_worker_stops_the_pings(tmp_path: Path, manager: Manager) -> None:
    site = site_with(tmp_path, 'mode = "continuous"', photos=1)
    hang = (
        "import time\nfrom daemon.sorting import workers\n"
        "workers.decode = lambda *_, **__: time.sleep(600)"
    )
    with site.daemon(hang, **manager.environment(WATCHDOG_SECONDS)) as daemon:
        manager.hears("STATUS=sorting")
        assert stands_still(site, manager, "worker")
        daemon.kill()  # what the manager does next


def test_a_dead_emitter_that_cannot_be_replaced_stops_the_pings(
    tmp_path: Path, manager: Manager
) -> None:
    site = site_with(tmp_path, 'mode = "manual"')
    # The thread that reads events ends as soon as it is there, and nothing heals that.
    die = (
        "from daemon.intake.events import Events\n"
        "from daemon.intake.event_source import EventSource\n"
        "start = Events.start\nEvents.start = lambda self: (start(self), self.stop())\n"
        "heal = EventSource.heal\n"
        "EventSource.heal = lambda self, now: self.events is None and heal(self, now)"
    )
    with site.daemon(die, **manager.environment(WATCHDOG_SECONDS)):
        manager.hears("READY=1")
        assert stands_still(site, manager, "hears")


def test_an_emitter_that_hangs_stops_the_pings(tmp_path: Path, manager: Manager) -> None:
    site = site_with(tmp_path, 'mode = "manual"')
    hang = (
        "import time\nfrom daemon.intake.events import Events\n"
        "Events._hear = lambda *_: time.sleep(600)"
    )
    with site.daemon(hang, **manager.environment(WATCHDOG_SECONDS)):
        manager.hears("READY=1")
        manager.hears("WATCHDOG=1")
        write_photo(site.incoming / "shirt.jpg", seed=1)
        assert stands_still(site, manager, "hears of new photos hangs")


def test_a_loop_that_hangs_stops_the_pings_and_is_seen_in_the_status(
    tmp_path: Path, manager: Manager
) -> None:
    site = site_with(tmp_path, 'mode = "continuous"', photos=1)
    hang = (
        "import time, daemon.health.status_document\nfrom daemon.sorting.sorter import Sorter\n"
        "daemon.health.status_document.SILENCE_SECONDS = 2\n"
        "Sorter.sort = lambda *_: time.sleep(600)"
    )
    with site.daemon(hang, **manager.environment(WATCHDOG_SECONDS)) as daemon:
        manager.hears("STATUS=hangs")
        assert stands_still(site, manager, "the sorting itself hangs")
        done = site.nightsort("status")
        assert done.returncode == 1
        assert "seems to hang" in done.stdout
        assert site.nightsort("lookout").returncode == 1
        daemon.kill()


def test_a_report_that_hangs_stops_the_pings_while_the_sorting_goes_on(
    tmp_path: Path, manager: Manager
) -> None:
    site = site_with(tmp_path, 'mode = "manual"', photos=1)
    hang = (
        "import time\nfrom daemon.reporting.reporter import Reporter\n"
        "Reporter.write = lambda *_, **__: time.sleep(600)"
    )
    with site.daemon(hang, **manager.environment(WATCHDOG_SECONDS)) as daemon:
        manager.hears("STATUS=waiting to be asked, 1 queued")
        daemon.send_signal(signal.SIGUSR1)
        manager.hears("STATUS=waiting to be asked, 0 queued")
        assert stands_still(site, manager, "writes reports hangs")
        daemon.kill()


# Reload


def test_a_reload_takes_a_new_window_and_the_queue_is_still_there(
    tmp_path: Path, manager: Manager
) -> None:
    site = site_with(tmp_path, 'mode = "manual"', photos=2)
    with site.daemon(**manager.environment()) as daemon:
        manager.hears("STATUS=waiting to be asked, 2 queued")
        rewrite_window(site, 'mode = "continuous"')
        daemon.send_signal(signal.SIGHUP)
        manager.hears("RELOADING=1")
        manager.hears("MONOTONIC_USEC=")
        manager.hears("READY=1")
        eventually(lambda: len(site.growing_rows()) == 2, within_s=DEADLINE_SECONDS)
    (reloaded,) = (line for line in site.events() if line["event"] == "settings_reloaded")
    assert (reloaded["taken"], reloaded["need_restart"]) == (["window.mode"], [])


def test_a_reload_takes_new_alert_settings(tmp_path: Path, manager: Manager) -> None:
    site = site_with(tmp_path, 'mode = "manual"')
    with site.daemon(**manager.environment()) as daemon:
        manager.hears("READY=1")
        rewrite_window(site, 'mode = "manual"\n[alerts]\nlow_confidence = 7\n')
        daemon.send_signal(signal.SIGHUP)
        manager.hears("READY=1")
    (reloaded,) = (line for line in site.events() if line["event"] == "settings_reloaded")
    assert (reloaded["taken"], reloaded["need_restart"]) == (["alerts.low_confidence"], [])


def test_what_cannot_change_under_way_is_told_to_need_a_restart(
    tmp_path: Path, manager: Manager
) -> None:
    site = site_with(tmp_path, 'mode = "manual"')
    with site.daemon(**manager.environment()) as daemon:
        manager.hears("READY=1")
        rewrite_window(site, 'mode = "manual"\n[batch]\nsize = 3\n')
        daemon.send_signal(signal.SIGHUP)
        manager.hears("READY=1")
    (reloaded,) = (line for line in site.events() if line["event"] == "settings_reloaded")
    assert (reloaded["level"], reloaded["need_restart"]) == ("warning", ["batch.size"])


def test_a_reload_takes_a_new_model_if_it_answers_as_it_should(
    tmp_path: Path, manager: Manager
) -> None:
    site = site_with(tmp_path, 'mode = "manual"', photos=1)
    new, broken = (copy_of_real_bundle(tmp_path / name) for name in ("new", "broken"))
    change_card(new, {"version": "2099.1"})
    replace_model(broken, (broken / "model.tflite").read_bytes()[:-1000])
    settings = site.folder / "nightsort.toml"
    plain = settings.read_text(encoding="utf-8")
    with site.daemon(**manager.environment()) as daemon:
        manager.hears("STATUS=waiting to be asked, 1 queued")
        for bundle, said in ((broken, "; the new model is not in use: "), (new, "1 queued")):
            settings.write_text(f'model_dir = "{bundle}"\n{plain}', encoding="utf-8")
            daemon.send_signal(signal.SIGHUP)
            assert said in manager.hears("STATUS=waiting to be asked, 1 queued")
        document = json.loads((site.state / "status.json").read_text(encoding="utf-8"))
        assert document["model"] == "fashion 2099.1"
        assert site.nightsort("now").returncode == 0
    summary = json.loads((site.results / "summary_latest.json").read_text(encoding="utf-8"))
    assert summary["model"] == "fashion 2099.1"
    (refused,) = (line for line in site.events() if line["event"] == "model_refused")
    assert refused["in_use"].startswith("fashion 2026")
    (changed,) = (line for line in site.events() if line["event"] == "model_changed")
    assert changed["model"] == "fashion 2099.1"


def test_wrong_new_settings_change_nothing_and_are_told_until_they_are_right(
    tmp_path: Path, manager: Manager
) -> None:
    site = site_with(tmp_path, 'mode = "manual"', photos=1)
    with site.daemon(**manager.environment()) as daemon:
        manager.hears("STATUS=waiting to be asked, 1 queued")
        rewrite_window(site, 'mode = "nightly"')
        daemon.send_signal(signal.SIGHUP)
        manager.hears("READY=1")
        said = manager.hears("STATUS=waiting to be asked, 1 queued; the new settings are not in")
        assert "window.mode" in said
        assert site.nightsort("now").returncode == 2  # the file is wrong for commands too
        rewrite_window(site, 'mode = "manual"')
        daemon.send_signal(signal.SIGHUP)
        assert manager.hears("STATUS=") == "STATUS=waiting to be asked, 1 queued"
    (refused,) = (line for line in site.events() if line["event"] == "settings_refused")
    assert refused["level"] == "error"


# Run now, and the window


def test_the_user_signal_starts_a_run(tmp_path: Path, manager: Manager) -> None:
    site = site_with(tmp_path, 'mode = "manual"', photos=2)
    with site.daemon(**manager.environment()) as daemon:
        manager.hears("STATUS=waiting to be asked, 2 queued")
        daemon.send_signal(signal.SIGUSR1)
        eventually(lambda: is_logged(site, "run_finished"), within_s=DEADLINE_SECONDS)
    assert len(site.rows()) == 2


def test_a_window_that_is_about_to_open_is_kept_to(tmp_path: Path, manager: Manager) -> None:
    site = site_with(tmp_path, 'mode = "window"\nstart = "02:00"\nend = "06:00"', photos=2)
    zone = zone_where_it_is(time_of_day(1, 59, 48), tmp_path)
    with site.daemon(**manager.environment(), **zone):
        manager.hears("STATUS=waiting for 02:00, 2 queued")
        assert site.growing_rows() == []
        eventually(lambda: is_logged(site, "run_finished"), within_s=DEADLINE_SECONDS)
    started, finished = (
        line for line in site.events() if line["event"] in ("run_started", "run_finished")
    )
    assert started["run"].endswith("_020000")
    assert finished["total_processed"] == 2
    (told,) = (line for line in site.events() if line["event"] == "forecast_made")
    assert told["opens"].split("T")[1].startswith("02:00:00")


def test_a_daemon_without_a_manager_says_nothing_to_anybody(tmp_path: Path) -> None:
    site = site_with(tmp_path, 'mode = "manual"')
    with site.daemon(NOTIFY_SOCKET=str(tmp_path / "nobody")) as daemon:
        eventually(lambda: site.nightsort("status").returncode == 0, within_s=DEADLINE_SECONDS)
        os.kill(daemon.pid, signal.SIGTERM)
        assert daemon.wait(DEADLINE_SECONDS) == 0


def test_what_ends_it_at_the_start_is_an_event_where_stderr_is_the_journal(tmp_path: Path) -> None:
    site = site_with(tmp_path, 'mode = "nightly"')
    with (tmp_path / "journal").open("w+b") as journal:
        about = os.fstat(journal.fileno())
        done = subprocess.run(
            command("--config", str(site.folder / "nightsort.toml"), "run"),
            env=clean_environment() | {"JOURNAL_STREAM": f"{about.st_dev}:{about.st_ino}"},
            stdout=journal,
            stderr=journal,
            timeout=DEADLINE_SECONDS,
            check=False,
        )
        journal.seek(0)
        (line,) = journal.read().decode().splitlines()
    assert done.returncode == 78
    assert line.startswith("<2>")
    event = json.loads(line.removeprefix("<2>"))
    assert event["event"] == "command_failed"
    assert "window.mode" in event["why"]
