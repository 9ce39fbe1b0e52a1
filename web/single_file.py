"""The one file of a form, as programs send it: taken apart at once and in memory, where it fits.

The parser that reads every form copies a file through a temporary one, part by part and thread by
thread. Anything out of the ordinary (another header, a field beside, a name in another alphabet, a
boundary that stands in the file, too) is left to it all the same.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from io import BytesIO
from itertools import islice

from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from web.bodies import PART_BYTES, Body
from web.roles import Caller
from web.site import site_of
from web.uploads import files_of

_KIND = re.compile(r'multipart/form-data; ?boundary="?([\w.+-]{1,70})"?', re.ASCII | re.IGNORECASE)
_HEAD = re.compile(
    rb'--([\w.+-]{1,70})\r\ncontent-disposition: form-data; name="(\w{1,70})"; '
    rb'filename="([ \w.()+-]{1,255})"\r\n(?:content-type: [\w/.+-]{1,255}\r\n)?\r\n',
    re.ASCII | re.IGNORECASE,
)
_ENDS = (b"--", b"--\r\n")
# What stands before and after the file is no longer; many clients send it in packets of its own.
_FRAME_BYTES = 1000


@asynccontextmanager
async def file_of(request: Request, name: str) -> AsyncIterator[UploadFile]:
    """The file in the field `name`; closed at the end. Raises Problem as `web.uploads.files_of`."""
    # A person's form may have been read, for its token.
    size = _length(request) if _is_by_key(request) else None
    async with site_of(request).memory.room(size) as room:
        if room is not None:
            packets = await _packets(request)
            room.filled()
            file = only_file(request.headers.get("content-type", ""), packets, name)
            if file is not None:
                packets.clear()  # the file has the same bytes once more
                with file.file:
                    yield file
                return
            request = _anew(request, b"".join(packets))
        async with files_of(request, name, 1) as (file,):
            yield file


def only_file(content_type: str, packets: Sequence[bytes], name: str) -> UploadFile | None:
    """The file in the field `name` that is the whole form; None where it may be another form."""
    kind = _KIND.fullmatch(content_type)
    packets = _with_whole_ends(packets)
    head = _HEAD.match(packets[0])
    if kind is None or head is None:
        return None
    if (head[1], head[2]) != (kind[1].encode(), name.encode()):
        return None
    content = _between(head.end(), packets, b"\r\n--" + head[1])
    if content is None:
        return None
    return UploadFile(BytesIO(content), size=len(content), filename=head[3].decode())


def _with_whole_ends(packets: Sequence[bytes]) -> list[bytes]:
    """The same bytes, so that neither the first nor the last packet is but a few of them."""
    first, last, between = b"", b"", deque(packets)
    while between and len(first) < _FRAME_BYTES:
        first += between.popleft()
    while between and len(last) < _FRAME_BYTES:
        last = between.pop() + last
    if len(last) < _FRAME_BYTES:
        return [first + last]
    return [first, *between, last]


def _between(begin: int, packets: Sequence[bytes], delimiter: bytes) -> bytes | None:
    """What stands from there to the delimiter that ends it all; None where one stands before."""
    *before, last = packets
    end = last.rfind(delimiter)
    if end < 0 or last[end + len(delimiter) :] not in _ENDS:
        return None
    if not before:
        content = last[begin:end] if begin <= end else delimiter
    else:
        content = b"".join([memoryview(before[0])[begin:], *before[1:], memoryview(last)[:end]])
    return None if content.rfind(delimiter) >= 0 else content


def _length(request: Request) -> int | None:
    """How long the body says that it is."""
    said = request.headers.get("content-length", "")
    return int(said) if said.isdecimal() else None


def _is_by_key(request: Request) -> bool:
    caller: Caller | None = request.state.caller
    return caller is not None and caller.kind == "key"


async def _packets(request: Request) -> list[bytes]:
    body: Body = request.scope["nightsort.body"]
    packets = await body.packets(sys.maxsize)
    if body.is_cut_off:
        raise ClientDisconnect
    return packets


def _anew(request: Request, body: bytes) -> Request:
    """The same request, of which nothing was read yet."""
    starts = iter(range(0, max(1, len(body)), PART_BYTES))

    async def receive() -> Message:
        await asyncio.sleep(0)  # others have their turn while it is parsed
        (start,) = islice(starts, 1)
        end = start + PART_BYTES
        return {"type": "http.request", "body": body[start:end], "more_body": end < len(body)}

    return Request(request.scope, receive)
