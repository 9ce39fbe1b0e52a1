"""What waits for the daemon lies whole in the page's spool, is bounded, and goes in any case."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import stat
import threading
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from starlette.datastructures import UploadFile

from config.errors import DiskFull
from tests.support.waiting import eventually
from tests.support.web_core import SiteDesk, WebDesk, reviewed
from web.bodies import Spool
from web.reading.sending import ExamplesAnswer
from web.roles import Role
from web.site import Site
from web.spool import waiting


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[WebDesk]:
    with reviewed(tmp_path) as desk:
        yield desk


def upload(name: str, content: bytes) -> UploadFile:
    return UploadFile(BytesIO(content), size=len(content), filename=name)


def is_on_the_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


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
            # What was received is gone: the disk holds it once.
            assert [file.file.read() for file in files] == [b"", b""]

    asyncio.run(look())
    assert left(desk) == []


def test_whatever_happens_meanwhile_nothing_is_left(desk: WebDesk) -> None:
    async def fail() -> None:
        async with waiting(desk.site, [upload("a", b"one")]):
            raise KeyError("whatever")

    with pytest.raises(KeyError):
        asyncio.run(fail())
    assert left(desk) == []


def test_it_is_removed_beside_the_event_loop(
    desk: WebDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed: list[bool] = []
    real = shutil.rmtree

    def remove(*given: Any, **options: Any) -> None:
        removed.append(is_on_the_loop())
        real(*given, **options)

    monkeypatch.setattr("web.spool.shutil.rmtree", remove)

    async def pass_by() -> None:
        async with waiting(desk.site, [upload("a", b"one")]):
            pass

    asyncio.run(pass_by())
    assert removed == [False]
    assert left(desk) == []


def test_what_is_cancelled_again_while_it_is_removed_is_removed(
    desk: WebDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    real = shutil.rmtree

    def remove(*given: Any, **options: Any) -> None:
        begun.set()
        go_on.wait(10)
        real(*given, **options)

    monkeypatch.setattr("web.spool.shutil.rmtree", remove)

    async def pass_by() -> None:
        async with waiting(desk.site, [upload("a", b"one")]):
            pass

    async def play() -> None:
        task = asyncio.create_task(pass_by())
        await asyncio.to_thread(begun.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go_on.set()
        await asyncio.to_thread(eventually, lambda: not left(desk))

    asyncio.run(play())


@pytest.mark.parametrize(
    ("path", "field"),
    [("/page/upload", "files"), ("/page/upload/examples", "files"), ("/page/try", "file")],
)
def test_what_is_answered_is_written_beside_the_event_loop(
    desk: WebDesk, monkeypatch: pytest.MonkeyPatch, path: str, field: str
) -> None:
    written: list[bool] = []
    real = Site.page

    def page(*given: Any, **options: Any) -> Any:
        written.append(is_on_the_loop())
        return real(*given, **options)

    monkeypatch.setattr(Site, "page", page)
    headers = {"x-api-key": desk.site.store.keys.add("teacher", Role.LEAD)}
    files = {field: ("a.jpg", b"no photo")}
    answer = desk.ask("POST", path, headers=headers, files=files)
    assert (answer.status_code in (422, 503), written) == (True, [False]), answer.text


def test_one_upload_is_counted_once_of_what_all_may_send(
    desk: WebDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []
    site = replace(desk.site, spool=Spool(most_bytes=90_000))

    def teach(*_: object) -> ExamplesAnswer:
        counted.append(site.spool.in_hand)
        return ExamplesAnswer(1, 0, ())

    monkeypatch.setattr("web.sending.teach", teach)
    monkeypatch.setattr("web.api.sending.require_open", lambda _: None)
    headers = {"x-api-key": desk.site.store.keys.add("teacher", Role.LEAD)}
    sent = {"files": {"files": ("a.jpg", bytes(60_000))}, "data": {"label": "Boxes"}}
    answer = SiteDesk(site, "").ask("POST", "/upload", headers=headers, **sent)
    assert (answer.status_code, site.spool.in_hand) == (200, 0), answer.text
    assert 60_000 < counted[0] < 61_000


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
    assert left(desk) == []
