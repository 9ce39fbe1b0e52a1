"""Has an alert sent by a process of its own (`sending`), and waits for it only so long."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from daemon.alerting.alert import Outcome
from daemon.children import end

_CODE = (
    "import sys; sys.path.insert(0, sys.argv[1]); from daemon.alerting.sending import main; main()"
)
_PACKAGES = Path(__file__).resolve().parents[2]
# Settings and where secrets lie are not for libraries that speak with the outside.
_OURS = ("NIGHTSORT_", "CREDENTIALS_DIRECTORY")


def carry(task: dict[str, Any], deadline_seconds: float) -> Outcome:
    """Have `task` sent. Never raises; the error may hold secrets that its caller must mask."""
    try:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter, on our own code
            [sys.executable, "-I", "-X", "utf8", "-c", _CODE, str(_PACKAGES)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: text for name, text in os.environ.items() if not name.startswith(_OURS)},
            cwd="/",
            start_new_session=True,  # Ctrl-C is for us
        )
    except OSError as exc:
        return Outcome(False, f"no process could be started: {exc.strerror}")
    question = json.dumps(task | {"seconds": deadline_seconds}).encode("ascii")
    try:
        answer, _ = process.communicate(question, timeout=deadline_seconds)
    except subprocess.TimeoutExpired as exc:
        end(process)
        # It may have answered, and hang in a file that it wanted to attach.
        answer = exc.output or b""
        if not answer:
            return Outcome(False, f"no answer within {deadline_seconds:.0f} seconds")
    try:
        is_delivered, error = json.loads(answer)
    except ValueError:
        return Outcome(False, f"the sending process ended early, with code {process.returncode}")
    return Outcome(is_delivered, error)
