"""The package on a freshly booted Debian 12 without a network: as an administrator meets it.

Nothing in it is ours but the package: systemd runs the unit as shipped, hardened, with its watchdog
and its journal. What a test changes, it changes as an administrator would: settings, drop-ins.
"""

from __future__ import annotations

import csv
import json
import re
import sqlite3
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from io import StringIO
from pathlib import Path
from uuid import uuid4

import pytest

from daemon.store import SCHEMA_VERSION
from installer.build import ROOT
from tests.support.booted import Booted, booted, require_bootable
from tests.support.packages import make_package, make_variation
from tests.support.photos import draw_photo, encode, write_photo
from tests.support.schema_1 import SCHEMA_1, SUMMARY_1
from tests.support.waiting import DEADLINE_SECONDS, eventually

pytestmark = [pytest.mark.servers, pytest.mark.timeout(900)]

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
OLD, NEW = "0.0.1", PROJECT["version"]
SETTINGS = """
incoming_dir = "{photos}/incoming"
sorted_dir = "{photos}/sorted"
results_dir = "{photos}/results"
state_dir = "/var/lib/nightsort"
[window]
mode = "{mode}"
[intake]
settle_seconds = 0.3
"""
# A version that brings the database to a new form, and then does not get ready.
BROKEN = {
    "daemon/store/schema.py": """
STEPS = (*STEPS, ("CREATE TABLE more (word TEXT) STRICT",))
SCHEMA_VERSION = len(STEPS)
""",
    "daemon/health/supervision.py": """
class Supervision:
    def __init__(self, *_):
        raise RuntimeError("broken, for a test")
""",
}
# Less patience than shipped, so that nobody has to wait; all else is as shipped.
IMPATIENT = "[Service]\nWatchdogSec=6s\nRestartSec=1s\n"


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The package, an older one, and a newer one that does not start."""
    require_bootable()
    out = tmp_path_factory.mktemp("packages")
    package = make_package(out)
    return {
        "package": package,
        "older": make_variation(package, out, OLD, {}),
        "broken": make_variation(package, out, "9.9.9", BROKEN),
    }


@pytest.fixture(scope="session")
def fresh(packages: dict[str, Path]) -> Iterator[Booted]:
    """A booted machine with the packages in /root, and nothing installed."""
    with booted() as machine:
        for name, package in packages.items():
            target = machine.outside(f"/root/{name}.run")
            target.write_bytes(package.read_bytes())
        yield machine


@pytest.fixture
def machine(fresh: Booted) -> Booted:
    """The machine with the package installed, and its service not running."""
    if not is_installed(fresh, NEW):
        clear(fresh)
        install(fresh)
    fresh.shell("systemctl stop nightsort nightsort-check.timer; systemctl reset-failed")
    return fresh


class Service:
    """The installed service on folders of its own."""

    def __init__(self, machine: Booted, photos: str, mode: str = "manual") -> None:
        self.machine = machine
        self.photos = photos
        self.began = machine.now()
        self.set_up(mode)

    def set_up(self, mode: str) -> None:
        """Empty folders, an empty memory, these settings."""
        self.machine.shell(
            "rm -rf /var/lib/nightsort/* /run/nightsort-lookout/*"
            f" {self.photos}/incoming {self.photos}/sorted"
            f" {self.photos}/results; mkdir -p {self.photos}; cd {self.photos};"
            " mkdir incoming sorted results; chown nightsort:nightsort *; chmod 2770 *"
        )
        self.settings(mode)
        self.machine.write("/etc/systemd/system/nightsort.service.d/test.conf", IMPATIENT)
        self.machine.shell("nightsort unit --write; systemctl daemon-reload")

    def settings(self, mode: str) -> None:
        text = SETTINGS.format(photos=self.photos, mode=mode)
        self.machine.write("/etc/nightsort/nightsort.toml", text)
        self.machine.shell("chown root:nightsort /etc/nightsort/nightsort.toml")

    def break_model(self) -> None:
        """Settings without which nothing can be sorted, though they are settings."""
        settings = self.machine.outside("/etc/nightsort/nightsort.toml")
        settings.write_text(f'model_dir = "/nowhere"\n{settings.read_text()}')

    def break_settings(self) -> None:
        """A word in the settings that is none."""
        settings = self.machine.outside("/etc/nightsort/nightsort.toml")
        settings.write_text(f"{settings.read_text()}\n[batch]\nsise = 3\n")

    def start(self) -> None:
        self.machine.says("systemctl", "start", "nightsort")

    def drop(self, *seeds: int) -> None:
        """Photos, from somebody who is not nightsort."""
        self.machine.outside("/root/photos").mkdir(exist_ok=True)
        for seed in seeds:
            write_photo(self.machine.outside(f"/root/photos/return-{seed}.jpg"), seed=seed)
            self.machine.shell(f"mv /root/photos/return-{seed}.jpg {self.photos}/incoming/")

    def nightsort(self, *arguments: str) -> str:
        """What a command prints that must work, by the service's user."""
        return self.machine.says("runuser", "-u", "nightsort", "--", "nightsort", *arguments)

    def now(self) -> dict[str, int]:
        """Drain the queue; the summary."""
        summary: dict[str, int] = json.loads(self.nightsort("now", "--json"))
        return summary

    def rows(self) -> list[dict[str, str]]:
        """The newest results."""
        text = self.machine.says("cat", f"{self.photos}/results/batch_results_latest.csv")
        return list(csv.DictReader(StringIO(text.removeprefix("\ufeff"))))

    def filed(self) -> set[str]:
        """The names of all photos in sorted."""
        names = self.machine.shell(
            f"find {self.photos}/sorted -name 'return-*.jpg' -printf '%f\\n'"
        )
        return set(names.split())

    def says(self, words: str) -> bool:
        """Whether `systemctl status` shows these words."""
        return f'Status: "{words}' in self.machine.run("systemctl", "status", "nightsort").stdout

    def events(self, *options: str) -> list[str]:
        """The names of the events since the test began."""
        return [line["event"] for line in self.machine.events(self.began, *options)]


@pytest.fixture
def service(machine: Booted) -> Service:
    """The service on empty folders, running in manual mode."""
    service = Service(machine, "/srv/nightsort")
    service.start()
    return service


def clear(machine: Booted) -> None:
    """Nothing of nightsort's is left, whatever the test before left of it."""
    machine.run("/opt/nightsort/uninstall", "--purge")
    machine.shell("systemctl stop nightsort nightsort-web || true")
    machine.shell("rm -rf /opt/nightsort /etc/nightsort /var/lib/nightsort")


def install(machine: Booted, *options: str, package: str = "package") -> str:
    return machine.says("sh", f"/root/{package}.run", "install", *options, timeout_s=300)


def is_installed(machine: Booted, version: str) -> bool:
    return machine.run("nightsort", "--version").stdout == f"nightsort {version}\n"


def wait_for_event(service: Service, event: str) -> None:
    eventually(lambda: event in service.events(), within_s=DEADLINE_SECONDS, every_s=0.3)


# Install


def test_the_package_alone_installs_a_service_that_files_photos(fresh: Booted) -> None:
    clear(fresh)
    fresh.shell("rm -rf /srv/nightsort; userdel nightsort || true")
    assert fresh.shell("tail -n +3 /proc/net/dev | cut -d: -f1").split() == ["lo"]
    # As on a machine where root lets nobody read what it writes.
    said = fresh.shell("umask 077; sh /root/package.run install --start")
    assert f"nightsort {NEW} is installed, and runs." in said
    assert "wrong " not in said  # of the doctor
    assert fresh.says("systemctl", "is-enabled", "nightsort").strip() == "enabled"
    write_photo(fresh.outside("/srv/nightsort/incoming/return-1.jpg"))
    done = fresh.run("runuser", "-u", "nightsort", "--", "nightsort", "now")
    assert done.returncode == 0, done.stderr
    assert fresh.shell("find /srv/nightsort/sorted -name return-1.jpg") != ""
    assert fresh.run("nightsort", "status").returncode == 0


def test_the_manager_finds_the_installed_unit_hardly_exposed(machine: Booted) -> None:
    units = ("nightsort.service", "nightsort-failed.service", "nightsort-check.timer")
    machine.shell(
        "umask 077; rm -r /etc/systemd/system/nightsort*.d; nightsort unit --write;"
        " systemctl daemon-reload"
    )
    assert machine.says("systemd-analyze", "verify", *units) == ""
    said = machine.says("systemd-analyze", "security", "--no-pager", "nightsort.service")
    exposure = float(said.rpartition("nightsort.service: ")[2].split()[0])
    assert exposure <= 1.7
    doctor = machine.run("runuser", "-u", "nightsort", "--", "nightsort", "doctor")
    assert "the unit may write to all folders of the settings" in doctor.stdout


# What the administrator sees


def test_the_status_of_the_unit_says_in_words_what_it_does(service: Service) -> None:
    eventually(lambda: service.says("waiting to be asked, 0 queued"), within_s=DEADLINE_SECONDS)
    service.drop(1, 2)
    eventually(lambda: service.says("waiting to be asked, 2 queued"), within_s=DEADLINE_SECONDS)


def test_the_journal_is_read_by_jq_and_warns_only_of_what_deserves_it(service: Service) -> None:
    service.drop(1, 2, 3)
    service.machine.write(f"{service.photos}/incoming/return-4.jpg", "no photo at all")
    assert service.now()["failed"] == 1
    service.machine.says("systemctl", "stop", "nightsort")
    events = service.events()
    assert events[0] == "folder_adopted"
    assert "service_stopped" in events
    assert events.count("photo_filed") == 3
    assert service.events("-p", "warning") == ["photo_quarantined"]


def test_wrong_settings_are_an_error_in_the_journal_and_are_not_tried_again(
    service: Service,
) -> None:
    service.settings("nightly")
    began = service.machine.now()
    assert service.machine.run("systemctl", "restart", "nightsort").returncode == 1
    assert service.machine.shown("nightsort", "ExecMainStatus") == "78"
    assert service.machine.shown("nightsort", "NRestarts") == "0"
    (refused,) = service.machine.events(began, "-p", "err")
    assert "window.mode" in refused["why"]


def test_a_reload_takes_a_new_window(service: Service) -> None:
    service.drop(1)
    service.settings("continuous")
    service.machine.says("systemctl", "reload", "nightsort")
    eventually(lambda: service.filed() == {"return-1.jpg"}, within_s=DEADLINE_SECONDS)


def test_a_run_is_asked_for_by_a_folder_in_the_share(service: Service) -> None:
    service.drop(1, 2)
    service.machine.says("mkdir", f"{service.photos}/incoming/RUN NOW")
    eventually(lambda: len(service.filed()) == 2, within_s=DEADLINE_SECONDS, every_s=0.2)
    eventually(
        lambda: (
            "RUN NOW" not in service.machine.says("ls", f"{service.photos}/incoming").split("\n")
        ),
        within_s=DEADLINE_SECONDS,
    )


# The share of the documents

STATION = "cd /root; export PASSWD=secret DEBIAN_FRONTEND=noninteractive"
# The documents are for people, who answer questions; and there is no network card for nmbd.
ANSWERS = """
apt-get() { command apt-get -qq -y --no-install-recommends --no-download "$@"; }
smbpasswd() { printf '%s\\n' "$PASSWD" "$PASSWD" | command smbpasswd -s "$@"; }
systemctl mask nmbd
"""


def commands_of(section: str) -> str:
    """The commands that the installation's document shows in one section."""
    text = (ROOT / "docs/install.md").read_text(encoding="utf-8")
    _, _, rest = text.partition(f"\n## {section}\n")
    own = re.split(r"\n##+ ", rest)[0]
    return "\n".join(re.findall(r"(?m)^    (.*)$", own))


def test_the_share_is_set_up_as_the_document_says_and_a_station_uses_it(machine: Booted) -> None:
    service = Service(machine, "/srv/nightsort")
    service.start()
    write_photo(machine.outside("/root/photo.jpg"))
    share = commands_of("3. The share for the photo station")
    machine.says("bash", "-euc", f"{STATION}; {ANSWERS}{share}")

    def station(place: str, command: str) -> str:
        return machine.shell(f"{STATION}; smbclient -U station1 //localhost/{place} -c '{command}'")

    filed = Path(machine.shell("cd /srv/nightsort/sorted; find * -name photo.jpg").strip())
    assert "photo.jpg" in station("sorted", f"ls {filed.parent}/*")
    assert "batch_report_latest.html" in station("results", "ls")
    station("sorted", f"mkdir mine; rename {filed} mine/photo.jpg")
    station("incoming", "mkdir table-2; cd table-2; put photo.jpg other.jpg")
    station("incoming", 'mkdir "RUN NOW"')
    eventually(
        lambda: machine.run("ls", "/srv/nightsort/incoming/table-2/other.jpg").returncode != 0,
        within_s=DEADLINE_SECONDS,
        every_s=0.2,
    )


# What befalls it


def test_after_a_kill_it_is_started_again_and_goes_on(service: Service) -> None:
    service.drop(1, 2, 3)
    service.machine.says("systemctl", "kill", "--signal=SIGKILL", "nightsort")
    eventually(
        lambda: (
            service.machine.shown("nightsort", "NRestarts") == "1"
            and service.says("waiting to be asked, 3 queued")
        ),
        within_s=DEADLINE_SECONDS,
        every_s=0.2,
    )
    assert service.now()["total_processed"] == 3
    assert len(service.rows()) == 3
    assert len(service.filed()) == 3


def test_one_that_stands_still_is_ended_by_the_watchdog_and_started_again(service: Service) -> None:
    service.drop(1)
    service.machine.says("systemctl", "kill", "--signal=SIGSTOP", "nightsort")
    eventually(
        lambda: (
            service.machine.shown("nightsort", "NRestarts") == "1"
            and service.says("waiting to be asked, 1 queued")
        ),
        within_s=DEADLINE_SECONDS,
        every_s=0.3,
    )
    assert (
        "watchdog timeout"
        in service.machine.says(
            "journalctl", "-u", "nightsort", "-o", "cat", f"--since={service.began}"
        ).lower()
    )
    assert service.now()["total_processed"] == 1
    assert len(service.filed()) == 1


@contextmanager
def disk_for(machine: Booted) -> Iterator[str]:
    """A disk of its own in a file, as a device; gone after the block."""
    image = machine.outside("/var/disk.img")
    with image.open("wb") as file:
        file.truncate(64 << 20)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    device = subprocess.run(
        ["losetup", "--find", "--show", image], capture_output=True, text=True, check=True
    ).stdout.strip()
    try:
        number = Path(device).stat().st_rdev
        machine.shell(f"rm -f {device}; mknod {device} b {number >> 8} {number & 255}")
        yield device
    finally:
        machine.run("umount", "--lazy", "/srv/share")
        subprocess.run(["losetup", "--detach", device], check=False)


def test_a_disk_that_is_unmounted_and_mounted_again_is_found_again(machine: Booted) -> None:
    with disk_for(machine) as device:
        machine.shell(f"mkdir -p /srv/share; mount {device} /srv/share; mkdir -p /srv/share/photos")
        service = Service(machine, "/srv/share/photos")
        service.start()
        service.drop(1)
        assert service.now()["total_processed"] == 1
        machine.says("umount", "/srv/share")
        wait_for_event(service, "share_unavailable")
        eventually(lambda: service.says("share unavailable"), within_s=DEADLINE_SECONDS)
        assert machine.says("ls", "-A", "/srv/share") == ""
        machine.says("mount", device, "/srv/share")
        wait_for_event(service, "share_available")
        service.drop(2)
        assert service.now()["total_processed"] == 1
        assert service.filed() == {"return-1.jpg", "return-2.jpg"}
        machine.says("systemctl", "stop", "nightsort")


# When it is dead


def test_a_service_that_fails_for_good_is_told_of_from_outside(service: Service) -> None:
    service.break_model()
    assert service.machine.run("systemctl", "restart", "nightsort").returncode == 1

    def lookout() -> list[str]:
        lines = service.machine.events(service.began, "-p", "crit", name="nightsort-lookout")
        return [line["event"] for line in lines]

    eventually(lambda: "service_silent" in lookout(), within_s=DEADLINE_SECONDS, every_s=0.3)


def test_a_service_that_was_never_started_is_told_of_by_the_timer(service: Service) -> None:
    machine = service.machine
    machine.says("systemctl", "stop", "nightsort")
    often = "[Timer]\nOnCalendar=*:*:0/2\nAccuracySec=1s\nRandomizedDelaySec=0\n"
    machine.write("/etc/systemd/system/nightsort-check.timer.d/often.conf", often)
    try:
        machine.shell("systemctl daemon-reload; systemctl start nightsort-check.timer")
        eventually(
            lambda: machine.events(service.began, "-p", "crit", name="nightsort-lookout"),
            within_s=DEADLINE_SECONDS,
            every_s=0.3,
        )
    finally:
        machine.shell(
            "systemctl stop nightsort-check.timer;"
            " rm -r /etc/systemd/system/nightsort-check.timer.d; systemctl daemon-reload"
        )


# Who is told, by a target that only a secret names


LISTENER = """
import json, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Listener(BaseHTTPRequestHandler):
    def do_POST(self):
        heard = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with open("/root/heard", "a") as file:
            file.write(heard["title"] + "\\n")
        self.send_response(200)
        self.end_headers()

HTTPServer(("127.0.0.1", 8999), Listener).serve_forever()
"""
TARGETS = [{"url": "json://127.0.0.1:8999/", "severities": ["info", "critical"]}]
SECRET = "NIGHTSORT_ALERTS__TARGETS"
PUT_SECRET = {
    "/etc/credstore.encrypted": f"systemd-creds encrypt --name={SECRET} /root/secret",
    "/etc/credstore": "cp /root/secret",
}


@contextmanager
def somebody_listening(machine: Booted, store: str) -> Iterator[Callable[[], list[str]]]:
    """Somebody to be told, whose address lies in this store; says which rules he was told."""
    unit = f"listener-{uuid4().hex}"  # one that was stopped may stay known for a while
    machine.write("/root/listener.py", LISTENER)
    machine.write("/root/heard", "")
    machine.write("/root/secret", json.dumps(TARGETS))
    machine.shell(
        f"mkdir -p {store}; {PUT_SECRET[store]} {store}/{SECRET}; chmod 600 {store}/{SECRET};"
        " nightsort unit --write; systemctl daemon-reload;"
        f" systemd-run --unit={unit} python3 /root/listener.py"
    )
    try:
        yield lambda: machine.outside("/root/heard").read_text().split()
    finally:
        machine.shell(
            f"systemctl stop {unit}; rm {store}/{SECRET};"
            " nightsort unit --write; systemctl daemon-reload"
        )


def wait_for_lookout(machine: Booted) -> None:
    """Until it has told what there is to tell of a unit that failed."""
    unit = "nightsort-failed.service"
    eventually(
        lambda: (
            machine.shown(unit, "InactiveEnterTimestamp")
            and machine.shown(unit, "ActiveState") in ("inactive", "failed")
        ),
        within_s=DEADLINE_SECONDS,
        every_s=0.2,
    )


@pytest.mark.parametrize("store", PUT_SECRET)
def test_people_are_told_of_a_run_and_of_a_service_that_is_dead(
    machine: Booted, store: str
) -> None:
    service = Service(machine, "/srv/nightsort")
    with somebody_listening(machine, store) as heard:
        service.start()
        service.drop(*range(3))
        assert "delivered" in machine.says("nightsort", "alerts", "test")
        assert heard() == ["test"]
        service.now()
        eventually(lambda: "run_finished" in heard(), within_s=DEADLINE_SECONDS, every_s=0.2)
        service.break_model()
        assert machine.run("systemctl", "restart", "nightsort").returncode == 1
        eventually(lambda: "model_failed" in heard(), within_s=DEADLINE_SECONDS, every_s=0.2)
        wait_for_lookout(machine)
        assert "service_silent" not in heard()  # which is known already
        service.break_settings()
        assert machine.run("systemctl", "restart", "nightsort").returncode == 1
        eventually(lambda: "service_silent" in heard(), within_s=DEADLINE_SECONDS, every_s=0.2)
        service.settings("manual")


# Upgrade and uninstall


def schema_of(machine: Booted) -> int:
    with closing(sqlite3.connect(machine.outside("/var/lib/nightsort/nightsort.db"))) as database:
        return int(database.execute("PRAGMA user_version").fetchone()[0])


def leave_database_of_version_1(machine: Booted) -> None:
    """What the first release left behind: a history of one run."""
    file = machine.outside("/var/lib/nightsort/nightsort.db")
    with closing(sqlite3.connect(file)) as database, database:
        database.executescript(SCHEMA_1)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute(
            "INSERT INTO runs (id, started_at, finished_at, waiting_before, model, summary)"
            " VALUES ('20251012_020000', '2025-10-12T02:00:00+00:00', '2025-10-12T02:01:00+00:00',"
            " 1, 'fashion', ?)",
            [json.dumps(SUMMARY_1)],
        )
    machine.shell("chown nightsort:nightsort /var/lib/nightsort/*")


def test_an_upgrade_keeps_settings_and_history_and_a_downgrade_is_refused(fresh: Booted) -> None:
    clear(fresh)
    install(fresh, package="older")
    service = Service(fresh, "/srv/nightsort")
    service.start()
    service.drop(1)
    assert service.now()["total_processed"] == 1
    said = fresh.says("sh", "/root/package.run", "upgrade", timeout_s=300)
    assert "and runs" in said
    assert is_installed(fresh, NEW)
    assert fresh.says("systemctl", "is-active", "nightsort").strip() == "active"
    assert 'mode = "manual"' in fresh.says("cat", "/etc/nightsort/nightsort.toml")
    assert "return-1.jpg" in service.nightsort("find", "return-1.jpg")
    refused = fresh.run("sh", "/root/older.run", "install")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith(f"{NEW} is installed, and {OLD} is older")
    assert fresh.says("systemctl", "is-active", "nightsort").strip() == "active"


def test_a_database_of_the_first_release_is_taken_over(machine: Booted) -> None:
    service = Service(machine, "/srv/nightsort")
    leave_database_of_version_1(machine)
    install(machine, "--start")
    assert schema_of(machine) == SCHEMA_VERSION
    assert "20251012_020000" in service.nightsort("history", "--json")


def test_a_version_that_does_not_start_gives_way_to_the_old_one_and_its_database(
    service: Service,
) -> None:
    service.drop(1)
    service.now()
    machine = service.machine
    done = machine.run("sh", "/root/broken.run", "upgrade", timeout_s=300)
    assert done.returncode == 1
    assert f"Nothing is lost: {NEW} runs again" in done.stderr
    defects = machine.events(service.began, "-p", "crit")
    assert "broken, for a test" in defects[0]["why"]
    assert "broken, for a test" in done.stdout
    assert is_installed(machine, NEW)
    assert schema_of(machine) == SCHEMA_VERSION
    assert "return-1.jpg" in service.nightsort("find", "return-1.jpg")
    service.drop(2)
    assert service.now()["total_processed"] == 1


def test_uninstalling_leaves_photos_results_settings_and_history(service: Service) -> None:
    service.drop(1, 2)
    service.now()
    service.drop(3)
    machine = service.machine
    said = machine.says("/opt/nightsort/uninstall")
    assert "/srv/nightsort/sorted" in said
    assert machine.run("systemctl", "cat", "nightsort").returncode == 1
    assert not machine.outside("/opt/nightsort").exists()
    assert service.filed() == {"return-1.jpg", "return-2.jpg"}
    assert machine.outside("/srv/nightsort/incoming/return-3.jpg").exists()
    assert len(service.rows()) == 2
    assert machine.outside("/etc/nightsort/nightsort.toml").exists()
    install(machine, "--start")
    assert "return-1.jpg" in service.nightsort("find", "return-1.jpg")
    assert service.now()["total_processed"] == 1


# The page


def ask_page(machine: Booted, url: str, authority: str = "") -> str:
    """What a browser on the machine gets: the status, and who signed."""
    code = (
        "import ssl, sys, urllib.request as r\n"
        "context = ssl.create_default_context(cafile=sys.argv[2] or None)\n"
        "print(r.urlopen(sys.argv[1], context=context).status)"
    )
    return machine.says("python3", "-c", code, url, authority).strip()


def add_person(machine: Booted, name: str) -> None:
    machine.shell(
        f"echo correct horse battery | runuser -u nightsort-web -- nightsort web user add {name}"
        " --role admin --password-stdin"
    )


def people(machine: Booted) -> list[str]:
    said = machine.says(
        "runuser", "-u", "nightsort-web", "--", "nightsort", "web", "user", "list", "--json"
    )
    return [one["name"] for one in json.loads(said)["users"]]


def test_the_page_is_set_up_by_the_installer_backed_up_by_the_daemon_and_removed(
    fresh: Booted,
) -> None:
    clear(fresh)
    said = install(fresh, "--start", "--web", "0.0.0.0:8443")
    assert "The page listens on 0.0.0.0:8443" in said
    assert "The page runs." in said
    assert "runuser -u nightsort-web -- nightsort web user add NAME --role admin" in said
    assert fresh.says("systemctl", "is-enabled", "nightsort-web").strip() == "enabled"
    authority = "/var/lib/nightsort/web/tls/authority.crt"
    assert authority in said
    assert ask_page(fresh, "https://127.0.0.1:8443/health/live", authority) == "200"
    score = fresh.says("systemd-analyze", "security", "--no-pager", "nightsort-web.service")
    assert float(score.rpartition("nightsort-web.service: ")[2].split()[0]) <= 2.0
    add_person(fresh, "anna")
    owner = fresh.says("stat", "-c", "%U:%G %a", "/var/lib/nightsort/web/web.db").strip()
    assert owner == "nightsort-web:nightsort 640"
    backup = ("runuser", "-u", "nightsort", "--", "nightsort", "backup", "--json")
    for state in ("start", "stop"):  # both a page that runs and one that was stopped
        fresh.says("systemctl", state, "nightsort-web")
        assert json.loads(fresh.says(*backup, "--to", f"/tmp/{state}.db"))["accounts"] == 1
    said = fresh.says("/opt/nightsort/uninstall")
    assert "accounts, keys and certificate are in /var/lib/nightsort/web" in said
    assert fresh.run("systemctl", "cat", "nightsort-web").returncode == 1
    install(fresh, "--start", "--web")
    assert people(fresh) == ["anna"]  # as after every uninstall without --purge
    assert ask_page(fresh, "https://127.0.0.1:8443/health/live", authority) == "200"
    assert "is removed" in fresh.says("/opt/nightsort/uninstall", "--purge")
    assert not fresh.outside("/var/lib/nightsort").exists()


# Status and body that a program gets; the third argument is the photo that it sends.
ASK_API = r"""
import sys, urllib.error, urllib.request
key, path, *photos = sys.argv[1:]
asked = urllib.request.Request("http://127.0.0.1:8484" + path, headers={"X-API-Key": key})
for photo in photos:
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    asked.data = head + open(photo, "rb").read() + b"\r\n--x--\r\n"
    asked.add_header("Content-Type", "multipart/form-data; boundary=x")
try:
    answer = urllib.request.urlopen(asked)
except urllib.error.HTTPError as error:
    answer = error
print(answer.status, answer.read().decode("latin-1"))
"""


def ask_api(machine: Booted, *arguments: str) -> tuple[int, str]:
    said = machine.says("python3", "-c", ASK_API, *arguments)
    return int(said[:3]), said[4:]


def test_the_hardened_page_shows_pictures_and_judges_large_photos(service: Service) -> None:
    machine = service.machine
    service.drop(1)
    service.now()
    machine.says("systemctl", "start", "nightsort-web")
    page_user = ("runuser", "-u", "nightsort-web", "--", "nightsort", "web")
    key = machine.says(*page_user, "key", "add", "shop").strip()
    status, picture = ask_api(machine, key, "/photos/1/image?side=240")
    assert (status, picture[:2]) == (200, "\xff\xd8"), picture
    # Held whole by its decoder, so a process of its own decodes it.
    large = draw_photo(2).resize((2600, 2000))
    machine.outside("/root/large.png").write_bytes(encode(large, "PNG", compress_level=1))
    status, verdict = ask_api(machine, key, "/predict", "/root/large.png")
    assert status == 200, verdict
    assert json.loads(verdict)["category"]
    machine.says("systemctl", "stop", "nightsort-web")


def test_an_upgrade_keeps_the_page_where_it_is_and_who_may_sign_in(fresh: Booted) -> None:
    clear(fresh)
    install(fresh, "--start", "--web", "127.0.0.1:8499", package="older")
    add_person(fresh, "anna")
    said = fresh.says("sh", "/root/package.run", "upgrade", timeout_s=300)
    assert "The page runs." in said
    assert ask_page(fresh, "http://127.0.0.1:8499/health/live") == "200"
    assert people(fresh) == ["anna"]
    events = fresh.says("journalctl", "-t", "nightsort-web", "-o", "cat", "-n", "20")
    assert "Traceback" not in events


def test_without_a_terminal_nobody_is_asked_and_the_page_stays_off(fresh: Booted) -> None:
    clear(fresh)
    said = install(fresh, "--start")
    assert "Shall it run?" not in said
    assert "systemctl enable --now nightsort-web" in said
    assert fresh.run("systemctl", "is-active", "nightsort-web").stdout.strip() == "inactive"
