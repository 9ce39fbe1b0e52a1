"""The control socket: how others ask the running daemon for something.

Served beside the daemon's work, in the state folder. Whoever may enter that as its group may ask;
nobody else. Who asks, the kernel says; for whom the page asks, the page says, and nobody else is
believed in that.
"""

from __future__ import annotations

import json
import os
import pwd
import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as StillRunning
from contextlib import contextmanager, suppress
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any, Protocol

from config.errors import NightsortError, RefusedError, TransientError
from daemon.domain.coding import coded, decoded
from daemon.domain.orders import Answer, AnyOrder, BadOrder, Given, Speaker, order_of
from daemon.domain.runs import Progress
from daemon.domain.summaries import DrainSummary
from daemon.folders.locks import user_name
from daemon.service.control_client import BEGUN, SOCKET, socket_in
from daemon.service.order_queue import Begin, is_begun

PROGRESS_SECONDS = 0.5
# How long a process that ends waits for its last answers to be taken.
LAST_WORDS_SECONDS = 1.0
# Thousands of photos in one order. A path of 4096 bytes that nobody can read takes six characters
# for each.
LONGEST_QUESTION = 1_000_000
# The user as whom the page runs where it is a service of its own.
WEB_USER = "nightsort-web"

_RUN = "run"
# What an order may be carried out by beside the service's work, by its type.
Aside = Mapping[type[AnyOrder], Callable[[Given], Answer]]


class Asked(Protocol):
    """What the socket needs of the service; called from other threads than the service's own."""

    @property
    def progress(self) -> Progress:
        """How far it is."""

    def ask(self) -> Future[DrainSummary]:
        """Ask for a run now."""

    def order(self, given: Given, begin: Begin) -> Future[Answer]:
        """Ask for something else, to be done between two micro-batches."""


@contextmanager
def serving(service: Asked, state_dir: Path, aside: Aside | None = None) -> Iterator[None]:
    """Serve the control socket until the end of the `with` block.

    aside: orders that need nothing of the service, carried out beside its work.
    """
    with socket_in(state_dir) as address:
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


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    service: Asked
    aside: Aside

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
        with suppress(OSError):  # it went away
            self.server.clients.add(threading.current_thread())
            try:
                answer = self._asked_for(_question(self.rfile.readline(LONGEST_QUESTION)))
            except BadOrder as exc:
                self._say(_failed(exc))
            else:
                self._tell(answer)

    def finish(self) -> None:
        super().finish()
        self.server.clients.discard(threading.current_thread())

    def _asked_for(self, question: dict[str, Any]) -> Future[Any]:
        """What comes of a question. Raises BadOrder."""
        name = question.pop("ask", None)
        by = self._speaker(question.pop("on_behalf_of", None))
        if name == _RUN:
            return self.server.service.ask()
        order = order_of(name, question)
        given = Given(order, by)
        aside = self.server.aside.get(type(order))
        if aside is not None:
            return _carried_out(given, aside, self._begin)
        return self.server.service.order(given, self._begin)

    def _begin(self) -> bool:
        """Tell whoever gave an order that it is begun; from another thread, which must not wait."""
        try:
            sent: int = self.connection.send(BEGUN, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        except OSError:  # they hung up
            return False
        return sent == len(BEGUN)

    def _speaker(self, claim: object) -> Speaker:
        """Who asks: whom the page names, else whom the kernel names."""
        size = struct.calcsize("3i")
        found = self.connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        _, user, _ = struct.unpack("3i", found)
        if claim is not None:
            try:
                speaker = decoded(Speaker, claim)
            except ValueError as exc:
                raise BadOrder(f"on_behalf_of says nobody: {exc}") from exc
            if _speaks_for_others(user):
                return speaker
        return Speaker(user_name(user))

    def _tell(self, answer: Future[Any]) -> None:
        while (last_words := _last_words(answer)) is None:
            progress = self.server.service.progress
            silent = time.monotonic() - progress.at
            self._say({"progress": asdict(progress), "silent_seconds": silent})
        self._say(last_words)

    def _say(self, message: dict[str, object]) -> None:
        self.wfile.write(json.dumps(message).encode("utf-8") + b"\n")


def _question(line: bytes) -> dict[str, Any]:
    """What a line says. Raises BadOrder."""
    if not line.endswith(b"\n"):
        raise BadOrder(f"a question is one line of at most {LONGEST_QUESTION:,} bytes")
    try:
        question = json.loads(line)
    except (ValueError, RecursionError):
        question = None
    if not isinstance(question, dict):
        raise BadOrder('a question is one line of JSON, such as {"ask": "run"}')
    return question


def _speaks_for_others(user: int) -> bool:
    """Whether a process of that user is the page, which knows whom it asks for."""
    trusted = {os.getuid()}
    with suppress(KeyError):
        trusted.add(pwd.getpwnam(WEB_USER).pw_uid)
    return user in trusted


def _carried_out(given: Given, order: Callable[[Given], Answer], begin: Begin) -> Future[Answer]:
    """The answer to an order that a thread of its own works at."""
    answer: Future[Answer] = Future()

    def work() -> None:
        try:
            if is_begun(given, answer, begin):
                answer.set_result(order(given))
        except Exception as exc:  # noqa: BLE001 - whoever asked is told
            answer.set_exception(exc)

    threading.Thread(target=work, name="order", daemon=True).start()
    return answer


def _last_words(answer: Future[Any]) -> dict[str, object] | None:
    """How it ended; None: it goes on."""
    try:
        error = answer.exception(timeout=PROGRESS_SECONDS)
    except StillRunning:
        return None
    except CancelledError as exc:
        return _failed(exc)
    if error is not None:
        return _failed(error)
    result = answer.result()
    return {"answer": coded(result) if is_dataclass(result) else result}


def _failed(error: BaseException) -> dict[str, object]:
    return {"error": _in_words(error), "code": code_of(error)}


def _in_words(error: BaseException) -> str:
    if isinstance(error, CancelledError):
        return "the daemon is stopping; the queue waits for its next start"
    if isinstance(error, NightsortError):
        return str(error)
    return f"it failed, unexpected {type(error).__name__}; the log says more"


def code_of(error: BaseException) -> str:
    """Why something was not done, for programs; the values are fixed."""
    match error:
        case BadOrder():
            return "bad_order"
        case TransientError():
            return "unavailable"  # later it may be possible
        case RefusedError():
            return "refused"
        case NightsortError():
            return "impossible"
        case CancelledError():
            return "stopping"
        case _:
            return "defect"
