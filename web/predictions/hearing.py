"""Waits in the event loop for futures of threads; those that end together wake it once.

`asyncio.wrap_future` wakes it for each, by a byte through a socket. A thread that judged four
photos at a time would leave Python's lock four times for that, and wait for it again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


class Hearing:
    """Of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._ended: deque[asyncio.Future[None]] = deque()
        self._is_called = False

    async def result(self, future: Future[T]) -> T:
        """What comes of it, as by `asyncio.wrap_future`."""
        heard: asyncio.Future[None] = self.loop.create_future()
        future.add_done_callback(lambda _: self._tell(heard))
        try:
            await heard
        except asyncio.CancelledError:
            future.cancel()
            raise
        try:
            return future.result()
        except CancelledError:
            raise asyncio.CancelledError from None

    def _tell(self, heard: asyncio.Future[None]) -> None:
        """From any thread. The order makes sure that nobody is forgotten: first it is noted."""
        self._ended.append(heard)
        if not self._is_called:
            self._is_called = True
            with suppress(RuntimeError):  # the loop is over, and whoever waited is, too
                self.loop.call_soon_threadsafe(self._hand_out)

    def _hand_out(self) -> None:
        self._is_called = False
        while self._ended:
            heard = self._ended.popleft()
            if not heard.done():  # whoever waits for it still does
                heard.set_result(None)
