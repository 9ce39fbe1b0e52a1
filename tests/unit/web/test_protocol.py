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
