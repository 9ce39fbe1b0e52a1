"""What the page does beside the requests goes on whatever fails in it, and is told once."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from structlog.testing import capture_logs

from config.errors import DiskFull
from web.serving import again_and_again


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (RuntimeError("a defect"), ("defect_met", "critical")),
        (OSError("nor translated"), ("defect_met", "critical")),
        (DiskFull("free some space"), ("chore_failed", "warning")),
    ],
)
def test_what_fails_is_done_again_and_told_once_until_it_was_done(
    failure: Exception, told: tuple[str, str]
) -> None:
    comes = iter([failure, failure, None, failure])
    ends = asyncio.Event()

    async def chore() -> None:
        one = next(comes, ends)
        if one is ends:
            ends.set()
        elif isinstance(one, Exception):
            raise one

    async def play() -> None:
        task = asyncio.create_task(again_and_again(0.0, chore))
        waiting = asyncio.create_task(ends.wait())
        await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
        assert not task.done()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    with capture_logs() as logs:
        asyncio.run(play())
    assert [(line["event"], line["log_level"]) for line in logs] == [told, told]
