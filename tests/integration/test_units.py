"""The files in systemd/, by systemd's own judgement; nothing here needs a running systemd."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from config.settings import Settings
from daemon.health.units import (
    LOOKOUT_DROP_IN,
    SECRETS,
    WEB_DROP_IN,
    WEB_SECRETS,
    drop_in,
    mount_unit,
    writable_folders,
)
from tests.support.processes import Site
from tests.support.waiting import DEADLINE_SECONDS, eventually

UNITS = Path(__file__).parents[2] / "systemd"
# A tenth of it is `setpriority`, by which what can wait gives way to everything else.
MOST_EXPOSED = 1.7


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    tool = str(arguments[0])
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    return subprocess.run(
        [str(part) for part in arguments],
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """A copy whose commands exist, as they do once it is installed, with a drop-in."""
    for file in UNITS.glob("nightsort*.*"):
        text = file.read_text(encoding="utf-8").replace("/opt/nightsort/bin/nightsort", "/bin/true")
        (tmp_path / file.name).write_text(text, encoding="utf-8")
    settings = Settings.model_validate(
        {key: f"/srv/it's 100%/{key}" for key in ("incoming_dir", "sorted_dir", "results_dir")}
        | {"state_dir": "/var/lib/nightsort", "filing": {"group": "root"}}
    )
    folder = tmp_path / "nightsort.service.d"
    folder.mkdir()
    text = drop_in(settings, "", "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n")
    (folder / "folders.conf").write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("unit", sorted(path.name for path in UNITS.glob("nightsort*.*")))
def test_systemd_finds_nothing_wrong_with_the_units(units: Path, unit: str) -> None:
    done = run("systemd-analyze", "verify", units / unit)
    ours = [line for line in done.stderr.splitlines() if "nightsort" in line]
    assert (ours, done.returncode) == ([], 0), done.stderr


def test_the_page_gets_neither_folders_nor_secrets_of_the_lookout(units: Path) -> None:
    """What lies in nightsort-.service.d would hold for it, too, but for files of the same name."""
    for other in units.glob("*.service"):  # the lookout's own would be read along
        if other.name != "nightsort-web.service":
            other.unlink()
    for place in (LOOKOUT_DROP_IN, WEB_DROP_IN, *SECRETS, WEB_SECRETS):
        (units / place.parent.name).mkdir(exist_ok=True)
        text = (
            "[Service]\nRead=this\n"  # a key that systemd does not know: it says where it read it
        )
        (units / place.parent.name / place.name).write_text(text, encoding="utf-8")
    done = run("systemd-analyze", "verify", units / "nightsort-web.service")
    read = set(re.findall(r"/(nightsort[^/]*\.d/\w+\.conf):", done.stderr))
    assert {one for one in read if one.startswith("nightsort-")} == {
        "nightsort-web.service.d/folders.conf", "nightsort-web.service.d/secrets.conf",
    }  # fmt: skip


@pytest.mark.parametrize("unit", ["nightsort.service", "nightsort-web.service"])
def test_the_services_are_hardly_exposed(unit: str) -> None:
    done = run("systemd-analyze", "security", "--offline=true", UNITS / unit)
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found is not None, done.stdout + done.stderr
    assert float(found[1]) <= MOST_EXPOSED


@pytest.mark.parametrize("point", ["/mnt/my-nas", "/srv/.ä b", "/a/b_c:d.e"])
def test_mount_units_have_the_names_that_systemd_gives_them(point: str) -> None:
    done = run("systemd-escape", "--path", "--suffix=mount", point)
    assert mount_unit(Path(point)) == done.stdout.strip()


def test_users_are_understood() -> None:
    done = run("systemd-sysusers", "--dry-run", UNITS / "sysusers.d" / "nightsort.conf")
    assert done.returncode == 0, done.stderr


def test_the_example_share_is_understood_by_samba() -> None:
    done = run("testparm", "--suppress-prompt", UNITS / "smb.conf.example")
    assert done.returncode == 0, done.stderr
    assert "Unknown parameter" not in done.stderr


# The commands around them


def test_the_drop_in_is_printed_for_the_settings_at_hand(tmp_path: Path) -> None:
    site = Site.make(tmp_path / "site")
    done = site.nightsort("unit")
    assert done.returncode == 0, done.stderr
    writable = writable_folders(done.stdout)
    assert all(
        any(place in (f, *f.parents) for place in writable) for f in (site.incoming, site.state)
    )


def test_the_lookout_says_nothing_while_the_daemon_lives_and_is_critical_when_not(
    tmp_path: Path,
) -> None:
    site = Site.make(tmp_path / "site")
    with site.daemon():
        eventually(lambda: site.nightsort("status").returncode == 0)
        done = site.nightsort("lookout")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = site.nightsort("lookout")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith('<2>{"timestamp"')
    assert '"service_silent"' in done.stderr
    assert "systemctl start nightsort" in done.stderr


# What systemd does for ReadWritePaths=, in a mount namespace as it makes one: the folder $1 is
# bound onto itself; then the share $2 is unmounted and mounted again outside.
_REMOUNT = """
set -e
mount --bind "$0" "$0" && mount --make-shared "$0"
mount -t tmpfs nightsort-test "$2" && touch "$2/before"
mkfifo "$0/ready" "$0/go"
unshare --mount --propagation slave sh -c '
    mount --rbind "$1" "$1"; echo > "$0/ready"; read go < "$0/go"; ls "$2"
' "$0" "$1" "$2" &
read ready < "$0/ready"
umount "$2"
mount -t tmpfs nightsort-test "$2" && touch "$2/after"
echo > "$0/go"
wait
"""


def test_a_share_that_is_mounted_again_is_seen_where_the_drop_in_allows_to_write(
    tmp_path: Path,
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    share = tmp_path / "srv" / "photos"
    share.mkdir(parents=True)
    settings = Settings.model_validate(
        {key: f"{share}/{key}" for key in ("incoming_dir", "sorted_dir", "results_dir")}
        | {"state_dir": "/var/lib/nightsort"}
    )
    text = drop_in(settings, f"//nas/photos {share} cifs rw 0 0\n", "1 0 8:1 / / rw - ext4 a rw\n")
    above = writable_folders(text)[0]
    seen = {}
    for bound in (above, share):
        script = ("sh", "-c", _REMOUNT, tmp_path, bound, share)
        done = run("unshare", "--mount", "--propagation", "private", *script)
        if "Operation not permitted" in done.stderr or "permission denied" in done.stderr:
            pytest.skip(f"mounting is not possible here: {done.stderr.strip()}")
        assert done.returncode == 0, done.stderr
        seen[bound] = done.stdout.split()
        for pipe in ("ready", "go"):
            (tmp_path / pipe).unlink()
    assert seen == {above: ["after"], share: ["before"]}
