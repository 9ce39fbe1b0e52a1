"""The process in which the doctor looks for the daemon: at the lowest priority, beside its work.

A process of its own, since whoever asks a share that hangs hangs too. It is told on stdin where the
settings are, and answers on stdout with what `nightsort doctor --json` prints.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from classifier.threads import ask_for_one_thread
from config.errors import NightsortError
from config.settings import load
from daemon.domain.clock import SystemClock
from daemon.health.doctor.checks import examine
from daemon.health.doctor.findings import document

_LOWEST_PRIORITY = 19
# Should the daemon be gone that would have ended it.
_LONGEST_SECONDS = 300


def main() -> None:
    """Look at everything."""
    os.nice(_LOWEST_PRIORITY)
    signal.alarm(_LONGEST_SECONDS)
    ask_for_one_thread()
    # Only the answer goes to stdout, whatever a library prints.
    answer_to = os.dup(sys.stdout.fileno())
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    named = json.load(sys.stdin)["file"]
    try:
        settings = load(Path(named) if named else None)
        clock = SystemClock.of(settings)
        answer = document([*examine(settings, clock)], clock.now())
    except NightsortError as exc:
        answer = {"error": str(exc)}
    with os.fdopen(answer_to, "w", encoding="ascii") as out:
        json.dump(answer, out)
