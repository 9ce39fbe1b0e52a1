"""Trials: what the file system under a folder really does, found out by doing it.

Works in a hidden folder of its own, which the daemon takes for none of its business, and removes
it afterwards.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from daemon.folders.own_files import PRIVATE_PREFIX
from daemon.folders.renaming import WAYS, Entry, UnknownWayError, drop_reservation
from daemon.folders.tree import Tree
from daemon.intake.events import Events
from daemon.intake.screening import Screening

_MARK = b"nightsort tries what this disk can do.\n"
_EVENT_SECONDS = 3.0
_WAY_WORDS = {
    "by_flag": "in one step",
    "by_link": "by a second name",
    "by_reservation": "by keeping the name first",
}


@dataclass(frozen=True, slots=True)
class Traits:
    """How a file system behaves."""

    renames: str | None  # how a name is given without replacing another; None: not at all
    tells_case_apart: bool
    keeps_composed_names: bool  # "é" stays one character
    clock_ahead_seconds: float  # of its server, before this machine's


@contextmanager
def trial_folder(root: Path) -> Iterator[Path]:
    """A hidden folder in `root`, removed at the end of the `with` block. Raises OSError."""
    folder = root / f"{PRIVATE_PREFIX}-doctor-{os.getpid()}"
    folder.mkdir()
    try:
        yield folder
    finally:
        for file in list(folder.iterdir()):
            file.unlink()
        folder.rmdir()


def traits_of(folder: Path) -> Traits:
    """Try out a trial folder. Raises OSError where not even a file can be made."""
    first = folder / "Trial"
    first.write_bytes(_MARK)
    ahead = first.stat().st_mtime - time.time()
    tells_case_apart = not (folder / "trial").exists()
    composed = unicodedata.normalize("NFC", "é")
    (folder / composed).write_bytes(_MARK)
    keeps_composed_names = composed in {file.name for file in folder.iterdir()}
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        renames = _way_of_renaming(Entry(descriptor, "Trial"), Entry(descriptor, "renamed"))
    finally:
        os.close(descriptor)
    return Traits(renames, tells_case_apart, keeps_composed_names, ahead)


def _way_of_renaming(old: Entry, new: Entry) -> str | None:
    for way in WAYS:
        with suppress(UnknownWayError, OSError):
            way(old, new, _MARK, lambda _: None)
            return _WAY_WORDS[way.__name__]
        drop_reservation(new, _MARK)
    return None


def moves_between(source: Path, target: Path) -> bool:
    """Whether a file moves from one trial folder to another by mere renaming."""
    file = source / "moved"
    file.write_bytes(_MARK)
    try:
        file.rename(target / "moved")
    except OSError:
        return False
    return True


def events_come(folder: Path) -> bool:
    """Whether what another process writes in a trial folder is told by an event."""
    rung = threading.Event()
    events = Events(Tree(folder), Screening([]), rung.set)
    events.start()
    try:
        write = "import sys; open(sys.argv[1], 'wb').close()"
        file = str(folder / "trial.jpg")
        subprocess.run([sys.executable, "-I", "-c", write, file], check=True)  # noqa: S603
        return rung.wait(_EVENT_SECONDS)
    finally:
        events.stop()
