"""Connections: closed while somebody still sends, with headers that never end, in few packets."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple
from unittest.mock import Mock

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from tests.support.waiting import DEADLINE_SECONDS
from web import protocol
from web.protocol import BoundedProtocol, _Lingering

_REQUEST = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\n"


def test_whoever_has_gone_by_itself_is_no_failure() -> None:
    async def close() -> Mock:
        transport = Mock(asyncio.Transport)
        transport.is_closing.return_value = False
        transport.can_write_eof.return_value = True
        transport.write_eof.side_effect = OSError(errno.ENOTCONN, "not connected")
        lingering = _Lingering(transport, lambda: True)
        lingering.close()
        lingering.forget()
        return transport

    transport = asyncio.run(close())
    transport.resume_reading.assert_called_once()


def test_headers_and_body_go_in_one_packet_and_what_comes_alone_does_not_wait() -> None:
    async def write() -> list[bytes]:
        transport = Mock(asyncio.Transport)
        transport.is_closing.return_value = False
        lingering = _Lingering(transport, lambda: False)
        lingering.write(b"headers ")
        lingering.write(b"body")
        lingering.write(b"event")
        await asyncio.sleep(0)
        lingering.write(b"the last")
        lingering.close()
        return [call.args[0] for call in transport.write.call_args_list]

    assert asyncio.run(write()) == [b"headers body", b"event", b"the last"]


def test_nothing_is_written_to_a_connection_that_was_lost() -> None:
    async def lose() -> Mock:
        transport = Mock(asyncio.Transport)
        lingering = _Lingering(transport, lambda: False)
        lingering.write(b"headers")
        lingering.forget()
        await asyncio.sleep(0)
        return transport

    asyncio.run(lose()).write.assert_not_called()


async def fourth_byte(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that reads a body to its end."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


class Connected(NamedTuple):
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    state: ServerState  # of the other side


@asynccontextmanager
async def connected() -> AsyncIterator[Connected]:
    config, state = (
        uvicorn.Config(fourth_byte, log_config=None, timeout_keep_alive=1),
        ServerState(),
    )
    server = await asyncio.get_running_loop().create_server(
        lambda: BoundedProtocol(config, state, {}), sock=socket.create_server(("127.0.0.1", 0))
    )
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        try:
            yield Connected(reader, writer, state)
        finally:
            writer.close()
            for one in list(state.connections):
                one.transport.close()


@pytest.mark.parametrize("begun", [b"", b"POST / HT", _REQUEST + b"bodyPOST", _REQUEST[:-2]])
def test_headers_that_do_not_end_end_the_connection(
    begun: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)

    async def left() -> bytes:
        async with connected() as (reader, writer, _), asyncio.timeout(DEADLINE_SECONDS):
            writer.write(begun)
            return await reader.read()

    assert asyncio.run(left()).startswith(b"HTTP/1.1 204" if b"body" in begun else b"")


def test_a_second_request_has_as_long_for_its_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)

    async def left() -> bytes:
        async with connected() as (reader, writer, _), asyncio.timeout(DEADLINE_SECONDS):
            writer.write(_REQUEST + b"body")
            await reader.readuntil(b"\r\n\r\n")
            writer.write(_REQUEST[:20])
            return await reader.read()

    assert asyncio.run(left()) == b""


def test_a_body_may_take_longer_than_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)

    async def answered() -> bytes:
        async with connected() as (reader, writer, _), asyncio.timeout(DEADLINE_SECONDS):
            for _ in range(2):
                writer.write(_REQUEST + b"bo")
                await asyncio.sleep(0.4)
                writer.write(b"dy")
                answer = await reader.readuntil(b"\r\n\r\n")
            return answer

    assert asyncio.run(answered()).startswith(b"HTTP/1.1 204")


def test_no_answer_waits_for_the_client_to_confirm_its_headers() -> None:
    """40 ms for each, where headers and body are two packets and Nagle's algorithm is on."""

    async def delay() -> int:
        async with connected() as (_, _, state):
            while not state.connections:  # noqa: ASYNC110 - it tells nobody when it has accepted
                await asyncio.sleep(0.01)
            (one,) = state.connections
            ours = one.transport.get_extra_info("socket")
            return int(ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    assert asyncio.run(delay()) == 1
