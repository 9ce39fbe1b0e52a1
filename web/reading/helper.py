"""A process of our own that answers requests: for what may hang, crash, or take much memory.

A request is a line of JSON and bytes, as many as it says; so is its answer. The process ends with
its stdin.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from daemon.folders.child_processes import answering

START_SECONDS = 10.0
_LONGEST_LINE = 10_000
# When memory is short the one who holds a picture goes first.
_OOM_SCORE = "1000"

Answer = tuple[dict[str, Any], bytes]


class TooSlowError(Exception):
    """No answer in time."""


class Helper:
    """The process, for one thread at a time."""

    def __init__(self, module: str) -> None:
        """Begin it. Raises TooSlowError, OSError. module: whose `main` calls `answer_all`."""
        process = answering(module, START_SECONDS, stderr=subprocess.DEVNULL)
        if process is None:
            raise TooSlowError
        self.process = process

    def ask(self, request: dict[str, Any], seconds: float, content: bytes = b"") -> Answer:
        """The answer. Raises TooSlowError, EOFError or OSError where it died, ValueError."""
        assert self.process.stdin is not None
        line = json.dumps({**request, "size": len(content)}).encode() + b"\n"
        for part in (line, content):
            rest = memoryview(part)
            while rest:
                rest = rest[self.process.stdin.write(rest) :]
        ends = time.monotonic() + seconds
        head, first = self._head(ends)
        said: dict[str, Any] = json.loads(head)
        missing = int(said.pop("size")) - len(first)
        pieces = [first]
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


def answer_all(answer: Callable[[dict[str, Any], bytes], Answer], niceness: int = 0) -> None:
    """In the process itself: answer until stdin ends. niceness: beyond that of who began it."""
    # Ctrl-C and systemd's stop are for the page; we end when it does.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with suppress(OSError):  # systemd's unit denies it, and gives the page less weight as a whole
        os.nice(niceness)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE, encoding="ascii")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    for line in sys.stdin.buffer:
        request = json.loads(line)
        said, content = answer(request, sys.stdin.buffer.read(request.pop("size")))
        answers.write(json.dumps({**said, "size": len(content)}).encode() + b"\n" + content)
        answers.flush()
