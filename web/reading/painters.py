"""Asks helper processes for pictures, and waits for each only so long.

What they do: `web.reading.painter`. One that does not answer in time is killed; where the kernel
does not let it end, as in a call on a dead share, it is left alone, and while that is so nobody
waits for another.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import structlog

from daemon.domain.photos import as_text
from daemon.folders.child_processes import own, started
from web.problems import Problem, a_place, busy

log = structlog.get_logger()

# Two keep two cores busy, and hold two pictures in memory.
HELPERS = 2
# Requests beyond these would wait longer than people do.
MOST_WAITING = 24
WAIT_SECONDS = 8.0
# For one picture: reading up to 40 MB from a share, decoding up to 100 megapixels.
PICTURE_SECONDS = 10.0
START_SECONDS = 10.0
_LAST_SECONDS = 3.0
_LONGEST_LINE = 10_000


class TooSlowError(Exception):
    """No answer in time."""


class Painters:
    """A few helpers, for any number of threads."""

    def __init__(self, picture_seconds: float = PICTURE_SECONDS) -> None:
        self._picture_seconds = picture_seconds
        self._free: list[_Helper] = []
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

    def _helper(self) -> _Helper:
        with self._lock:
            if self._free:
                return self._free.pop()
        return _Helper()

    def _leave(self, helper: _Helper) -> None:
        helper.end()
        with self._lock:
            self._hanging.append(helper.process)


class _Helper:
    """One helper process."""

    def __init__(self) -> None:
        process = started(
            own("web.reading.painter"),
            START_SECONDS,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",
            start_new_session=True,
        )
        if process is None:
            raise _share_hangs()
        self.process = process

    def ask(self, request: dict[str, Any], seconds: float) -> tuple[dict[str, Any], bytes]:
        """The answer. Raises TooSlowError, EOFError or OSError where it died, ValueError."""
        assert self.process.stdin is not None
        ends = time.monotonic() + seconds
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        head, rest = self._head(ends)
        said: dict[str, Any] = json.loads(head)
        missing = int(said.pop("size")) - len(rest)
        pieces = [rest]
        while missing > 0:
            pieces.append(self._piece(ends, missing))
            missing -= len(pieces[-1])
        return said, b"".join(pieces)

    def end(self, seconds: float = 0.2) -> None:
        """End it as soon as the kernel lets it; seconds: how long that is waited for."""
        self.process.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)

    def _head(self, ends: float) -> tuple[bytes, bytes]:
        received = b""
        while b"\n" not in received:
            if len(received) > _LONGEST_LINE:
                raise ValueError("no line")
            received += self._piece(ends, 65536)
        head, _, rest = received.partition(b"\n")
        return head, rest

    def _piece(self, ends: float, size: int) -> bytes:
        assert self.process.stdout is not None
        descriptor = self.process.stdout.fileno()
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        if not poll.poll(max(0.0, ends - time.monotonic()) * 1000):
            raise TooSlowError
        piece = os.read(descriptor, min(size, 1 << 20))
        if not piece:
            raise EOFError
        return piece


def _share_hangs() -> Problem:
    return busy(
        "the folder of the photos does not answer; pictures are shown again when it does",
        30,
        "share_hangs",
    )
