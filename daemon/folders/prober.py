"""Asks a helper process about folders, and waits for its answer only so long.

A call on a dead mount may hang for minutes, uninterruptible. So a helper makes it: one that does
not answer is left alone with its folder, and asked again whenever somebody wants to know, without
waiting; another one serves the other folders meanwhile. That one is there beforehand, since a new
process may hang as well (`daemon.folders.child_processes`). What is asked: `daemon.folders.probe`.
"""

from __future__ import annotations

import itertools
import json
import os
import select
import time
import weakref
from contextlib import suppress

from daemon.folders.child_processes import answering, end
from daemon.folders.probe import Answer, Question

# A helper may hang in a mount that was replaced by a sound one long ago: then try with a new one.
_PATIENCE_SECONDS = 60.0
# That the kernel will not let end, for one folder; more would not tell more.
_MOST_LEFT_BEHIND = 3


class NoAnswerError(Exception):
    """The folder does not answer in time."""


class Prober:
    """Helpers for any number of folders."""

    def __init__(self, timeout_s: float) -> None:
        """`timeout_s` is how long a question waits at most, once, for a folder that hangs."""
        self._timeout_s = timeout_s
        self._helper: _Helper | None = None  # free for any folder
        self._spare: _Helper | None = None  # for when that one hangs
        self._hanging: dict[str, _Helper] = {}  # by folder
        self._left_behind: dict[str, list[_Helper]] = {}

    def ask(self, path: str, request: Question) -> Answer:
        """The answer of `daemon.folders.probe` to a request about the folder `path`.

        Raises NoAnswerError; errors of the operating system come back as `errno`.
        """
        helper = self._helper_for(path)
        question: Question = {"path": path, **request}
        try:
            answer = helper.ask(question, self._timeout_s)
        except EOFError:  # killed by somebody: a new one will do
            helper = _Helper(self._timeout_s)
            answer = self._ask_again(helper, question)
        if answer is None:
            self._helper = None
            self._hanging[path] = helper
            raise NoAnswerError
        self._helper = helper
        if self._spare is None and not self._hanging:
            with suppress(NoAnswerError):
                self._spare = _Helper(self._timeout_s)
        return answer

    def close(self) -> None:
        """End all helpers."""
        left = itertools.chain.from_iterable(self._left_behind.values())
        for helper in [self._helper, self._spare, *self._hanging.values(), *left]:
            if helper is not None:
                helper.end()
        self._helper = self._spare = None
        self._hanging.clear()
        self._left_behind.clear()

    def _ask_again(self, helper: _Helper, question: Question) -> Answer | None:
        try:
            return helper.ask(question, self._timeout_s)
        except EOFError as exc:
            raise NoAnswerError from exc

    def _helper_for(self, path: str) -> _Helper:
        """A helper that can be asked about `path`. Raises NoAnswerError while that hangs."""
        hanging = self._hanging.get(path)
        if hanging is None:
            return self._free()
        if hanging.has_recovered():
            return self._hanging.pop(path)
        left = self._left_behind.setdefault(path, [])
        left[:] = [helper for helper in left if not helper.has_ended()]
        if hanging.seconds_asked() < _PATIENCE_SECONDS or len(left) >= _MOST_LEFT_BEHIND:
            raise NoAnswerError
        hanging.kill()
        left.append(self._hanging.pop(path))
        return self._free()

    def _free(self) -> _Helper:
        """A helper that is free for any folder. Raises NoAnswerError when none can be started."""
        if self._helper is None:
            self._helper, self._spare = self._spare, None
        return self._helper or _Helper(self._timeout_s)


class _Helper:
    """One helper process."""

    def __init__(self, patience_seconds: float) -> None:
        process = answering("daemon.folders.probe", patience_seconds, "-S")
        if process is None:
            raise NoAnswerError
        self._process = process
        self._asked_at = 0.0
        self.end = weakref.finalize(self, end, self._process)

    def ask(self, question: Question, timeout_s: float) -> Answer | None:
        """The answer; None when there is none in time. Raises EOFError when the helper died."""
        assert self._process.stdin is not None
        self._asked_at = time.monotonic()
        try:
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
        except BrokenPipeError as exc:
            raise EOFError from exc
        return self._answer(timeout_s)

    def has_recovered(self) -> bool:
        """Whether the helper answered at last, so that it can be asked again."""
        try:
            return self._answer(0.0) is not None
        except EOFError:
            return True  # asking it will show that it is gone

    def seconds_asked(self) -> float:
        """Seconds since the last question."""
        return time.monotonic() - self._asked_at

    def kill(self) -> None:
        """End it as soon as the kernel lets it."""
        self._process.kill()

    def has_ended(self) -> bool:
        """Whether the process is gone."""
        return self._process.poll() is not None

    def _answer(self, timeout_s: float) -> Answer | None:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        ends = time.monotonic() + timeout_s
        line = b""
        while not line.endswith(b"\n"):
            left_ms = max(0.0, ends - time.monotonic()) * 1000
            if not _readable(descriptor, left_ms):
                # An answer is one short write into a pipe: there is all of it, or nothing.
                return None
            part = os.read(descriptor, 65536)
            if not part:
                raise EOFError
            line += part
        answer: Answer = json.loads(line)
        return answer


def _readable(descriptor: int, timeout_ms: float) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(timeout_ms))
