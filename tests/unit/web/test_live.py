"""Who listens is told when something changes, and let go when they may not listen any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest

from web import live
from web.live import Listeners


class Desk:
    """What is looked at, and one page that listens."""

    def __init__(self) -> None:
        self.state = 0
        self.looks = 0
        self.may_listen = True
        self.listeners = Listeners(self._look)

    def _look(self) -> int:
        self.looks += 1
        return self.state

    async def listen(self) -> AsyncGenerator[str, None]:
        """What a page gets, its first words already taken."""
        events = self.listeners.events(lambda: self.may_listen, lambda: "14:02:11")
        assert (await anext(events)).startswith("retry: ")
        await self.listeners.turn()  # what there is, is news to the first
        assert await anext(events) == "event: changed\ndata: 14:02:11\n\n"
        return events

    async def listen_too(self) -> AsyncGenerator[str, None]:
        """Another page, which has heard nothing yet."""
        events = self.listeners.events(lambda: True, lambda: "")
        await anext(events)
        return events

    async def change(self) -> None:
        self.state += 1
        await self.listeners.turn()


def played(scene: Callable[[Desk], Awaitable[None]]) -> None:
    async def play() -> None:
        await scene(Desk())

    asyncio.run(play())


def test_nobody_looks_while_nobody_listens() -> None:
    async def scene(desk: Desk) -> None:
        await desk.listeners.turn()
        assert desk.looks == 0

    played(scene)


def test_news_is_told_once_to_each(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(desk: Desk) -> None:
        one, other = await desk.listen(), await desk.listen_too()
        await desk.change()
        assert "changed" in await anext(one)
        assert "changed" in await anext(other)
        monkeypatch.setattr(live, "BEAT_SECONDS", 0.01)
        await desk.listeners.turn()  # nothing new
        assert await anext(one) == "event: beat\ndata: 14:02:11\n\n"

    played(scene)


def test_news_that_comes_while_a_page_is_being_told_is_not_lost() -> None:
    async def scene(desk: Desk) -> None:
        events = await desk.listen()
        await desk.change()
        await desk.change()
        assert "changed" in await anext(events)
        await desk.change()  # between two of its questions
        assert "changed" in await anext(events)

    played(scene)


def test_whoever_may_not_listen_any_more_is_told_and_let_go() -> None:
    async def scene(desk: Desk) -> None:
        events = await desk.listen()
        desk.may_listen = False
        await desk.change()
        assert (await anext(events)).startswith("event: end\n")
        with pytest.raises(StopAsyncIteration):
            await anext(events)

    played(scene)


def test_all_are_let_go_when_the_process_ends() -> None:
    async def scene(desk: Desk) -> None:
        events = await desk.listen()
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        desk.listeners.end()
        assert "event" in await waiting
        with pytest.raises(StopAsyncIteration):
            await anext(events)
        assert desk.listeners.is_full

    played(scene)


def test_places_are_bounded_and_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_LISTENERS", 1)

    async def scene(desk: Desk) -> None:
        events = await desk.listen()
        assert desk.listeners.is_full
        await events.aclose()
        assert not desk.listeners.is_full

    played(scene)
