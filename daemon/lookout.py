"""The lookout: says from outside when the daemon is dead or silent, as it cannot say so itself.

Started by a timer, and when the unit has failed. Needs nothing of the daemon but its status file
and its lock.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import structlog

from daemon.status import NOT_RUNNING, read

log = structlog.get_logger()


def is_alive(state_dir: Path, environment: Mapping[str, str]) -> bool:
    """Whether the daemon runs and speaks; logs a critical event when it does not.

    environment: says how the unit ended, where systemd started us because it did.
    """
    document, code = read(state_dir)
    if code != NOT_RUNNING and document["state"] != "hangs":
        return True
    log.critical(
        "service_silent",
        state=document["state"],
        why=document["problems"][0],
        result=environment.get("MONITOR_SERVICE_RESULT"),
        exit_status=environment.get("MONITOR_EXIT_STATUS"),
    )
    return False
