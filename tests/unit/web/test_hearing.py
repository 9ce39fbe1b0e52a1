"""Futures of threads that are waited for in the event loop."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from threading import Thread
from unittest.mock import Mock

import pytest

from tests.support.waiting import DEADLINE_SECONDS
from web.predictions.hearing import Hearing


def end(futures: list[Future[int]]) -> None:
    """Each with its place as the result."""
    for place, one in enumerate(futures):
        one.set_result(place)


def test_what_ends_together_wakes_the_loop_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def heard() -> tuple[list[int], int]:
        loop = asyncio.get_running_loop()
        wake = Mock(wraps=loop.call_soon_threadsafe)
        monkeypatch.setattr(loop, "call_soon_threadsafe", wake)
        hearing, futures = Hearing(loop), [Future[int]() for _ in range(4)]
        waiting = [asyncio.ensure_future(hearing.result(one)) for one in futures]
        await asyncio.sleep(0)
        thread = Thread(target=end, args=(futures,))
        thread.start()
        thread.join(DEADLINE_SECONDS)  # so that the loop has its turn after all of them
        return await asyncio.gather(*waiting), wake.call_count

    assert asyncio.run(heard()) == ([0, 1, 2, 3], 1)


def test_what_ends_at_any_moment_is_heard() -> None:
    async def heard() -> int:
        hearing = Hearing(asyncio.get_running_loop())
        futures = [Future[int]() for _ in range(2000)]
        threads = [Thread(target=end, args=(futures[n::2],)) for n in range(2)]
        waiting = [asyncio.ensure_future(hearing.result(one)) for one in futures]
        for thread in threads:
            thread.start()
        async with asyncio.timeout(DEADLINE_SECONDS):
            return len(await asyncio.gather(*waiting))

    assert asyncio.run(heard()) == 2000


def test_what_it_raises_is_raised() -> None:
    async def heard() -> None:
        future = Future[int]()
        future.set_exception(OSError("gone"))
        await Hearing(asyncio.get_running_loop()).result(future)

    with pytest.raises(OSError, match="gone"):
        asyncio.run(heard())


def test_whoever_waits_no_more_gives_it_up_and_the_other_way_round() -> None:
    async def given_up() -> tuple[bool, bool]:
        hearing, mine, theirs = Hearing(asyncio.get_running_loop()), Future[int](), Future[int]()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await hearing.result(mine)
        theirs.cancel()
        waiting = asyncio.ensure_future(hearing.result(theirs))
        await asyncio.wait({waiting})
        return mine.cancelled(), waiting.cancelled()

    assert asyncio.run(given_up()) == (True, True)
