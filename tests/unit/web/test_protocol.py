"""Connections that are closed while somebody still sends."""

from __future__ import annotations

import asyncio
import errno
from unittest.mock import Mock

from web.protocol import _Lingering


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
