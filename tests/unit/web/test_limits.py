"""How much a caller may ask for, and what it is told."""

from __future__ import annotations

import asyncio
import sys
from contextlib import ExitStack

import pytest
from starlette.types import Message, Receive

from config.web import ApiSettings
from tests.unit.web.test_throttle import Clock
from web.bodies import PART_BYTES, SILENCE_SECONDS, Body, Spool
from web.limits import Limits
from web.problems import Problem


def test_each_caller_has_its_own_allowance_of_each_kind() -> None:
    limits = Limits(ApiSettings(predictions_per_hour=2, reads_per_minute=1))
    for _ in range(2):
        limits.take("key:a", "predictions")
    limits.take("key:a", "reads")
    limits.take("key:b", "predictions")
    with pytest.raises(Problem) as caught:
        limits.take("key:a", "predictions")
    assert (caught.value.status_code, caught.value.code) == (429, "too_many")
    assert "2 predictions an hour" in str(caught.value.detail)


def test_the_window_slides() -> None:
    clock = Clock(0)
    limits = Limits(ApiSettings(reads_per_minute=2), clock)
    limits.take("a", "reads")
    clock.now = 40
    limits.take("a", "reads")
    clock.now = 59
    with pytest.raises(Problem) as caught:
        limits.take("a", "reads")
    assert caught.value.headers is not None
    assert caught.value.headers["Retry-After"] == "2"
    clock.now = 60
    assert limits.take("a", "reads")["RateLimit"] == '"reads";r=0;t=40'


def test_calls_at_once_are_bounded_and_a_place_is_given_back() -> None:
    limits = Limits(ApiSettings(at_once=2))
    limits.take("a", "reads")
    with ExitStack() as held:
        for _ in range(2):
            held.enter_context(limits.place("a", "reads"))
        with pytest.raises(Problem) as caught, limits.place("a", "reads"):
            pass
        assert caught.value.code == "too_many_at_once"
        assert caught.value.headers is not None
        assert caught.value.headers["RateLimit-Remaining"] == "59"
        assert caught.value.headers["Retry-After"] == "2"
        with limits.place("b", "reads"):
            pass
    with limits.place("a", "reads"):
        pass


def test_callers_who_come_and_go_do_not_fill_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.limits._MOST_CALLERS", 5)
    limits = Limits(ApiSettings())
    for n in range(50):
        limits.take(f"key:{n}", "reads")
    assert len(limits._taken) == 5


# Bodies


def read(body: Body) -> int:
    async def all_of_it() -> int:
        while (await body.receive()).get("more_body"):
            pass
        return body.read_bytes

    return asyncio.run(all_of_it())


def parts(*sizes: int) -> list[Message]:
    last = len(sizes) - 1
    return [
        {"type": "http.request", "body": b"x" * size, "more_body": n < last}
        for n, size in enumerate(sizes)
    ]


def body(messages: list[Message], most_bytes: int, spool: Spool | None = None) -> Body:
    waiting = iter(messages)

    async def receive() -> Message:
        return next(waiting)

    return Body(receive, most_bytes, spool or Spool())


def test_a_body_up_to_its_bound_is_read() -> None:
    assert read(body(parts(60, 40), 100)) == 100


def test_a_body_that_comes_byte_by_byte_takes_no_more_memory_than_another() -> None:
    content = bytes(range(256)) * 200
    packets = [content[at : at + 2] for at in range(0, len(content), 2)]
    sent: list[Message] = [{"type": "http.request", "body": b, "more_body": True} for b in packets]
    sent[-1]["more_body"] = False
    found = asyncio.run(body(sent, len(content)).packets(sys.maxsize))
    assert b"".join(found) == content
    assert len(found) <= len(content) / 4096 + 1


def test_packets_are_handed_on_many_at_a_time() -> None:
    sizes = [PART_BYTES // 4] * 9 + [5]
    whole = body(parts(*sizes), 10 * PART_BYTES)

    async def seen() -> list[int]:
        found = []
        while not whole.is_read:
            found.append(len((await whole.receive())["body"]))
        return found

    assert asyncio.run(seen()) == [PART_BYTES, PART_BYTES, PART_BYTES // 4 + 5]


def test_that_the_caller_is_gone_is_handed_on_at_once() -> None:
    messages = [*parts(60, 40)[:1], {"type": "http.disconnect"}]
    assert asyncio.run(body(messages, 100).receive()) == {"type": "http.disconnect"}


def test_a_byte_more_is_refused_and_the_connection_ends() -> None:
    with pytest.raises(Problem) as caught:
        read(body(parts(60, 41), 100))
    assert (caught.value.status_code, caught.value.headers) == (413, {"Connection": "close"})


def test_bodies_together_have_a_bound_and_give_back_what_they_took() -> None:
    spool = Spool(most_bytes=150)
    first = body(parts(100), 1000, spool)
    read(first)
    with pytest.raises(Problem) as caught:
        read(body(parts(100), 1000, spool))
    assert (caught.value.status_code, caught.value.code) == (503, "busy")
    first.done()
    assert read(body(parts(100), 1000, spool)) == 100


def at_pace(size: int, seconds: float) -> tuple[Clock, Receive]:
    """A body that goes on for ever: so many bytes each time so many seconds have passed."""
    clock = Clock(0)

    async def receive() -> Message:
        await asyncio.sleep(0.02 if clock.now > 2 * SILENCE_SECONDS else 0)
        clock.now += seconds
        return {"type": "http.request", "body": bytes(size), "more_body": True}

    return clock, receive


@pytest.mark.parametrize("most_bytes", [100_000, 500_000_000])
def test_a_body_that_drips_ends_however_regularly_it_drips(most_bytes: int) -> None:
    clock, receive = at_pace(1, 10)
    dripping = Body(receive, most_bytes, Spool(), clock)
    with pytest.raises(Problem) as caught:
        read(dripping)
    assert (caught.value.status_code, caught.value.code) == (408, "too_slow")
    assert dripping.read_bytes < 10


def test_a_body_that_comes_steadily_is_read_however_long_it_takes() -> None:
    clock, receive = at_pace(3_000_000, 100)
    with pytest.raises(Problem) as caught:
        read(Body(receive, 30_000_000, Spool(), clock))
    assert (caught.value.code, clock.now) == ("too_large", 1100)


def test_that_nobody_asked_for_a_body_yet_is_not_its_senders_fault() -> None:
    clock, receive = at_pace(1, 0)
    asked_late = Body(receive, 5, Spool(), clock)
    clock.now = 1000
    with pytest.raises(Problem) as caught:
        read(asked_late)
    assert caught.value.code == "too_large"
