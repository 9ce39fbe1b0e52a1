"""What comes with a request: how much, how fast, and how much of all requests together.

Everything is checked while it is read, before anything of it is kept; what is refused is answered
with `Connection: close`, as the server would else swallow the rest.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.types import Message, Receive

from web.problems import Problem, busy

# A form of the page; photos need more, and their routes say so.
FORM_BYTES = 64 * 1024
# Without a byte for this long, or slower than this on the whole, nobody waits.
SILENCE_SECONDS = 15.0
SLOWEST_BYTES_A_SECOND = 20_000
# So much earlier or later does not matter; to say so again for each packet would cost more.
_MOMENT_SECONDS = 0.1
# Handed on in parts of about this size: packets are a quarter of it or less, and each that is
# written to a file goes to another thread (of 2.6 MB, 9 ms of processor time instead of 5).
PART_BYTES = 256 * 1024
# Packets smaller than this are put together: one of a byte takes forty in memory.
_SMALL_BYTES = 4096
# Bodies in hand at the same time, of all requests.
SUM_BYTES = 1_000_000_000
CLOSE = {"Connection": "close"}


@dataclass(slots=True)
class Spool:
    """How much of bodies is in hand: it may all lie on the disk of state_dir."""

    most_bytes: int = SUM_BYTES
    in_hand: int = field(default=0, init=False)

    def take(self, size: int) -> None:
        """So much more is in hand. Raises Problem 503."""
        if self.in_hand + size > self.most_bytes:
            problem = busy("too much is being sent at this moment; try again in a moment")
            problem.headers = {**(problem.headers or {}), **CLOSE}
            raise problem
        self.in_hand += size

    def give_back(self, size: int) -> None:
        """So much less is."""
        self.in_hand -= size


class Body:
    """The body of one request, within its bounds."""

    def __init__(
        self,
        receive: Receive,
        most_bytes: int,
        spool: Spool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._receive = receive
        self._most_bytes = most_bytes
        self._spool = spool
        self._clock = clock
        self._began: float | None = None  # until it is asked for, nobody is late
        self.read_bytes = 0
        self.is_read = self.is_cut_off = False

    def check_length(self, content_length: str | None) -> None:
        """Refuse what says that it is too long, before any of it is read. Raises Problem 413."""
        if content_length is not None and content_length.isdecimal():
            self._check(int(content_length))

    async def receive(self) -> Message:
        """The next part. Raises Problem 408, 413 or 503."""
        if self.is_read:
            return await self._receive()  # that the caller goes away is waited for without an end
        parts = await self.packets(PART_BYTES)
        if self.is_cut_off:
            return {"type": "http.disconnect"}  # nobody wants the rest
        return {"type": "http.request", "body": b"".join(parts), "more_body": not self.is_read}

    async def packets(self, most_bytes: int) -> list[bytes]:
        """What comes next of it, as it comes, until its end or until there is so much.

        Raises Problem 408, 413 or 503.
        """
        if self._began is None:
            self._began = self._clock()
        packets: list[bytes] = []
        enough = self.read_bytes + most_bytes
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._patience(self._began)) as timeout:
                while not (self.is_read or self.is_cut_off) and self.read_bytes < enough:
                    _add(packets, self._taken(await self._receive()))
                    until = loop.time() + self._patience(self._began)
                    if abs(until - (timeout.when() or 0.0)) > _MOMENT_SECONDS:
                        timeout.reschedule(until)
        except TimeoutError:
            raise Problem(
                408, "too_slow", "the rest of this request did not come in time", CLOSE
            ) from None
        return packets

    def _patience(self, began: float) -> float:
        ends_at = began + SILENCE_SECONDS + self.read_bytes / SLOWEST_BYTES_A_SECOND
        return max(min(SILENCE_SECONDS, ends_at - self._clock()), 0.01)

    def _taken(self, message: Message) -> bytes:
        if message["type"] != "http.request":
            self.is_cut_off = True
            return b""
        packet: bytes = message.get("body", b"")
        self._check(self.read_bytes + len(packet))
        self._spool.take(len(packet))
        self.read_bytes += len(packet)
        self.is_read = not message.get("more_body", False)
        return packet

    def done(self) -> None:
        """Nothing of it is kept any more."""
        self._spool.give_back(self.read_bytes)

    def _check(self, size: int) -> None:
        if size > self._most_bytes:
            raise too_large(self._most_bytes)


def _add(packets: list[bytes], packet: bytes) -> None:
    if packets and len(packets[-1]) < _SMALL_BYTES:
        packets[-1] += packet
    else:
        packets.append(packet)


def too_large(most_bytes: int) -> Problem:
    """413: a body of more than that."""
    detail = f"more than {_words(most_bytes)} are not taken here"
    return Problem(413, "too_large", detail, CLOSE, limit_bytes=most_bytes)


def _words(size: int) -> str:
    return f"{size / 1e6:.0f} MB" if size >= 1_000_000 else f"{size // 1024} kB"
