"""How much of bodies is in memory as a whole, and who waits for room there.

A photo that is all here leaves with its verdict, in a moment: the next one waits for that, instead
of being written to the disk and read again. For a photo that is still being sent nobody waits, as
that may take as long as its sender likes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

# Ten photos of 12 megapixels, or hundreds of small ones.
MEMORY_BYTES = 48_000_000
# A larger one takes the disk: it is none of those that come many at a time, and decoding it costs
# far more than that.
LARGEST_BYTES = 8_000_000
# Whoever has no room by then takes the disk.
PATIENCE_SECONDS = 5.0


@dataclass(slots=True, eq=False)
class Room:
    """What one body may fill."""

    memory: Memory
    size: int
    is_filled: bool = field(default=False, init=False)

    def filled(self) -> None:
        """The body is all here."""
        self.is_filled = True
        self.memory.filled += self.size


@dataclass(slots=True, eq=False)
class Memory:
    """Room for bodies; used in the event loop alone."""

    most_bytes: int = MEMORY_BYTES
    patience_seconds: float = PATIENCE_SECONDS
    in_hand: int = field(default=0, init=False)
    filled: int = field(default=0, init=False)  # of these, by bodies that are all here
    _waiting: deque[tuple[int, asyncio.Future[None]]] = field(default_factory=deque, init=False)

    @asynccontextmanager
    async def room(self, size: int | None) -> AsyncIterator[Room | None]:
        """Room for so much; None: there is none soon, it is too much, or nobody knows how much."""
        if size is None or size > LARGEST_BYTES or not await self._taken(size):
            yield None
            return
        room = Room(self, size)
        try:
            yield room
        finally:
            self.filled -= size if room.is_filled else 0
            self._give_back(size)

    async def _taken(self, size: int) -> bool:
        if not self._waiting and self.in_hand + size <= self.most_bytes:
            self.in_hand += size
            return True
        return self.filled >= size and await self._waited(size)

    async def _waited(self, size: int) -> bool:
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((size, place))
        try:
            await asyncio.wait({place}, timeout=self.patience_seconds)
        except asyncio.CancelledError:
            if place.done():
                self._give_back(size)
            raise
        finally:
            has_room = not place.cancel()
            self._give_back(0)  # who came later may want less
        return has_room

    def _give_back(self, size: int) -> None:
        """So much is free: for those who wait, in the order in which they came."""
        self.in_hand -= size
        while self._waiting:
            wanted, place = self._waiting[0]
            if not place.done():  # else nobody waits there any more
                if self.in_hand + wanted > self.most_bytes:
                    return
                self.in_hand += wanted
                place.set_result(None)
            self._waiting.popleft()
