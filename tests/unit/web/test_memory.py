"""Who waits for room in memory, for what, and for how long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from tests.support.waiting import DEADLINE_SECONDS
from web.memory import LARGEST_BYTES, Memory, Room


def run(do: Callable[[], Awaitable[None]]) -> None:
    async def within() -> None:
        async with asyncio.timeout(DEADLINE_SECONDS):
            await do()

    asyncio.run(within())


async def held(memory: Memory, size: int, stack: AsyncExitStack) -> Room:
    room = await stack.enter_async_context(memory.room(size))
    assert room is not None
    return room


async def has_room(memory: Memory, size: int | None) -> bool:
    async with memory.room(size) as room:
        return room is not None


def test_where_there_is_room_nobody_waits_and_it_is_given_back() -> None:
    async def do() -> None:
        memory = Memory(100)
        assert await has_room(memory, 100)
        assert not await has_room(memory, 101)
        assert not await has_room(memory, None)
        assert (memory.in_hand, memory.filled) == (0, 0)

    run(do)


def test_a_large_one_takes_the_disk_however_much_room_there_is() -> None:
    async def do() -> None:
        memory = Memory()
        assert await has_room(memory, LARGEST_BYTES)
        assert not await has_room(memory, LARGEST_BYTES + 1)

    run(do)


def test_what_is_still_being_sent_is_not_waited_for() -> None:
    async def do() -> None:
        memory = Memory(100, patience_seconds=DEADLINE_SECONDS * 2)
        async with AsyncExitStack() as stack:
            await held(memory, 90, stack)
            assert not await has_room(memory, 20)

    run(do)


def test_what_is_all_here_is_waited_for_in_the_order_of_coming() -> None:
    async def do() -> None:
        memory, order = Memory(100, patience_seconds=DEADLINE_SECONDS * 2), []

        async def come(name: str, size: int) -> None:
            async with memory.room(size) as room:
                assert room is not None
                order.append(name)

        async with asyncio.TaskGroup() as others, AsyncExitStack() as stack:
            (await held(memory, 90, stack)).filled()
            for name, size in (("large", 80), ("small", 5), ("last", 30)):
                others.create_task(come(name, size))
                await asyncio.sleep(0)
            assert order == []  # the small one does not overtake
        assert order == ["large", "small", "last"]
        assert (memory.in_hand, memory.filled) == (0, 0)

    run(do)


def test_whoever_waits_in_vain_is_told_and_holds_up_nobody() -> None:
    async def do() -> None:
        memory = Memory(100, patience_seconds=0.01)
        async with AsyncExitStack() as stack:
            (await held(memory, 90, stack)).filled()
            assert not await has_room(memory, 90)
        assert await has_room(memory, 100)
        assert memory.in_hand == 0

    run(do)


def test_who_has_gone_just_when_there_is_room_gives_it_back() -> None:
    async def do() -> None:
        memory = Memory(100, patience_seconds=DEADLINE_SECONDS * 2)
        stack = AsyncExitStack()
        (await held(memory, 90, stack)).filled()
        waiting = asyncio.create_task(has_room(memory, 50))
        await asyncio.sleep(0)
        await stack.aclose()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert waiting.cancelled()
        assert (memory.in_hand, memory.filled) == (0, 0)
        assert await has_room(memory, 100)

    run(do)


def test_who_gives_up_makes_way_for_those_behind_who_want_less() -> None:
    async def do() -> None:
        memory = Memory(100, patience_seconds=DEADLINE_SECONDS * 2)
        async with AsyncExitStack() as stack:
            (await held(memory, 90, stack)).filled()
            large = asyncio.create_task(has_room(memory, 80))
            await asyncio.sleep(0)
            small = asyncio.create_task(has_room(memory, 5))
            await asyncio.sleep(0)
            large.cancel()
            assert await small  # while the others stay
        assert (memory.in_hand, memory.filled) == (0, 0)

    run(do)
