"""The real daemon and the real targets: what happens reaches people, once, whatever fails."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.support.photos import write_photo
from tests.support.processes import Site
from tests.support.waiting import eventually
from tests.support.web_hook import WebHook, black_hole, listening

ALL = '["info", "warning", "error", "critical"]'
WITHIN_S = 120.0


def site_telling(folder: Path, *targets: str, mode: str = "manual") -> Site:
    """An instance that tells these targets, given as TOML tables."""
    return Site.make(folder, mode, f"[alerts]\ntargets = [{', '.join(targets)}]\n")


def hook_at(port: int, severities: str = ALL, secret: str = "") -> str:
    path = f"/{secret}" if secret else ""
    return f'{{ url = "json://127.0.0.1:{port}{path}", severities = {severities} }}'


def rules(hook: WebHook) -> list[str]:
    return [body["title"] for body in hook.bodies]


def ask_for_run(site: Site) -> None:
    done = site.nightsort("now", "--json")
    assert done.returncode == 0, done.stderr


def drop_bad(site: Site, count: int, name: str = "bad") -> None:
    for number in range(count):
        (site.incoming / f"{name}{number}.jpg").write_text(f"{name} {number}")


def history(site: Site) -> list[dict[str, Any]]:
    alerts: list[dict[str, Any]] = json.loads(site.nightsort("alerts", "list", "--json").stdout)[
        "alerts"
    ]
    return alerts


def test_forty_bad_photos_are_one_alert_also_for_the_run_after(tmp_path: Path) -> None:
    with listening(WebHook()) as hook:
        site = site_telling(tmp_path / "site", hook_at(hook.port))
        drop_bad(site, 40)
        ask_for_run(site)
        assert sorted(rules(hook)) == ["high_error_rate", "run_finished"]
        drop_bad(site, 40, "worse")
        ask_for_run(site)
        assert sorted(rules(hook)) == ["high_error_rate", "run_finished", "run_finished"]
    assert [(one["rule"], one["resolved"] is None) for one in history(site)] == [
        ("run_finished", False),
        ("run_finished", False),
        ("high_error_rate", True),
    ]


def test_what_was_told_is_listed_and_can_be_acknowledged(tmp_path: Path) -> None:
    with listening(WebHook()) as hook:
        site = site_telling(tmp_path / "site", hook_at(hook.port))
        drop_bad(site, 12)
        ask_for_run(site)
    listed = site.nightsort("alerts", "list").stdout
    assert "high_error_rate" in listed
    assert "lasts, day 1" in listed
    assert "1 of 1" in listed
    (lasting,) = [one for one in history(site) if one["resolved"] is None]
    assert site.nightsort("alerts", "ack", str(lasting["id"])).returncode == 0
    assert "known to" in site.nightsort("alerts", "list").stdout
    unknown = site.nightsort("alerts", "ack", "99")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert unknown.stderr == "nightsort: there is no alert 99; see: nightsort alerts list\n"


def test_an_endpoint_that_was_down_gets_what_it_missed_when_it_is_up_once(tmp_path: Path) -> None:
    with listening(WebHook(status=503)) as hook:
        site = site_telling(tmp_path / "site", hook_at(hook.port))
        mark = f"OF_THE_TEST={tmp_path}"
        with site.daemon(OF_THE_TEST=str(tmp_path)) as daemon:
            running(site)
            drop_bad(site, 12)
            ask_for_run(site)
            eventually(lambda: hook.bodies, within_s=WITHIN_S)
            daemon.kill()  # what waits survives
        # What it was just sending goes on: that process is not killed with it.
        eventually(lambda: not any_process_with(mark), within_s=WITHIN_S)
        refused = len(hook.bodies)
        hook.status = 200
        with site.daemon():
            eventually(lambda: len(hook.bodies) >= refused + 2, within_s=WITHIN_S)
            eventually(lambda: alerts_of(site)["undelivered"] == 0, within_s=WITHIN_S)
        assert sorted(rules(hook)[refused:]) == ["high_error_rate", "run_finished"]
    ways = [way for one in history(site) for alert in one["alerts"] for way in alert["deliveries"]]
    assert {way["state"] for way in ways} == {"delivered"}


def any_process_with(variable: str) -> bool:
    """Whether a process has this in its environment."""
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # it has just ended, or is somebody else's
            if variable.encode() in environment.read_bytes().split(b"\0"):
                return True
    return False


def running(site: Site) -> None:
    """Wait until the daemon has its folders and says how it is."""

    def is_at_work() -> bool:
        state = json.loads(site.nightsort("status", "--json").stdout)["state"]
        return state not in ("not running", "starting")

    eventually(is_at_work, within_s=WITHIN_S, every_s=0.3)


def alerts_of(site: Site) -> dict[str, Any]:
    alerts: dict[str, Any] = json.loads((site.state / "status.json").read_text())["alerts"]
    return alerts


@contextmanager
def taking_without_answer() -> Iterator[tuple[int, list[str]]]:
    """An endpoint that takes an alert, and says nothing until the end of the block."""
    keys: list[str] = []
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            keys.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            over.wait(WITHIN_S)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="taking", daemon=True).start()
    try:
        yield server.server_port, keys
    finally:
        over.set()
        server.shutdown()
        server.server_close()


def test_killed_between_sending_and_recording_it_is_sent_once_more_with_the_same_key(
    tmp_path: Path,
) -> None:
    with taking_without_answer() as (port, taken):
        site = site_telling(tmp_path / "site", hook_at(port, '["error"]'))
        with site.daemon() as daemon:
            running(site)
            drop_bad(site, 12)
            ask_for_run(site)
            eventually(lambda: taken, within_s=WITHIN_S)
            daemon.kill()
            daemon.wait()
        first = [*taken]
    with listening(WebHook(port=port)) as hook:
        with site.daemon():
            eventually(lambda: hook.bodies, within_s=WITHIN_S)
            eventually(lambda: alerts_of(site)["delivered"] == 1, within_s=WITHIN_S)
        assert len(first) == len(hook.bodies) == 1
        assert key_in(json.loads(first[0])) == key_in(hook.bodies[0])


def key_in(body: dict[str, Any]) -> str:
    key: str = body["nightsort"]["key"] if "nightsort" in body else body["key"]
    return key


def test_a_black_hole_delays_neither_the_others_nor_the_end(tmp_path: Path) -> None:
    with black_hole() as hole, listening(WebHook()) as hook:
        site = site_telling(tmp_path / "site", hook_at(hole), hook_at(hook.port))
        with site.daemon() as daemon:
            running(site)
            drop_bad(site, 12)
            ask_for_run(site)
            eventually(lambda: len(hook.bodies) == 2, within_s=WITHIN_S)
            waiting = [event for event in site.events() if event["event"] == "alert_not_delivered"]
            assert waiting == []  # the black hole has not even been given up yet
            daemon.send_signal(signal.SIGTERM)
            asked_at = time.monotonic()
            daemon.wait(WITHIN_S)
            seconds_to_end = time.monotonic() - asked_at
        assert daemon.returncode == 0
        assert seconds_to_end < 25  # not the minute that the black hole would take
        assert sorted(rules(hook)) == ["high_error_rate", "run_finished"]


def test_new_targets_are_told_after_a_reload_and_secrets_are_nowhere_to_be_read(
    tmp_path: Path,
) -> None:
    secret = "tok3n-which-nobody-may-read"
    with listening(WebHook()) as hook:
        site = site_telling(tmp_path / "site")
        with site.daemon() as daemon:
            running(site)
            settings = site.folder / "nightsort.toml"
            told = f"targets = [{hook_at(hook.port, secret=secret)}, {hook_at(9, secret=secret)}]"
            settings.write_text(settings.read_text().replace("targets = []", told))
            daemon.send_signal(signal.SIGHUP)
            eventually(
                lambda: any(event["event"] == "settings_reloaded" for event in site.events()),
                within_s=WITHIN_S,
            )
            drop_bad(site, 12)
            ask_for_run(site)
            eventually(lambda: len(hook.bodies) == 2, within_s=WITHIN_S)
            eventually(
                lambda: any(event["event"] == "alert_not_delivered" for event in site.events()),
                within_s=WITHIN_S,
            )
            status = site.nightsort("status", "--json").stdout
            assert json.loads(status)["alerts"]["targets"] == 2
        listed = site.nightsort("alerts", "list", "--json").stdout
        assert "connection" in listed.lower() or "refused" in listed.lower()
        written = [path.read_bytes() for path in site.state.iterdir() if path.is_file()]
        log = (site.folder / "daemon.log").read_bytes()
        assert all(secret.encode() not in text for text in (*written, log, status.encode()))
        assert secret not in listed


def test_now_tries_the_outbox_once_and_does_not_wait_for_a_black_hole(tmp_path: Path) -> None:
    with black_hole() as hole:
        site = site_telling(tmp_path / "site", hook_at(hole))
        write_photo(site.incoming / "shirt.jpg", seed=1)
        ask_for_run(site)
    (finished,) = history(site)
    ((way,),) = [alert["deliveries"] for alert in finished["alerts"]]
    assert way["state"] == "waiting"


def test_a_bad_model_is_told_though_the_daemon_never_starts(tmp_path: Path) -> None:
    with listening(WebHook()) as hook:
        site = site_telling(tmp_path / "site", hook_at(hook.port))
        settings = site.folder / "nightsort.toml"
        good = settings.read_text()
        settings.write_text('model_dir = "nowhere"\n' + good)
        for _ in range(2):  # a person tries again
            assert site.nightsort("run").returncode == 78
        assert look_out(site).returncode == 1  # and has nothing to add
        assert rules(hook) == ["model_failed"]
        settings.write_text(good)
        ask_for_run(site)
        assert rules(hook) == ["model_failed", "model_failed"]
        assert hook.bodies[-1]["type"] == "success"


def test_a_share_that_goes_away_and_comes_back_is_told_by_the_daemon(tmp_path: Path) -> None:
    with listening(WebHook()) as hook:
        site = site_telling(tmp_path / "site", hook_at(hook.port))
        with (site.folder / "nightsort.toml").open("a") as settings:
            settings.write("share_minutes = 0\n")
        with site.daemon():
            running(site)
            away = site.results.rename(site.results.with_name("away"))
            eventually(lambda: hook.bodies, within_s=WITHIN_S)
            away.rename(site.results)
            eventually(lambda: len(hook.bodies) == 2, within_s=WITHIN_S)
    assert rules(hook) == ["share_unavailable", "share_unavailable"]
    assert [body["type"] for body in hook.bodies] == ["failure", "success"]


def test_a_disk_that_is_nearly_full_is_told_by_the_real_status(tmp_path: Path) -> None:
    with listening(WebHook()) as hook:
        site = site_telling(tmp_path / "site", hook_at(hook.port))
        with (site.folder / "nightsort.toml").open("a") as settings:
            settings.write("low_disk_gb = 1_000_000_000\n")
        ask_for_run(site)
        assert rules(hook) == ["low_disk"]
        assert hook.bodies[0]["facts"]["disks"].keys() == {"sorted", "state"}


def test_nothing_is_made_by_acknowledging_what_is_not_there(tmp_path: Path) -> None:
    site = site_telling(tmp_path / "site")
    done = site.nightsort("alerts", "ack", "1")
    assert done.returncode == 1
    assert "there is no history yet" in done.stderr
    assert not (site.state / "nightsort.db").exists()


# --- the dead daemon -----------------------------------------------------------------------------


def look_out(site: Site, result: str | None = "exit-code") -> subprocess.CompletedProcess[str]:
    """As systemd does when the unit has failed."""
    environment = {} if result is None else {"MONITOR_SERVICE_RESULT": result}
    process = site.start("lookout", extra_environment=environment)
    out, err = process.communicate(timeout=WITHIN_S)
    assert "unexpected" not in err, err
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def test_a_dead_daemon_is_told_once_and_that_it_lives_again(tmp_path: Path) -> None:
    with listening(WebHook()) as hook:
        site = site_telling(tmp_path / "site", hook_at(hook.port))
        with site.daemon() as daemon:
            running(site)
            daemon.kill()
        for _ in range(3):
            assert look_out(site).returncode == 1
        assert rules(hook) == ["service_silent"]
        with site.daemon():
            eventually(lambda: len(hook.bodies) == 2, within_s=WITHIN_S)
        assert hook.bodies[1]["title"] == "service_silent"
        assert hook.bodies[1]["type"] == "success"


def test_a_dead_daemon_is_told_once_also_with_its_database_locked_or_damaged(
    tmp_path: Path,
) -> None:
    with listening(WebHook()) as hook:
        site = site_telling(tmp_path / "site", hook_at(hook.port))
        ask_for_run(site)
        with closing(sqlite3.connect(site.state / "nightsort.db", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            for _ in range(2):
                assert look_out(site).returncode == 1
        assert rules(hook) == ["service_silent"]
        assert "service_silent, critical, raised" in site.nightsort("alerts", "list").stdout
        (site.state / "nightsort.db").write_bytes(b"no database at all" * 1000)
        assert look_out(site).returncode == 1
        assert rules(hook) == ["service_silent"]
    listed = site.nightsort("alerts", "list", "--json")
    assert listed.returncode != 0
    assert "damaged" in listed.stderr
    answer = json.loads(listed.stdout)
    assert answer["alerts"] is None
    assert [(one["rule"], one["day"]) for one in answer["noted"]] == [("service_silent", 1)]


def test_what_the_lookout_could_not_deliver_it_tries_again(tmp_path: Path) -> None:
    with listening(WebHook(status=503)) as hook:
        site = site_telling(tmp_path / "site", hook_at(hook.port))
        ask_for_run(site)
        with closing(sqlite3.connect(site.state / "nightsort.db", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            look_out(site)
            hook.status = 200
            look_out(site)
            look_out(site)
        assert rules(hook) == ["service_silent", "service_silent"]


def test_a_service_that_does_not_start_as_its_settings_are_wrong_is_told(tmp_path: Path) -> None:
    with listening(WebHook()) as hook:
        site = site_telling(tmp_path / "site", hook_at(hook.port))
        ask_for_run(site)
        settings = site.folder / "nightsort.toml"
        settings.write_text(settings.read_text() + "[batch]\nsise = 3\n")
        assert site.nightsort("run").returncode == 78
        for _ in range(2):
            assert look_out(site).returncode == 2
    assert rules(hook) == ["service_silent"]
    assert "batch.sise" in hook.bodies[0]["facts"]["why"]


def test_a_mistake_in_one_target_is_told_through_the_other(tmp_path: Path) -> None:
    with listening(WebHook()) as hook:
        site = site_telling(tmp_path / "site", hook_at(hook.port), hook_at(9, '["all"]'))
        assert site.nightsort("run").returncode == 78
        assert look_out(site).returncode == 2
    assert rules(hook) == ["service_silent"]
    assert "must be 'info', 'warning', 'error' or 'critical'" in hook.bodies[0]["facts"]["why"]


def test_where_nobody_can_be_told_the_journal_says_so(tmp_path: Path) -> None:
    site = site_telling(tmp_path / "site", hook_at(9, '["all"]'))
    done = look_out(site)
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if line.startswith("<")]
    events = [json.loads(line.partition(">")[2])["event"] for line in lines]
    assert events == ["service_silent", "nobody_told"]
    assert "severities" in done.stderr
