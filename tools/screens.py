"""Screens for docs/screens.md: what `status` and `doctor` really print, on a share made for it.

    python -m tools.screens > docs/screens.md

The folders are shown as they would be called on a server; everything else is as it was printed.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from daemon.cli.demo import FOLDERS, at_work
from daemon.cli.samples import draw_samples
from daemon.service.control_client import ask_for_run

_SETTINGS = f"""\
{FOLDERS}\
[window]
start = "02:00"
end = "06:00"
timezone = "{{zone}}"
[intake]
settle_seconds = 1
[[alerts.targets]]
type = "email"
host = "mail.example.com"
from = "nightsort@example.com"
to = ["it@example.com"]
severities = ["critical"]
"""
_SHOWN_AS = "/srv/nightsort"
_PATIENCE_SECONDS = 60.0
_AN_AFTERNOON_HOUR = 13

_PAGE = """\
# What `nightsort status` and `nightsort doctor` show

Made by `python -m tools.screens`, from the real commands on a share made for it.

## All is well

`nightsort status`, exit code 0:

{well}

## A share is away

`nightsort status`, exit code 1:

{away}

## Nobody sorts

`nightsort status`, exit code 3:

{stopped}

## The doctor

`runuser -u nightsort -- nightsort doctor`; exit code 1 when a line says `wrong`:

{doctor}
"""


def page() -> str:
    """The whole page; the daemon is started, robbed of a folder, and stopped for it."""
    with tempfile.TemporaryDirectory(prefix="nightsort-screens-") as name:
        folder = Path(name)
        settings = folder / "nightsort.toml"
        settings.write_text(_SETTINGS.format(zone=_zone_of_the_afternoon()), encoding="utf-8")
        draw_samples(folder / "incoming" / "table-1", seed=7)
        with at_work(settings, folder / "daemon.log", folder / "state"):
            ask_for_run(folder / "state", lambda _: None)
            well = _when(lambda said: "waiting" in said and "1 run:" in said, folder, "status")
            doctor = _printed(folder, "doctor")
            (folder / "sorted").rename(folder / "away")
            away = _when(lambda said: "share unavailable" in said, folder, "status")
            (folder / "away").rename(folder / "sorted")
        stopped = _printed(folder, "status")
    return _PAGE.format(well=well, away=away, stopped=stopped, doctor=doctor)


def _zone_of_the_afternoon() -> str:
    """A time zone in which the window is closed, whenever the page is made."""
    east = _AN_AFTERNOON_HOUR - datetime.now(UTC).hour
    return f"Etc/GMT{-east:+d}"  # the names of these count to the west


def _when(is_so: Callable[[str], bool], folder: Path, command: str) -> str:
    """What the command prints once it prints what is to be shown."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not is_so(said := _printed(folder, command)):
        if time.monotonic() > deadline:
            raise TimeoutError(said)
        time.sleep(0.2)
    return said


def _printed(folder: Path, command: str) -> str:
    done = subprocess.run(  # noqa: S603 - our own command
        [
            sys.executable,
            "-m",
            "daemon.cli",
            "--config",
            str(folder / "nightsort.toml"),
            command,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    shown = (done.stdout + done.stderr).replace(str(folder), _SHOWN_AS)
    return "\n".join(f"    {line}" for line in shown.splitlines())


if __name__ == "__main__":
    sys.stdout.write(page())
