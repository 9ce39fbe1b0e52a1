"""Asks helper processes for pictures, and waits for each only so long.

What they do: `web.reading.painter`. One that does not answer in time is killed; where the kernel
does not let it end, as in a call on a dead share, it is left alone, and while that is so nobody
waits for another.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog

from daemon.domain.photos import as_text
from web.problems import Problem, a_place, busy
from web.reading.helper import Helper, TooSlowError

log = structlog.get_logger()

# Two keep two cores busy, and hold two pictures in memory.
HELPERS = 2
# Requests beyond these would wait longer than people do.
MOST_WAITING = 24
WAIT_SECONDS = 8.0
# For one picture: reading up to 40 MB from a share, decoding up to 100 megapixels.
PICTURE_SECONDS = 10.0
_LAST_SECONDS = 3.0


class Painters:
    """A few helpers, for any number of threads."""

    def __init__(self, picture_seconds: float = PICTURE_SECONDS) -> None:
        self._picture_seconds = picture_seconds
        self._free: list[Helper] = []
        self._hanging: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(HELPERS)
        self._queue = threading.BoundedSemaphore(HELPERS + MOST_WAITING)

    def ask(self, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        """The answer of `painter.paint`.

        Raises Problem 503 where it does not come in time or too many wait, 404 where the photo
        crashes its decoder.
        """
        self._require_answers()
        with self._place():
            helper = self._helper()
            try:
                answer = helper.ask(request, self._picture_seconds)
            except TooSlowError:
                self._leave(helper)
                log.warning("picture_too_slow", seconds=self._picture_seconds)
                raise _share_hangs() from None
            except (OSError, EOFError, ValueError):
                self._leave(helper)
                log.warning("picture_failed", place=as_text(request["place"]))
                raise Problem(
                    404, "unreadable", "its picture cannot be made; look at its file"
                ) from None
            except BaseException:
                self._leave(helper)
                raise
            with self._lock:
                self._free.append(helper)
            return answer

    def close(self) -> None:
        """End all helpers."""
        with self._lock:
            helpers, self._free = self._free, []
        for helper in helpers:
            helper.end(_LAST_SECONDS)

    def _require_answers(self) -> None:
        with self._lock:
            self._hanging = [one for one in self._hanging if one.poll() is None]
            if len(self._hanging) >= HELPERS:
                raise _share_hangs()

    @contextmanager
    def _place(self) -> Iterator[None]:
        many = busy("too many pictures are asked for; try again in a moment", 2)
        long = busy("pictures take long at this moment; try again in a moment", 5)
        with a_place(self._queue, many), a_place(self._places, long, WAIT_SECONDS):
            yield

    def _helper(self) -> Helper:
        with self._lock:
            if self._free:
                return self._free.pop()
        try:
            return Helper("web.reading.painter")
        except TooSlowError:
            raise _share_hangs() from None

    def _leave(self, helper: Helper) -> None:
        helper.end()
        with self._lock:
            self._hanging.append(helper.process)


def _share_hangs() -> Problem:
    return busy(
        "the folder of the photos does not answer; pictures are shown again when it does",
        30,
        "share_hangs",
    )
