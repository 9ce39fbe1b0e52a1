"""The real `nightsort` command in a process of its own, on folders of its own."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

from tests.support import forks
from tests.support.waiting import DEADLINE_SECONDS

_IS_ENDING = 0x4  # among the flags of a thread, as proc(5) has them


def command(*arguments: str, code: str = "") -> list[str]:
    """The command line that runs nightsort in this environment, after `code` if there is any."""
    main = ["-m", "daemon.cli"]
    if code:
        main = ["-c", f"{code}\nfrom daemon.cli.main import main\nmain()"]
    return [sys.executable, *main, *arguments]


def clean_environment() -> dict[str, str]:
    """This environment without settings of nightsort."""
    return {k: v for k, v in os.environ.items() if not k.startswith("NIGHTSORT_")}


def is_over(process: subprocess.Popen[str]) -> bool:
    """Whether it has ended, as far as it was up to itself.

    Where a mount's server has already taken a thread's call and does not answer, not even SIGKILL
    ends that thread: the kernel keeps it (state D) until the answer comes, and nothing else. Nor
    does a thread get further that ends and closes the last files of such a mount.
    """
    if process.poll() is not None:
        return True
    tasks = []
    for stat in Path(f"/proc/{process.pid}/task").glob("*/stat"):
        with suppress(OSError):  # it ended between the listing and the look
            tasks.append(stat.read_text(encoding="utf-8").rpartition(") ")[2].split())
    return all(task[0] in "DZX" or int(task[6]) & _IS_ENDING for task in tasks)


@dataclass(frozen=True)
class Site:
    """One instance: its settings file and its folders, all in `folder`."""

    folder: Path

    @classmethod
    def make(cls, folder: Path, mode: str = "manual", settings: str = "") -> Site:
        """Write a settings file with a short settle time, and `settings` after it."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "nightsort.toml").write_text(
            'incoming_dir = "incoming"\nsorted_dir = "sorted"\nresults_dir = "results"\n'
            f'state_dir = "state"\n[window]\nmode = "{mode}"\n'
            f"[intake]\nsettle_seconds = 0.3\n{settings}",
            encoding="utf-8",
        )
        (folder / "incoming").mkdir(exist_ok=True)
        return cls(folder)

    @property
    def incoming(self) -> Path:
        return self.folder / "incoming"

    @property
    def sorted(self) -> Path:
        return self.folder / "sorted"

    @property
    def results(self) -> Path:
        return self.folder / "results"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def nightsort(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return forks.run(self.asking(*arguments), clean_environment(), DEADLINE_SECONDS)

    def asking(self, *arguments: str) -> list[str]:
        """The arguments that have nightsort take these settings."""
        return ["--config", str(self.folder / "nightsort.toml"), *arguments]

    def start(
        self,
        *arguments: str,
        code: str = "",
        extra_environment: dict[str, str] | None = None,
        **options: Any,
    ) -> subprocess.Popen[str]:
        """Start a command in a Python of its own and let it run.

        code: Python that runs in its process first, to break something.
        """
        return subprocess.Popen(
            command(*self.asking(*arguments), code=code),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=clean_environment() | (extra_environment or {}),
            **options,
        )

    @contextmanager
    def daemon(self, code: str = "", **environment: str) -> Iterator[subprocess.Popen[str]]:
        """The daemon, ended by SIGTERM; its log goes to daemon.log in `folder`.

        code: Python that runs in its process first, to break something.
        """
        with (self.folder / "daemon.log").open("ab") as log:
            process = self._started(code, log, clean_environment() | environment)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(DEADLINE_SECONDS)
            finally:
                process.kill()

    def _started(
        self, code: str, log: IO[bytes], environment: dict[str, str]
    ) -> subprocess.Popen[str]:
        begin = partial(forks.start, self.asking("run"))
        if code:
            begin = partial(subprocess.Popen, command(*self.asking("run"), code=code))
        return begin(env=environment, stdout=log, stderr=subprocess.STDOUT, text=True)

    def events(self) -> list[dict[str, Any]]:
        """The daemon's log so far."""
        lines = (self.folder / "daemon.log").read_text(encoding="utf-8").splitlines()
        return [json.loads(line.partition(">")[2]) for line in lines if line.startswith("<")]

    def rows(self, name: str = "batch_results_latest.csv") -> list[dict[str, str]]:
        """The rows of a results file."""
        with (self.results / name).open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))

    def growing_rows(self) -> list[dict[str, str]]:
        """The rows of all runs so far, also of one that is not closed."""
        runs = sorted(self.results.glob("batch_results_2*.csv"))
        return [row for run in runs for row in self.rows(run.name)]

    def photos(self, folder: str) -> list[Path]:
        """All files below `folder` but nightsort's own."""
        return sorted(
            path
            for path in (self.folder / folder).rglob("*")
            if path.is_file() and not path.name.startswith(".nightsort")
        )
