"""Programs that ask for predictions, as cheaply as one process can be them.

They share the cores with the page that they ask, so what they take themselves is measured and
told. Nothing is copied: bodies are sent as they lie in memory, and of an answer only its status,
its length and, where the call is shed, the seconds to wait are read.
"""

from __future__ import annotations

import re
import selectors
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count

from benchmarks.bench import Figures

_HEAD = re.compile(
    rb"HTTP/1\.1 (\d+)[^\r]*\r\n(?=(?:[^\r]+\r\n)*?content-length: (\d+))"
    rb"(?=(?:[^\r]+\r\n)*?retry-after: (\d+))?",
    re.IGNORECASE,
)
_OPENING = b'--photo\r\ncontent-disposition: form-data; name="file"; filename="photo.jpg"\r\n\r\n'
_CLOSING = b"\r\n--photo--\r\n"
_MOST_READ = 65_536
# How often those who were shed are looked at.
_LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Page:
    """Where predictions are asked for, and with which key."""

    address: str
    key: str

    def connect(self) -> socket.socket:
        """A connection that stays open."""
        host, _, port = self.address.rpartition(":")
        made = socket.create_connection((host, int(port)))
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def call(self, photo: bytes, behind: bytes = b"") -> list[memoryview]:
        """A call as it goes over the wire; `behind` the photo it makes its bytes others."""
        closing = behind + _CLOSING
        length = len(_OPENING) + len(photo) + len(closing)
        head = (
            f"POST /predict HTTP/1.1\r\nhost: {self.address}\r\nx-api-key: {self.key}\r\n"
            f"content-type: multipart/form-data; boundary=photo\r\ncontent-length: {length}\r\n\r\n"
        )
        return [memoryview(part) for part in (head.encode() + _OPENING, photo, closing)]


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    retry_after: int | None

    @classmethod
    def of(cls, read: bytes) -> _Answer | None:
        """None: it is not all there."""
        head, _, body = read.partition(b"\r\n\r\n")
        found = _HEAD.match(head + b"\r\n")
        if found is None or len(body) < int(found[2]):
            return None
        return cls(int(found[1]), int(found[3]) if found[3] else None)


def ask_alone(page: Page, connection: socket.socket, photo: bytes) -> None:
    """One call, and its answer waited for."""
    parts, read = page.call(photo), b""
    while parts:
        _drop(parts, connection.sendmsg(parts))
    while (answer := _Answer.of(read)) is None:
        read += connection.recv(_MOST_READ)
    if answer.status != 200:
        raise SystemExit(f"/predict answered {read.decode()}")


@dataclass(slots=True)
class Crowd:
    """Many clients of one page at the same time, in one thread."""

    page: Page
    photos: Sequence[bytes]
    statuses: Counter[int] = field(default_factory=Counter, init=False)
    milliseconds: list[float] = field(default_factory=list, init=False)

    def ask(self, clients: int, goes_on: Callable[[int], bool]) -> Figures:
        """Let each ask without a pause, until `goes_on` says no of the number of the next call."""
        began, began_cpu = time.perf_counter(), time.process_time()
        numbers = self._numbers(goes_on)
        with selectors.DefaultSelector() as waiting:
            for _ in range(clients):
                _Client(self, waiting, numbers).begin()
            looked_at = began
            while waiting.get_map():
                for key, _ in waiting.select(_LOOK_SECONDS):
                    key.data.turn()
                if time.perf_counter() - looked_at >= _LOOK_SECONDS:
                    looked_at = time.perf_counter()
                    for key in [*waiting.get_map().values()]:
                        key.data.begin_again()
        return {
            "seconds": time.perf_counter() - began,
            "clients_cpu_seconds": time.process_time() - began_cpu,
            "answers": self.statuses[200],
            "shed": self.statuses.total() - self.statuses[200],
        }

    def _numbers(self, goes_on: Callable[[int], bool]) -> Iterator[int]:
        for number in count():
            if not goes_on(number):
                return
            yield number


class _Client:
    """One of them: sends, reads, and sends the next; or waits as long as it is told to."""

    def __init__(
        self, crowd: Crowd, waiting: selectors.BaseSelector, numbers: Iterator[int]
    ) -> None:
        self._crowd = crowd
        self._waiting = waiting
        self._numbers = numbers
        self._socket = crowd.page.connect()
        self._socket.setblocking(False)
        self._parts: list[memoryview] = []
        self._read = b""
        self._began = 0.0
        self._not_before = float("inf")
        waiting.register(self._socket, selectors.EVENT_READ, self)

    def begin(self) -> None:
        """Send the next, if there is one."""
        number = next(self._numbers, None)
        if number is None:
            self._waiting.unregister(self._socket)
            self._socket.close()
            return
        photos = self._crowd.photos
        photo, behind = photos[number % len(photos)], str(number).encode()
        self._parts, self._read = self._crowd.page.call(photo, behind), b""
        self._began, self._not_before = time.perf_counter(), float("inf")
        self._send()

    def begin_again(self) -> None:
        """Send the next once it has waited as long as it was told to."""
        if time.perf_counter() >= self._not_before:
            self.begin()

    def turn(self) -> None:
        """Send and read as much as can be just now."""
        self._send()
        with suppress(BlockingIOError):
            self._take(self._socket.recv(_MOST_READ))

    def _send(self) -> None:
        with suppress(BlockingIOError):
            while self._parts:
                _drop(self._parts, self._socket.sendmsg(self._parts))
        sends = selectors.EVENT_WRITE if self._parts else 0
        self._waiting.modify(self._socket, selectors.EVENT_READ | sends, self)

    def _take(self, read: bytes) -> None:
        if not read:
            raise SystemExit("the page has closed a connection")
        self._read += read
        answer = _Answer.of(self._read)
        if answer is None:
            return
        self._crowd.statuses[answer.status] += 1
        now = time.perf_counter()
        if answer.status == 200:
            self._crowd.milliseconds.append((now - self._began) * 1e3)
            self.begin()
        elif answer.retry_after is None:
            raise SystemExit(f"/predict answered {self._read.decode()}")
        else:
            self._not_before = now + answer.retry_after


def _drop(parts: list[memoryview], size: int) -> None:
    """Take away so many bytes, which were sent."""
    while parts and size >= len(parts[0]):
        size -= len(parts.pop(0))
    if size:
        parts[0] = parts[0][size:]
