"""Programs that ask for the benchmarks: all is sent, answered once; who is shed comes again."""

from __future__ import annotations

import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from benchmarks.clients import Crowd, Page, ask_alone

_LENGTH = re.compile(rb"content-length: (\d+)")


class _Server(socketserver.ThreadingTCPServer):
    """Answers as the page does; sheds every fourth call."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.lock = threading.Lock()
        self.asked = 0
        self.bodies: list[bytes] = []
        self.sheds = True

    def answer(self, body: bytes) -> bytes:
        with self.lock:
            self.asked += 1
            if self.sheds and self.asked % 4 == 0:
                return b"HTTP/1.1 503 Later\r\nretry-after: 0\r\ncontent-length: 4\r\n\r\nbusy"
            self.bodies.append(body)
        return b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nx-more: 1\r\n\r\n{}"


class _Connection(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        while self.rfile.readline():
            length = 0
            while (line := self.rfile.readline()) != b"\r\n":
                if found := _LENGTH.match(line):
                    length = int(found[1])
            self.wfile.write(self.server.answer(self.rfile.read(length)))


@pytest.fixture
def server() -> Iterator[_Server]:
    with _Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def page_of(server: _Server) -> Page:
    return Page(f"127.0.0.1:{server.server_address[1]}", "key")


def test_each_call_is_of_bytes_of_its_own_and_who_is_shed_sends_the_next(server: _Server) -> None:
    photos = [b"small", b"large" * 400_000]  # more than a socket takes at once
    found = Crowd(page_of(server), photos).ask(5, lambda number: number < 24)
    assert (found["answers"], found["shed"]) == (18, 6)
    assert len(set(server.bodies)) == 18
    assert all(body.endswith(b"\r\n--photo--\r\n") for body in server.bodies)
    assert any(len(body) > 2_000_000 for body in server.bodies)


def test_one_alone_waits_for_the_whole_answer_and_says_what_was_wrong(server: _Server) -> None:
    page = page_of(server)
    with closing(page.connect()) as connection:
        for _ in range(3):
            ask_alone(page, connection, b"a photo")
        with pytest.raises(SystemExit, match="busy"):
            ask_alone(page, connection, b"a photo")
    (body,) = set(server.bodies)
    assert body == b"".join(page.call(b"a photo")).partition(b"\r\n\r\n")[2]
