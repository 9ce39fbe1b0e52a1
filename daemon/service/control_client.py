"""Asking a running daemon, through the local socket in its state folder: lines of JSON.

`nightsort now` asks for a run, sees it advance, and gets its summary; `nightsort correct` and its
like, and the page, give an order and get its answer. The daemon says when it begins an order, and
begins none whose giver has hung up: so whoever waits no longer knows whether it may still be done.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from config.errors import NightsortError
from daemon.domain.coding import coded, decoded
from daemon.domain.order import A, Order
from daemon.domain.orders import Code, Speaker
from daemon.domain.runs import Progress
from daemon.domain.summaries import DrainSummary
from daemon.health.status_file import read

SOCKET = "control.sock"
# A daemon that says nothing for this long hangs; its loop turns several times a second.
SILENCE_SECONDS = 30.0
# A process that starts holds its lock this long, at most, before it can be asked.
START_SECONDS = 5.0
# What the daemon says when it begins an order; in one piece, or not at all.
BEGUN = b'{"begun": true}\n'
# It was begun, and what came of it is not known.
UNKNOWN = Code.UNKNOWN_OUTCOME.value
# Of what was begun, these do not say how it ended.
_LEFT_OPEN = frozenset({"no_answer", "stopping"})
_PART_BYTES = 65536
Watch = Callable[[Progress], None]


class NoAnswer(NightsortError):
    """The daemon does not answer, or could not do what it was asked for."""

    def __init__(self, text: str, code: str = "no_answer") -> None:
        """`code` says for programs why: as in `control.code_of`, `no_answer` or UNKNOWN.

        With UNKNOWN an order may still be done; with every other it is not, now or later.
        """
        super().__init__(text)
        self.code = code


def ask_for_run(
    state_dir: Path, watch: Watch, silence_seconds: float = SILENCE_SECONDS
) -> DrainSummary:
    """Ask the daemon for a run, or join the one under way; returns its summary.

    watch: called with the progress about twice a second.
    Raises NoAnswer when the daemon hangs, ends meanwhile, or could not run.
    """
    summary: DrainSummary = _ask(state_dir, {"ask": "run"}, watch, silence_seconds)
    return summary


def give_order(
    state_dir: Path,
    order: Order[A],
    on_behalf_of: Speaker | None = None,
    silence_seconds: float = SILENCE_SECONDS,
) -> A:
    """Have the daemon carry out an order; returns its answer.

    on_behalf_of: believed from the page's own user and the daemon's; else the daemon asks the
    kernel who gives it. Raises NoAnswer as `ask_for_run` does.
    """
    question = {"ask": order.name, **coded(order)}
    if on_behalf_of is not None:
        question["on_behalf_of"] = coded(on_behalf_of)
    answer: A = decoded(order.answer, _ask(state_dir, question, lambda _: None, silence_seconds))
    return answer


def _ask(state_dir: Path, question: dict[str, object], watch: Watch, silence_seconds: float) -> Any:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(silence_seconds)
        talk = _Talk(connection, watch, silence_seconds)
        try:
            with _told_why(state_dir, silence_seconds):
                _connect(connection, state_dir, min(silence_seconds, START_SECONDS))
                return talk.answer_to(question)
        except NoAnswer as exc:
            if talk.hang_up() and exc.code in _LEFT_OPEN:
                text = f"{exc}; it was begun, and may be done all the same"
                raise NoAnswer(text, UNKNOWN) from exc
            raise


class _Talk:
    """What is said over one connection."""

    def __init__(self, connection: socket.socket, watch: Watch, silence_seconds: float) -> None:
        self._connection = connection
        self._watch = watch
        self._silence_seconds = silence_seconds
        self._is_begun = False
        self._unread = b""

    def answer_to(self, question: dict[str, object]) -> Any:
        """Raises NoAnswer, TimeoutError, OSError."""
        self._connection.sendall(json.dumps(question).encode("utf-8") + b"\n")
        for line in self._lines():
            message = json.loads(line)
            if "answer" in message:
                return message["answer"]
            self._heard(line, message)
        raise NoAnswer("the daemon ended before it was done; see its log, then ask again")

    def _lines(self) -> Iterator[bytes]:
        """Whole ones; what is cut off was said by a daemon that ended in mid-word."""
        while True:
            line, end, rest = self._unread.partition(b"\n")
            if end:
                self._unread = rest
                yield line + end
            elif part := self._connection.recv(_PART_BYTES):
                self._unread += part
            else:
                return

    def hang_up(self) -> bool:
        """Say that nobody waits any more; whether it was begun before, and may be done still.

        What is not begun by now never is: the kernel refuses the daemon's word that it begins.
        """
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
            while part := self._connection.recv(_PART_BYTES):
                self._unread += part
        return self._is_begun or BEGUN in self._unread

    def _heard(self, line: bytes, message: Mapping[str, Any]) -> None:
        if line == BEGUN:
            self._is_begun = True
        elif "error" in message:
            raise NoAnswer(message["error"], message["code"])
        elif message["silent_seconds"] > self._silence_seconds:
            raise TimeoutError
        else:
            self._watch(Progress(**message["progress"]))


@contextmanager
def _told_why(state_dir: Path, silence_seconds: float) -> Iterator[None]:
    try:
        yield
    except TimeoutError as exc:
        raise _hangs(state_dir, silence_seconds) from exc
    except OSError as exc:
        raise NoAnswer(
            f"a nightsort process holds {state_dir} but cannot be asked ({exc.strerror}); if "
            "you are not in its group, ask somebody who is, else look at its log"
        ) from exc


def _connect(connection: socket.socket, state_dir: Path, patience_seconds: float) -> None:
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            with socket_in(state_dir) as address:
                connection.connect(str(address))
        except (FileNotFoundError, ConnectionRefusedError):
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _hangs(state_dir: Path, silence_seconds: float) -> NoAnswer:
    """Its status may know why: a share that hangs holds up the work, not what is said of it."""
    silent = f"the daemon has not answered for {silence_seconds:.0f} seconds"
    for problem in read(state_dir)[0]["problems"]:
        return NoAnswer(f"{silent}: {problem}")
    return NoAnswer(
        f"{silent}; its log says what it last did (journalctl -u nightsort), restarting it is safe"
    )


@contextmanager
def socket_in(state_dir: Path) -> Iterator[Path]:
    """The socket's address by way of a descriptor: AF_UNIX paths end at 108 bytes."""
    folder = os.open(state_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield Path(f"/proc/self/fd/{folder}", SOCKET)
    finally:
        os.close(folder)
