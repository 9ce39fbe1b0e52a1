"""Asking a running daemon: a local socket in the state folder, lines of JSON.

The daemon serves it beside its work; `nightsort now` asks for a run, sees it advance, and gets its
summary; `nightsort correct` and its like give an order and get its answer. Whoever may enter the
state folder as its group may ask; nobody else.
"""

from __future__ import annotations

import json
import os
import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as StillRunning
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from config.errors import NightsortError
from daemon.lock import user_name
from daemon.records import Order, Progress
from daemon.status import read

SOCKET = "control.sock"
PROGRESS_SECONDS = 0.5
# A daemon that says nothing for this long hangs; its loop turns several times a second.
SILENCE_SECONDS = 30.0
# A process that starts holds its lock this long, at most, before it can be asked.
START_SECONDS = 5.0
# How long a process that ends waits for its last answers to be taken.
LAST_WORDS_SECONDS = 1.0
# A path of 4096 bytes that nobody can read takes six characters for each.
_LONGEST_QUESTION = 65_536

Summary = dict[str, Any]


class NoAnswer(NightsortError):
    """The daemon does not answer, or could not do what it was asked for."""


class Asked(Protocol):
    """What the socket needs of the service; called from other threads than the service's own."""

    @property
    def progress(self) -> Progress:
        """How far it is."""

    def ask(self) -> Future[Summary]:
        """Ask for a run now."""

    def order(self, order: Order) -> Future[Summary]:
        """Ask for something else, to be done between two micro-batches."""


@contextmanager
def serving(
    service: Asked, state_dir: Path, aside: Mapping[str, Callable[[], Summary]] | None = None
) -> Iterator[None]:
    """Serve the control socket until the end of the `with` block.

    aside: orders that need nothing of the service, carried out beside its work.
    """
    with _short(state_dir) as address:
        with suppress(FileNotFoundError):
            address.unlink()  # of a process that was killed: we hold its lock
        server = _Server(str(address), _Handler)
        address.chmod(0o660)
    server.service = service
    server.aside = aside or {}
    thread = threading.Thread(target=server.serve_forever, name="control", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.socket.shutdown(socket.SHUT_RDWR)  # wakes its thread, which else sleeps on a while
        server.shutdown()
        server.say_last_words()
        server.server_close()
        (state_dir / SOCKET).unlink(missing_ok=True)


def ask_for_run(
    state_dir: Path, watch: Callable[[Progress], None], silence_seconds: float = SILENCE_SECONDS
) -> Summary:
    """Ask the daemon for a run, or join the one under way; returns its summary.

    watch: called with the progress about twice a second.
    Raises NoAnswer when the daemon hangs, ends meanwhile, or could not run.
    """
    return _ask(state_dir, {"ask": "run"}, watch, silence_seconds)


def give_order(
    state_dir: Path, what: str, words: Sequence[str], silence_seconds: float = SILENCE_SECONDS
) -> Summary:
    """Have the daemon carry out an order; returns its answer.

    Who gives it the daemon asks the kernel. Raises NoAnswer as `ask_for_run` does.
    """
    question = {"ask": what, "words": list(words)}
    return _ask(state_dir, question, lambda _: None, silence_seconds)


def _ask(
    state_dir: Path,
    question: dict[str, Any],
    watch: Callable[[Progress], None],
    silence_seconds: float,
) -> Summary:
    with _connected(state_dir, silence_seconds) as stream:
        stream.write(json.dumps(question).encode("utf-8") + b"\n")
        stream.flush()
        for line in stream:
            if not line.endswith(b"\n"):
                continue  # cut off: the daemon ended in mid-word
            message = json.loads(line)
            if "answer" in message:
                answer: Summary = message["answer"]
                return answer
            if "error" in message:
                raise NoAnswer(message["error"])
            if message["silent_seconds"] > silence_seconds:
                break
            watch(Progress(**message["progress"]))
        else:
            raise NoAnswer("the daemon ended before it was done; see its log, then ask again")
    raise _hangs(state_dir, silence_seconds)


@contextmanager
def _connected(state_dir: Path, silence_seconds: float) -> Iterator[Any]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(silence_seconds)
        try:
            _connect(connection, state_dir, min(silence_seconds, START_SECONDS))
            with connection.makefile("rwb") as stream:
                yield stream
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
            with _short(state_dir) as address:
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
def _short(state_dir: Path) -> Iterator[Path]:
    """The socket's address by way of a descriptor: AF_UNIX paths end at 108 bytes."""
    folder = os.open(state_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield Path(f"/proc/self/fd/{folder}", SOCKET)
    finally:
        os.close(folder)


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    service: Asked
    aside: Mapping[str, Callable[[], Summary]]

    def __init__(self, address: str, handler: type[socketserver.BaseRequestHandler]) -> None:
        super().__init__(address, handler)
        self.clients: set[threading.Thread] = set()

    def say_last_words(self) -> None:
        """Let those who asked have their answer; whoever does not read it is not waited for."""
        deadline = time.monotonic() + LAST_WORDS_SECONDS
        for client in list(self.clients):
            client.join(max(0.0, deadline - time.monotonic()))


class _Handler(socketserver.StreamRequestHandler):
    """One client; it may go away at any time, the run goes on."""

    server: _Server

    def handle(self) -> None:
        with suppress(OSError, ValueError, TypeError, KeyError):  # whatever is not for us
            question = json.loads(self.rfile.readline(_LONGEST_QUESTION))
            service, what = self.server.service, str(question["ask"])
            self.server.clients.add(threading.current_thread())
            if what == "run":
                self._tell(service, service.ask())
            elif what in self.server.aside:
                self._tell(service, _carried_out(self.server.aside[what]))
            else:
                words = tuple(str(word) for word in question["words"])
                self._tell(service, service.order(Order(what, words, self._person())))

    def finish(self) -> None:
        super().finish()
        self.server.clients.discard(threading.current_thread())

    def _person(self) -> str:
        """Who asks, by the kernel's word."""
        size = struct.calcsize("3i")
        found = self.connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        _, uid, _ = struct.unpack("3i", found)
        return user_name(uid)

    def _tell(self, service: Asked, answer: Future[Summary]) -> None:
        while (last_words := _last_words(answer)) is None:
            progress = service.progress
            silent = time.monotonic() - progress.at
            self._say({"progress": asdict(progress), "silent_seconds": silent})
        self._say(last_words)

    def _say(self, message: dict[str, Any]) -> None:
        self.wfile.write(json.dumps(message).encode("utf-8") + b"\n")


def _carried_out(order: Callable[[], Summary]) -> Future[Summary]:
    """The answer to an order that a thread of its own works at."""
    answer: Future[Summary] = Future()

    def work() -> None:
        try:
            answer.set_result(order())
        except Exception as exc:  # noqa: BLE001 - whoever asked is told
            answer.set_exception(exc)

    threading.Thread(target=work, name="order", daemon=True).start()
    return answer


def _last_words(answer: Future[Summary]) -> dict[str, Any] | None:
    """How it ended; None: it goes on."""
    try:
        error = answer.exception(timeout=PROGRESS_SECONDS)
    except StillRunning:
        return None
    except CancelledError:
        return {"error": "the daemon is stopping; the queue waits for its next start"}
    if error is None:
        return {"answer": answer.result()}
    if isinstance(error, NightsortError):
        return {"error": str(error)}
    return {"error": f"it failed, unexpected {type(error).__name__}; the log says more"}
