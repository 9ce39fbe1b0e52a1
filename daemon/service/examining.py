"""The doctor, as the page asks for it: in a process beside the work, one look at a time.

What was found is kept in the store, so that it can be read while nobody looks, and when the daemon
is down.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import structlog

from config.errors import RefusedError
from daemon.domain.coding import coded, decoded
from daemon.domain.inspection import Examination, FindingState
from daemon.domain.orders import Given
from daemon.folders.child_processes import end, own
from daemon.store import Store
from daemon.store.facts import EXAMINATION

log = structlog.get_logger()

LONGEST_SECONDS = 180.0
_MODULE = "daemon.health.doctor.process"


class Examinations:
    """Has the doctor look when somebody asks; for any thread."""

    def __init__(
        self, state_dir: Path, file: Path | None, longest_seconds: float = LONGEST_SECONDS
    ) -> None:
        """file: of the settings; None: as a command finds them."""
        self._state_dir = state_dir
        self._task = json.dumps({"file": None if file is None else str(file.absolute())})
        self._longest_seconds = longest_seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._left: int | None = None  # the number of one that could not be ended
        self._is_closed = False
        self._last = _known(state_dir)
        if self._last.began:  # by a process that ended before it
            self._keep(replace(self._last, began="", by=""))

    def carry_out(self, given: Given) -> Examination:
        """Begin a look, or join the one under way; says at once how that stands.

        Raises RefusedError while one hangs that cannot be ended, OSError where none can be started.
        """
        with self._lock:
            if self._process is None:
                self._require_none_left()
                process = self._start()
                began = datetime.now(UTC).isoformat(timespec="seconds")
                self._keep(replace(self._last, began=began, by=given.by.person))
                self._process = process
                threading.Thread(
                    target=self._await, args=[process], name="doctor", daemon=True
                ).start()
            return self._last

    def close(self) -> None:
        """End the one that is under way."""
        with self._lock:
            self._is_closed = True
            if self._process is not None:
                self._process.kill()

    def _require_none_left(self) -> None:
        if self._left is None:
            return
        with suppress(ChildProcessError):
            if os.waitpid(self._left, os.WNOHANG) == (0, 0):
                raise RefusedError(
                    "the last look still hangs in a folder that does not answer; check the shares"
                )
        self._left = None

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - our own code
            own(_MODULE),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us
        )

    def _await(self, process: subprocess.Popen[bytes]) -> None:
        found, problem = self._answer(process)
        with self._lock:
            self._process = None
            if self._is_closed:
                return
            try:
                self._keep(_told(found, problem, self._last))
            except Exception:  # whatever it is, the next look is not kept from beginning
                log.exception("examination_not_kept")

    def _answer(self, process: subprocess.Popen[bytes]) -> tuple[Examination | None, str]:
        """What was found, or None and why nothing was."""
        try:
            said, _ = process.communicate(self._task.encode("ascii"), self._longest_seconds)
        except subprocess.TimeoutExpired:
            end(process)
            with suppress(ChildProcessError):
                if os.waitpid(process.pid, os.WNOHANG) == (0, 0):
                    self._left = process.pid
            return None, f"it was not done within {self._longest_seconds:.0f} seconds"
        try:
            answer = json.loads(said)
        except ValueError:
            return None, f"it ended early, with code {process.returncode}"
        if isinstance(answer, dict) and "error" in answer:
            return None, str(answer["error"])
        try:
            return decoded(Examination, answer), ""
        except ValueError as exc:  # of a version that was installed since this process began
            return None, f"its answer is of another version ({exc}); start the service again"

    def _keep(self, examination: Examination) -> None:
        self._last = examination
        with closing(Store(self._state_dir)) as store:
            store.facts.remember(EXAMINATION, coded(examination))


def _known(state_dir: Path) -> Examination:
    """What was found before this process began."""
    with closing(Store(state_dir, reading=True)) as store:
        return known(store)


def known(store: Store) -> Examination:
    """What is kept."""
    kept = store.facts.get(EXAMINATION)
    with suppress(ValueError):  # of another version
        return decoded(Examination, kept or {})
    return Examination()


def _told(found: Examination | None, problem: str, before: Examination) -> Examination:
    """before: whose findings stay where nothing came of this look."""
    if found is None:
        log.warning("examination_failed", why=problem)
        return replace(before, began="", by="", problem=problem)
    wrong = sum(one.state is FindingState.WRONG for one in found.findings)
    log.info("examined", by=before.by, findings=len(found.findings), wrong=wrong)
    return replace(found, by=before.by)
