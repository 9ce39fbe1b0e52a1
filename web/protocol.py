"""uvicorn's HTTP/1.1 with the bounds that it lacks: on time, size and number of connections.

A client that connects and says nothing, or says it byte by byte, would hold a connection for ever.
One that is refused while it still sends gets its answer all the same.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from web.problems import CONTENT_TYPE, Problem

# From the connection, or the first byte of a further request, to the end of its headers.
HEAD_SECONDS = 10.0
HEAD_BYTES = 64 * 1024
# More than these are never open; the one idle for longest makes room.
MOST_CONNECTIONS = 400
# For how long what is still sent is thrown away, once the answer is on its way.
LINGER_SECONDS = 5.0


def _bare(problem: Problem) -> bytes:
    """A problem as it goes over the wire, to whom there is no request to be answered."""
    status = f"{problem.status_code} {HTTPStatus(problem.status_code).phrase}"
    body = json.dumps(problem.document()).encode()
    head = f"content-type: {CONTENT_TYPE}\r\ncontent-length: {len(body)}\r\nconnection: close"
    return f"HTTP/1.1 {status}\r\n{head}\r\n\r\n".encode() + body


_NO_REQUEST = _bare(Problem(400, "malformed", "this is no request of HTTP/1.1"))
_TOO_LARGE = _bare(
    Problem(431, "headers_too_large", f"headers may have {HEAD_BYTES // 1024} kB together")
)


class _Lingering:
    """A connection that sends little at a time in one, and closes when nobody sends any more.

    Closed with bytes unread, it is reset, and the answer may be lost on the way: nginx, which hands
    a body on, then says 502 in place of what we said. Source: RFC 9112, 9.6.
    """

    def __init__(self, transport: asyncio.Transport, sends: Callable[[], bool]) -> None:
        """`sends` says whether more of a request is to come."""
        self._transport = transport
        self._sends = sends
        self._end: asyncio.TimerHandle | None = None
        self._held = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    @property
    def lingers(self) -> bool:
        """Whether what comes is thrown away."""
        return self._end is not None

    def is_closing(self) -> bool:
        """Whether nothing is to be written any more."""
        return self.lingers or self._transport.is_closing()

    def write(self, data: bytes) -> None:
        """Send it together with what is written next, else as soon as others have had their turn.

        An answer comes as its headers and its body: sent apart, whoever reads is woken twice,
        which takes longer than to make most answers.
        """
        if not self._held:
            self._held = data
            asyncio.get_running_loop().call_soon(self.flush)
            return
        self._held += data
        self.flush()

    def flush(self) -> None:
        """Send what is held."""
        held, self._held = self._held, b""
        if held:
            self._transport.write(held)

    def close(self) -> None:
        """Write what is left to write, and close; at once, where that was said before."""
        self.flush()
        if self.lingers or self._transport.is_closing() or not self._sends():
            self.forget()
            self._transport.close()
            return
        if self._transport.can_write_eof():  # not under TLS
            with suppress(OSError):  # the other side has gone by itself
                self._transport.write_eof()
        self._transport.resume_reading()
        loop = asyncio.get_running_loop()
        self._end = loop.call_later(LINGER_SECONDS, self._transport.close)

    def forget(self) -> None:
        """It is closed."""
        self._held = b""
        if self._end is not None:
            self._end.cancel()


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._deadline: asyncio.TimerHandle | None = None
        self._head_bytes: int | None = 0  # None: the headers are complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """As uvicorn's; where there are too many, an idle one ends."""
        self._make_room()
        super().connection_made(transport)
        self._lingering = _Lingering(transport, self._has_more_to_come)
        self.transport = self._lingering  # type: ignore[assignment]
        # asyncio does so itself only for sockets that say TCP by number; without it, each answer
        # waits 40 ms for the client to confirm its headers.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._begin_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """As uvicorn's."""
        self._end_head()
        self._lingering.forget()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """As uvicorn's, as long as headers are small."""
        if self._lingering.lingers:
            return
        if self._head_bytes is not None:
            self._head_bytes += len(data)
        super().data_received(data)
        self._check_head()

    def on_headers_complete(self) -> None:
        """As uvicorn's."""
        self._end_head()
        self._head_bytes = None
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """As uvicorn's, which then waits for a further request as long as it keeps alive."""
        self._head_bytes = 0
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """As uvicorn's, in the form of every other problem."""
        self.logger.debug(msg)
        self.transport.write(_NO_REQUEST)
        self.transport.close()

    @property
    def is_idle(self) -> bool:
        """Whether no request is being answered."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete

    def _has_more_to_come(self) -> bool:
        """Whether more of a request is to come: of its body, or of headers without an end."""
        cycle: RequestResponseCycle | None = self.cycle
        return self._has_long_head or (cycle is not None and cycle.more_body)

    @property
    def _has_long_head(self) -> bool:
        return self._head_bytes is not None and self._head_bytes > HEAD_BYTES

    def _check_head(self) -> None:
        """Of headers that are not all here, what the sender may do yet; most come in one packet."""
        if not self._head_bytes or self.transport.is_closing():
            return
        if self._has_long_head:
            self.transport.write(_TOO_LARGE)
            self.transport.close()
        elif self._deadline is None:
            self._begin_head()

    def _make_room(self) -> None:
        if len(self.connections) >= MOST_CONNECTIONS:
            others = (one for one in self.connections if isinstance(one, BoundedProtocol))
            idle = next((one for one in others if one.is_idle), None)
            if idle is not None:
                idle.transport.abort()

    def _begin_head(self) -> None:
        self._deadline = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _end_head(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            self.transport.abort()
