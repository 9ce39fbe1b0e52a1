"""Heartbeat: calls a URL after each window, so that somebody elsewhere notices when none comes.

In the other modes it is called after each run. The call has a thread of its own: a server that
does not answer holds up nothing.
"""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

import structlog

log = structlog.get_logger()

_PATIENCE_SECONDS = 10.0


class Heartbeat:
    """Knows when a window, or a run, has ended."""

    def __init__(self, url: str | None) -> None:
        """`url` may hold a secret: it is never logged. None: nobody listens."""
        self._url = url
        self._before: tuple[bool, Any] | None = None

    def tell(self, document: Mapping[str, Any]) -> None:
        """Call when the status says that a window has ended well."""
        window, run = document["window"], document["last_run"]
        now = (bool(window["open"]), run and run["run"])
        before, self._before = self._before or now, now
        has_closed, has_run = before[0] and not now[0], before[1] != now[1]
        is_due = has_closed if window["mode"] == "window" else has_run
        if self._url is not None and is_due and not document["problems"]:
            threading.Thread(target=_call, args=[self._url], name="heartbeat", daemon=True).start()


def _call(url: str) -> None:
    try:
        with urllib.request.urlopen(url, timeout=_PATIENCE_SECONDS):  # noqa: S310 - checked before
            pass
    except (OSError, urllib.error.URLError, ValueError) as exc:
        log.warning("heartbeat_failed", why=str(getattr(exc, "reason", None) or exc))
