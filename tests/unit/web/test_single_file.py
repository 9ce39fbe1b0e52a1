"""A form that is one file is read as the parser of every form reads it, or left to that."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message

from web.single_file import only_file

KIND = "multipart/form-data; boundary=x"
HEAD = b'--x\r\ncontent-disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
END = b"\r\n--x--\r\n"


def read(*packets: bytes, kind: str = KIND, name: str = "file") -> tuple[str, bytes] | None:
    file = only_file(kind, packets, name)
    return None if file is None else told(file)


def told(file: UploadFile) -> tuple[str, bytes]:
    file.file.seek(0)
    content = file.file.read()
    assert file.size == len(content)
    return file.filename or "", content


def parsed(kind: str, body: bytes) -> list[tuple[str, bytes]] | None:
    """The files as every other form is read; None where it is none, or has more than files."""
    headers = [(b"content-type", kind.encode())]

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def parse() -> list[tuple[str, bytes]] | None:
        request = Request({"type": "http", "headers": headers, "app": None}, receive)
        async with request.form() as form:
            values = form.getlist("file")
            files = [told(one) for one in values if isinstance(one, UploadFile)]
            return files if len(files) == len(form.multi_items()) else None

    try:
        return asyncio.run(parse())
    except HTTPException:
        return None


def test_the_file_is_what_stands_between() -> None:
    assert read(HEAD + b"photo" + END) == ("a.jpg", b"photo")
    assert read(HEAD + END) == ("a.jpg", b"")
    assert read(HEAD + b"\r\n--xphoto\r\n" + END) is None  # whatever it is, the parser knows


def test_what_clients_send_is_understood() -> None:
    content_type = b"Content-Type: image/jpeg\r\n\r\n"
    for kind, boundary in (
        (
            "multipart/form-data; boundary=------------------------d74496d66958873e",
            b"-" * 24 + b"d74496d66958873e",
        ),
        (
            "multipart/form-data; boundary=4ebf00fbcf09c0dd0d7b7cbd9ae8d2c3",
            b"4ebf00fbcf09c0dd0d7b7cbd9ae8d2c3",
        ),
        (
            "multipart/form-data; boundary=----formdata-undici-013379487921",
            b"----formdata-undici-013379487921",
        ),
    ):
        head = b'Content-Disposition: form-data; name="file"; filename="IMG_1 (2).jpg"\r\n'
        body = b"--" + boundary + b"\r\n" + head + content_type + b"\xff\xd8 photo"
        assert read(body + b"\r\n--" + boundary + b"--\r\n", kind=kind) == (
            "IMG_1 (2).jpg", b"\xff\xd8 photo",
        )  # fmt: skip


def test_all_else_is_left_to_the_parser_of_every_form() -> None:
    whole = HEAD + b"photo" + END
    assert read(whole, name="other") is None
    assert read(whole, kind="multipart/form-data; boundary=y") is None
    assert read(whole, kind=f"{KIND}; charset=utf-16") is None
    assert read(whole + b"more") is None
    assert read(HEAD + b"photo" + b"\r\n--x\r\n" + HEAD[5:] + b"photo" + END) is None
    assert read(HEAD.replace(b"a.jpg", b"") + END) is None
    assert read(HEAD.replace(b"a.jpg", "ä.jpg".encode()) + END) is None
    assert read(HEAD.replace(b"a.jpg", b"a%22.jpg") + END) is None
    assert read() is None
    assert read(b"") is None


PIECES = (
    HEAD, HEAD[:30], HEAD[30:], END, END[:-2], b"\r\n--x\r\n", b"\r\n--x", b"--x", b"--", b"\r\n",
    b"x", b"photo", b"\r", b"\n", bytes(1500), bytes(700),
)  # fmt: skip


@given(pieces=st.lists(st.sampled_from(PIECES), max_size=8), cuts=st.lists(st.integers(0, 4000)))
@example(pieces=[bytes(1500)], cuts=[10, 900, 1400, 1600])
@example(pieces=[b"\r\n--x"], cuts=[])
def test_it_says_what_the_parser_says_however_it_comes(
    pieces: Sequence[bytes], cuts: Sequence[int]
) -> None:
    for body in (b"".join(pieces), HEAD + b"".join(pieces) + END):
        places = sorted({0, len(body), *(cut for cut in cuts if cut < len(body))})
        packets = [body[a:b] for a, b in pairwise(places)]
        found = read(*packets, b"")
        if found is not None:
            assert parsed(KIND, body) == [found]


def test_nearly_every_photo_needs_no_parser() -> None:
    for size in (0, 1, 998, 999, 1000, 1001, 70_000):
        body = HEAD + bytes(size) + END
        for step in (7, 1024, 65_536, 100_000):
            packets = [body[at : at + step] for at in range(0, len(body), step)]
            assert read(*packets) == ("a.jpg", bytes(size))
