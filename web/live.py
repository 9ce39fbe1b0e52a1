"""Tells pages that something has changed: server-sent events, one look a second for all of them.

An event says only that there is news; the page then asks for its part as it does without events. So
there is one way in which anything is shown, every rule about who may see what holds, and whoever
cannot listen loses nothing but seconds. While nobody listens, nobody looks.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress

LOOK_SECONDS = 1.0
# So often something is said though there is no news: pages then know that it still would be said,
# proxies that the connection lives, and we that whoever listens still may.
BEAT_SECONDS = 5.0
# Each is a connection and a few hundred bytes; whoever comes beyond asks now and then instead.
MOST_LISTENERS = 60
_RECONNECT_MS = 3000


class Listeners:
    """All pages that listen; for the event loop's thread alone."""

    def __init__(self, look: Callable[[], object]) -> None:
        """look: what is compared to know whether there is news; called in a thread."""
        self._look = look
        self._seen: object = None
        self._count = 0
        self._is_over = False
        self._number = 0  # of the newest news
        self._news = asyncio.Event()

    @property
    def is_full(self) -> bool:
        """Whether no more may listen, or we are about to end."""
        return self._count >= MOST_LISTENERS or self._is_over

    async def turn(self) -> None:
        """Look once, and wake all where there is news."""
        if self._count:
            seen = await asyncio.to_thread(self._look)
            if seen != self._seen:
                self._seen = seen
                self._wake()

    def end(self) -> None:
        """Let all go: the process is to end, and would wait for them."""
        self._is_over = True
        self._wake()

    async def events(
        self, may_listen: Callable[[], bool], moment: Callable[[], str]
    ) -> AsyncGenerator[str, None]:
        """What one page is sent: `changed`, or `beat` and the time; at last `end`, or nothing.

        may_listen: asked, in a thread, before each; moment: what time it is, as the page has it.
        """
        self._count += 1
        known = self._number
        try:
            yield f"retry: {_RECONNECT_MS}\n\n"
            while not self._is_over:
                number = await self._next(known)
                if not await asyncio.to_thread(may_listen):
                    yield _event("end", "")
                    return
                yield _event("beat" if number == known else "changed", moment())
                known = number
        finally:
            self._count -= 1

    async def _next(self, known: int) -> int:
        """The number of the newest news, once there is any, or there was none for a while."""
        if self._number == known:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), BEAT_SECONDS)
        return self._number

    def _wake(self) -> None:
        self._number += 1
        self._news.set()
        self._news = asyncio.Event()


def _event(name: str, data: str) -> str:
    """Source: the HTML standard, "Server-sent events"."""
    return f"event: {name}\ndata: {data}\n\n"
