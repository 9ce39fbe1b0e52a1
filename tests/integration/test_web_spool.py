"""What waits for the daemon lies whole in the page's spool, is bounded, and goes in any case."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from starlette.datastructures import UploadFile

from config.errors import DiskFull
from tests.support.web_core import WebDesk, reviewed
from web.bodies import Spool
from web.problems import Problem
from web.spool import waiting


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[WebDesk]:
    with reviewed(tmp_path) as desk:
        yield desk


def upload(name: str, content: bytes) -> UploadFile:
    return UploadFile(BytesIO(content), size=len(content), filename=name)


def left(desk: WebDesk) -> list[Path]:
    return [*(desk.core.state / "web" / "spool").glob("*")]


def test_files_lie_there_whole_for_the_group_to_read_and_are_gone_afterwards(desk: WebDesk) -> None:
    async def look() -> None:
        files = [upload("../ü.jpg", b"one"), upload("x" * 2000, b"another")]
        async with waiting(desk.site, files) as sent:
            places = [desk.core.state / "web" / "spool" / one.spooled for one in sent]
            assert [one.read_bytes() for one in places] == [b"one", b"another"]
            assert [one.name for one in sent] == ["../ü.jpg", "x" * 300]
            assert {stat.S_IMODE(one.stat().st_mode) for one in places} == {0o640}
            assert stat.S_IMODE(places[0].parent.stat().st_mode) == 0o750
            assert desk.site.spool.in_hand == 10
        assert desk.site.spool.in_hand == 0

    asyncio.run(look())
    assert left(desk) == []


def test_whatever_happens_meanwhile_nothing_is_left(desk: WebDesk) -> None:
    async def fail() -> None:
        async with waiting(desk.site, [upload("a", b"one")]):
            raise KeyError("whatever")

    with pytest.raises(KeyError):
        asyncio.run(fail())
    assert (left(desk), desk.site.spool.in_hand) == ([], 0)


def test_what_there_is_no_room_for_is_told_so_and_not_written(desk: WebDesk) -> None:
    site = replace(desk.site, spool=Spool(most_bytes=5))

    async def fill() -> None:
        async with waiting(site, [upload("a", b"123")]), waiting(site, [upload("b", b"456")]):
            pass

    with pytest.raises(Problem) as caught:
        asyncio.run(fill())
    assert (caught.value.status_code, caught.value.code) == (503, "busy")
    assert (left(desk), site.spool.in_hand) == ([], 0)


def test_a_disk_that_is_full_is_told_and_keeps_nothing(
    desk: WebDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("web.spool.shutil.copyfileobj", full)

    async def fill() -> None:
        async with waiting(desk.site, [upload("a", b"123")]):
            pass

    with pytest.raises(DiskFull, match="free some space"):
        asyncio.run(fill())
    assert (left(desk), desk.site.spool.in_hand) == ([], 0)
