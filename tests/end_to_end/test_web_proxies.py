"""The page behind nginx, below a path, by the very lines of docs/proxies/nginx.conf."""

from __future__ import annotations

import json
import random
import re
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.photos import write_photo
from tests.support.waiting import DEADLINE_SECONDS, eventually
from tests.support.web import PASSWORD, Page, hidden_fields

EXAMPLE = Path(__file__).parents[2] / "docs" / "proxies" / "nginx.conf"
_AROUND = """daemon off; pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{
access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
{servers}
}}
"""


def free_ports(count: int) -> list[int]:
    """Below those that the kernel gives to others meanwhile (from 32768 on)."""
    found: list[int] = []
    for port in random.sample(range(10_000, 32_000), 200):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.append(port)
        if len(found) == count:
            break
    return found


def example(plain: int, port: int, page: str, certificate: dict[str, str]) -> str:
    """The servers of the example, at these ports, before this page."""
    text = EXAMPLE.read_text(encoding="utf-8")
    for before, after in (
        ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("server_name box.example.com;", "server_name localhost;"),
        ("/etc/nginx/tls/box.crt", certificate["certificate"]),
        ("/etc/nginx/tls/box.key", certificate["key"]),
        ("http://127.0.0.1:8484", page),
    ):
        assert before in text
        text = text.replace(before, after)
    return re.sub(r"^ *listen \[::\].*\n", "", text, flags=re.MULTILINE)


@contextmanager
def nginx(folder: Path, servers: str) -> Iterator[None]:
    folder.mkdir()
    settings = folder / "nginx.conf"
    settings.write_text(_AROUND.format(folder=folder, servers=servers), encoding="utf-8")
    proxy = subprocess.Popen(["nginx", "-p", str(folder), "-c", str(settings)])
    try:
        yield
    finally:
        proxy.terminate()
        proxy.wait(DEADLINE_SECONDS)


class Proxied:
    """A page, nginx before it, and who comes through."""

    def __init__(self, page: Page, public: str, plain: int, authority: str) -> None:
        self.page = page
        self.public = public
        self.origin = public.removesuffix("/sort")
        self.plain = f"http://localhost:{plain}"
        self._authority = authority

    def client(self, base: str = "") -> httpx.Client:
        """Somebody on another machine: nginx itself is at 127.0.0.1."""
        context = ssl.create_default_context(cafile=self._authority)
        transport = httpx.HTTPTransport(verify=context, local_address="127.0.0.2")
        base = base or self.public
        return httpx.Client(base_url=base, transport=transport, timeout=DEADLINE_SECONDS)

    @contextmanager
    def signed_in(self) -> Iterator[httpx.Client]:
        with self.client() as client:
            answer = self.sign_in(client)
            assert (answer.status_code, answer.headers["location"]) == (303, "/sort/")
            yield client

    def sign_in(self, client: httpx.Client, origin: str = "") -> httpx.Response:
        form = hidden_fields(client.get("/login").text)
        fields = {**form, "name": "anna", "password": PASSWORD}
        return client.post("/login", data=fields, headers={"origin": origin or self.origin})

    def answers(self) -> bool:
        try:
            with self.client() as client:
                return client.get("/health/live").status_code == 200
        except httpx.TransportError:
            return False


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    if shutil.which("nginx") is None:
        pytest.skip("nginx is not installed")
    folder = tmp_path_factory.mktemp("proxied")
    plain, port = free_ports(2)
    public = f"https://localhost:{port}/sort"
    page = Page.make(
        folder / "web",
        "max_file_mb = 2\n",
        f'public_url = "{public}"\ntrusted_proxies = ["127.0.0.1"]',
    )
    page.add_user("anna", "admin")
    certificate = json.loads(page.command("certificate", "--json").stdout)
    with (
        page.serving(),
        nginx(folder / "nginx", example(plain, port, page.url, certificate)),
    ):
        found = Proxied(page, public, plain, certificate["authority"])
        eventually(found.answers)
        yield found


def test_the_document_shows_the_lines_that_are_tried_here() -> None:
    text = (EXAMPLE.parents[1] / "install.md").read_text(encoding="utf-8")
    shown = text.partition("    # nginx.conf\n")[2].partition("\n\n")[0]
    tried = {line.strip() for line in EXAMPLE.read_text(encoding="utf-8").splitlines()}
    lines = [line.strip() for line in shown.splitlines()]
    assert len(lines) > 10
    assert [line for line in lines if line not in tried] == []


def test_every_way_in_leads_below_the_path_and_over_tls(proxied: Proxied) -> None:
    with proxied.client(proxied.plain) as client:
        answer = client.get("/sort/find?q=1")
        assert (answer.status_code, answer.headers["location"]) == (
            301, "https://localhost/sort/find?q=1",
        )  # fmt: skip
    with proxied.client(proxied.origin) as client:
        bare = client.get("/sort")
        assert (bare.status_code, bare.headers["location"]) == (301, f"{proxied.origin}/sort/")
        first = client.get("/sort/")
        assert (first.status_code, first.headers["location"]) == (303, "/sort/login?next=/")
        asked = client.get("/sort/page/people")
        assert asked.headers["location"] == "/sort/login?next=/page/people"
        beside = client.get("/login")  # what lies there is not the page's
        assert (beside.status_code in (403, 404), "nginx" in beside.text) == (True, True)


def test_whoever_signs_in_keeps_a_cookie_for_that_path_alone(proxied: Proxied) -> None:
    with proxied.client() as client:
        cookies = proxied.sign_in(client).headers.get_list("set-cookie")
        (session,) = [one for one in cookies if "-session=" in one]
        assert session.startswith("__Secure-nightsort-session=")
        assert {"Path=/sort", "Secure", "HttpOnly"} <= {one.strip() for one in session.split(";")}
        assert client.get("/page/people").status_code == 200
        form = hidden_fields(client.get("/logout").text)
        out = client.post("/logout", data=form, headers={"origin": proxied.origin})
        assert (out.status_code, out.headers["location"]) == (303, "/sort/login")
        assert client.get("/page/people").status_code == 303


def test_all_that_a_page_asks_for_comes_through(proxied: Proxied) -> None:
    with proxied.signed_in() as client, proxied.client(proxied.origin) as bare:
        text = client.get("/page/people").text
        found = re.findall(r'(?:src|href|action)="(/[^"]*)"', text)
        assert len(found) > 5
        assert all(one.startswith("/sort/") for one in found)
        for one in (one for one in found if "/page/static/" in one):
            assert bare.get(one).status_code == 200
        number = re.findall(r'action="/sort(/page/people/\d+/link)"', text)[0]
        made = client.post(number, data=hidden_fields(text), headers={"origin": proxied.origin})
        assert f"{proxied.public}/page/link/" in made.text


def test_a_form_from_elsewhere_is_refused_with_both_addresses(proxied: Proxied) -> None:
    with proxied.client() as client:
        answer = proxied.sign_in(client, "https://evil.example")
    assert answer.status_code == 403
    assert "https://evil.example" in answer.text
    assert proxied.origin in answer.text


def test_who_asked_is_what_the_proxy_saw_and_not_what_was_claimed(proxied: Proxied) -> None:
    with proxied.client() as client:
        seen = client.get("/login", headers={"x-forwarded-for": "6.6.6.6"})
    request = seen.headers["x-request-id"]

    def noted() -> list[dict[str, Any]]:
        lines = proxied.page.events("request_served")
        return [one for one in lines if one["request"] == request]

    (served,) = eventually(noted)
    assert served["address"] == "127.0.0.2"


def test_photos_pass_at_any_size_that_the_page_takes_and_it_says_which_it_does_not(
    proxied: Proxied, tmp_path: Path
) -> None:
    photo = write_photo(tmp_path / "photo.jpg").read_bytes()
    key = {"x-api-key": proxied.page.add_key("shop")}
    with proxied.client() as client:
        for size, status in ((1_600_000, 200), (2_600_000, 413)):
            files = {"file": ("photo.jpg", photo + bytes(size - len(photo)))}
            answer = client.post("/predict", files=files, headers=key)
            assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_events_of_a_page_come_through(proxied: Proxied) -> None:
    with proxied.signed_in() as client, client.stream("GET", "/page/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert next(line for line in answer.iter_lines() if line) != ""


class _Slowly(BaseHTTPRequestHandler):
    """Sends an event, and the next one only when it is told to."""

    protocol_version = "HTTP/1.1"
    go_on = threading.Event()

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"data: first\n\n")
        self.wfile.flush()
        self.go_on.wait(DEADLINE_SECONDS)
        self.wfile.write(b"data: second\n\n")

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


def test_live_updates_arrive_when_they_are_sent(proxied: Proxied, tmp_path: Path) -> None:
    """Through the same lines of nginx, from a server that waits for the first to be seen."""
    certificate = json.loads(proxied.page.command("certificate", "--json").stdout)
    plain, port = free_ports(2)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Slowly) as upstream:
        threading.Thread(target=upstream.serve_forever, daemon=True).start()
        at = f"http://127.0.0.1:{upstream.server_port}"
        with nginx(tmp_path / "nginx", example(plain, port, at, certificate)):
            eventually(lambda: is_open(port))
            with (
                proxied.client(f"https://localhost:{port}") as client,
                client.stream("GET", "/sort/live") as answer,
            ):
                events = answer.iter_lines()
                assert next(events) == "data: first"
                _Slowly.go_on.set()
                assert [line for line in events if line] == ["data: second"]
        upstream.shutdown()


def is_open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_SECONDS).close()
    except OSError:
        return False
    return True
