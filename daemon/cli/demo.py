"""The demonstration: a share of its own, drawn photos and a few troublemakers, the real daemon.

Nothing here is staged: the daemon is the real command in a process of its own, and what is shown
at the end is read from the results that it wrote.
"""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from config.errors import NightsortError
from config.units import certainty
from daemon.cli.samples import draw_samples
from daemon.domain.summaries import DrainSummary
from daemon.folders.locks import is_held
from daemon.health.status_file import STATUS
from daemon.service.control_client import ask_for_run

Say = Callable[[str], None]

START_SECONDS = 60.0
# Longer than the settle time: the daemon must not take the photo in the pause.
SLOW_WRITER_PAUSE_SECONDS = 2.0

# Where a share that is made for showing has its folders: the beginning of its settings.
FOLDERS = """\
incoming_dir = "incoming"
sorted_dir = "sorted"
results_dir = "results"
state_dir = "state"
"""
_SETTINGS = f"""\
{FOLDERS}
[window]
mode = "continuous"

[intake]
settle_seconds = 1
"""


class DemoFailed(NightsortError):
    """The demonstration could not be shown."""


def demonstrate(folder: Path, say: Say, *, is_kept: bool) -> DrainSummary:
    """Show nightsort at work in `folder`, an empty one; returns the summary of its run.

    is_kept: whether there is something to look at afterwards.
    Raises DemoFailed when the daemon does not start, NoAnswer when it does not answer.
    """
    settings = folder / "nightsort.toml"
    settings.write_text(_SETTINGS, encoding="utf-8")
    incoming, state = folder / "incoming", folder / "state"
    with at_work(settings, folder / "daemon.log", state):
        say("The daemon is running. Dropping photos into the incoming folder:")
        photos = draw_samples(incoming / "table-1", seed=7)
        say(f"  {len(photos)} drawn photos, a duplicate and a damaged one among them")
        _troublemakers(incoming, photos[0].read_bytes(), say)
        summary = ask_for_run(state, lambda _: None)
    _tell_fates(folder, say)
    if is_kept:
        _tell_places(folder, say)
    return summary


def _troublemakers(incoming: Path, jpeg: bytes, say: Say) -> None:
    """What every share sees sooner or later. jpeg: a whole photo."""
    hostile = incoming / '=cmd|\u202e"gpj.exe <b>.jpg'
    hostile.write_bytes(jpeg + b"\x00")
    say("  one whose name is a formula, with quotes, HTML and reversed writing")
    (incoming / "notes.jpg").write_text("Please call the customer back.\n", encoding="utf-8")
    say("  a text file that is called notes.jpg")
    (incoming / "cut-off.jpg").write_bytes(jpeg[: len(jpeg) // 2])
    say("  a photo of which the second half never arrives")
    say(f"  one that is copied slowly, with a pause of {SLOW_WRITER_PAUSE_SECONDS:.0f} seconds ...")
    with (incoming / "slow-copy-20817.jpg").open("wb") as file:
        file.write(jpeg[: len(jpeg) // 2])
        file.flush()
        time.sleep(SLOW_WRITER_PAUSE_SECONDS)
        file.write(jpeg[len(jpeg) // 2 :] + b"\x00\x00")
    say("  ... and is complete now")


@contextmanager
def at_work(settings: Path, log: Path, state: Path) -> Iterator[None]:
    """The real daemon, from its start to its clean end."""
    command = [sys.executable, "-m", "daemon.cli", "--config", str(settings), "run"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("NIGHTSORT_")}
    with log.open("wb") as out:
        process = subprocess.Popen(  # noqa: S603 - our own command
            command, stdout=out, stderr=subprocess.STDOUT, env=environment
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not (is_held(state) and (state / STATUS).exists()):
            if process.poll() is not None or time.monotonic() > deadline:
                raise DemoFailed(f"the daemon did not start; {log} says why")
            time.sleep(0.05)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _tell_fates(folder: Path, say: Say) -> None:
    """What became of each photo, from the results."""
    with _results(folder).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    say("")
    say("What became of them:")
    width = max(len(_shown(row["filename"])) for row in rows)
    for row in rows:
        place = Path(row["filed_path"]).relative_to(folder).parent
        say(f"  {_shown(row['filename']):<{width}}  {place}/  {_why(row)}")
    for photo in sorted((folder / "incoming").glob("*.jpg")):
        say(f"  {_shown(photo.name):<{width}}  incoming/  still there: its second half may come")


def _tell_places(folder: Path, say: Say) -> None:
    say("")
    say("Where to look:")
    say(f"  photos   {folder / 'sorted'}")
    say(f"  results  {_results(folder)}")
    say(f"  log      {folder / 'daemon.log'}")


def _results(folder: Path) -> Path:
    return folder / "results" / "batch_results_latest.csv"


def _why(row: dict[str, str]) -> str:
    if row["status"] in ("error", "duplicate"):
        return row["reason"] or row["status"]
    return f"{certainty(float(row['confidence']))}{', ' + row['reason'] if row['reason'] else ''}"


def _shown(name: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in name)
