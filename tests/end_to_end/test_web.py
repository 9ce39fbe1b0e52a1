"""The page's process: its commands, its life beside the daemon, TLS, another user's eyes."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.support.processes import clean_environment, command
from tests.support.two_users import DAEMON, GROUP, WEB, as_user, shared_folder
from tests.support.waiting import DEADLINE_SECONDS, eventually
from tests.support.web import PASSWORD, Page, hidden_fields, sign_in

ROOT = Path(__file__).parents[2]


@pytest.fixture
def page(tmp_path: Path) -> Page:
    return Page.make(tmp_path / "web")


# Commands


def test_people_are_added_listed_given_a_new_password_and_removed(page: Page) -> None:
    page.add_user("anna", "admin")
    again = page.command("user", "add", "ANNA", "--password-stdin", stdin=PASSWORD)
    assert (again.returncode, "already" in again.stderr) == (1, True)
    (listed,) = json.loads(page.command("user", "list", "--json").stdout)["users"]
    assert (listed["name"], listed["role"], listed["signed_in"]) == ("anna", "admin", None)
    assert "anna" in page.command("user", "list").stdout
    new = page.command("user", "passwd", "anna", "--password-stdin", stdin="a new long password\n")
    assert new.returncode == 0
    with page.serving(), page.client() as client:
        assert sign_in(client, "anna", PASSWORD).status_code == 401
        assert sign_in(client, "Anna", "a new long password").status_code == 303
    assert page.command("user", "remove", "anna").returncode == 0
    gone = page.command("user", "remove", "anna")
    assert (gone.returncode, "nightsort web user list" in gone.stderr) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "said"),
    [
        (("user", "add", "anna"), "", 2, "--password-stdin"),
        (("user", "add", "anna", "--password-stdin"), "short\n", 1, "at least 8 characters"),
        (("user", "add", "an\nna", "--password-stdin"), PASSWORD, 2, "letters, digits"),
        (("user", "add", "anna", "--role", "boss"), "", 2, "'boss' is not one of"),
        (("user", "passwd", "anna", "--link", "--password-stdin"), "", 2, "not both"),
        (("key", "revoke", "shop"), "", 1, "nightsort web key list"),
        (("certificate", "not a name"), "", 2, "no name or address"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    page: Page, arguments: tuple[str, ...], stdin: str, code: int, said: str
) -> None:
    done = page.command(*arguments, stdin=stdin)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_key_stands_alone_on_stdout(page: Page) -> None:
    done = page.command("key", "add", "shop")
    assert re.fullmatch(r"nightsort_[\w-]{43}\n", done.stdout)
    taken = page.command("key", "add", "shop")
    assert (taken.returncode, taken.stdout) == (1, "")
    assert json.loads(page.command("key", "list", "--json").stdout)["keys"][0]["role"] == "reader"


def test_every_command_about_people_has_one_document_on_stdout(page: Page) -> None:
    def said(*arguments: str) -> dict[str, object]:
        done = page.command("user", *arguments, "--json", stdin=PASSWORD)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)  # type: ignore[no-any-return]

    added = said("add", "anna", "--role", "clerk", "--password-stdin")
    assert (added["name"], added["role"], added["signed_in"]) == ("anna", "clerk", None)
    assert said("role", "anna", "lead")["role"] == "lead"
    assert said("passwd", "ANNA", "--password-stdin")["name"] == "anna"
    assert "/page/link/" in str(said("passwd", "anna", "--link")["link"])
    assert said("remove", "anna") == {"removed": "anna"}


def test_who_lists_nobody_and_nothing_is_told_so(page: Page) -> None:
    for what, said in (("user", "Nobody may sign in yet"), ("key", "There is no key yet")):
        done = page.command(what, "list")
        assert (done.returncode, done.stdout) == (0, "")
        assert said in done.stderr


def test_every_command_about_keys_has_one_document_on_stdout(page: Page) -> None:
    made = json.loads(page.command("key", "add", "shop", "--json").stdout)
    assert (made["name"], made["role"], made["revoked"]) == ("shop", "reader", None)
    assert re.fullmatch(r"nightsort_[\w-]{43}", made["key"])
    revoked = json.loads(page.command("key", "revoke", "shop", "--json").stdout)
    assert (revoked["name"], revoked["made"]) == ("shop", made["made"])
    assert revoked["revoked"] is not None
    (listed,) = json.loads(page.command("key", "list", "--json").stdout)["keys"]
    assert listed == revoked


def test_a_forgotten_password_can_be_reset_by_a_link_from_the_command_line(page: Page) -> None:
    page.add_user("anna")
    link = page.command("user", "passwd", "anna", "--link").stdout.strip()
    with page.serving(), page.client() as client:
        path = link[link.index("/page/link/") :]
        new = {"new": "chosen by herself", "again": "chosen by herself"}
        form = hidden_fields(client.get(path).text)
        assert client.post(path, data={**form, **new}).status_code == 303
        assert "anna" in client.get("/").text


def test_other_commands_do_not_import_what_the_page_needs() -> None:
    code = (
        "import sys; from daemon.cli.main import cli\n"
        "for name in ('--help', 'run --help', 'web --help', 'web user --help'):\n"
        "    cli.main(name.split(), standalone_mode=False)\n"
        "import daemon.service.app, daemon.cli.state, daemon.cli.photos\n"
        "heavy = {'fastapi', 'starlette', 'uvicorn', 'argon2', 'cryptography', 'httptools'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT,
        env=clean_environment(),
    )  # fmt: skip
    assert done.stderr.strip() == "[]"


# Its life


def test_it_ends_with_exit_code_0_when_it_is_told_to_and_writes_what_it_noted(page: Page) -> None:
    page.start()
    with page.client() as client:
        client.get("/health")
    assert page.stop() == 0
    assert page.events("web_stopped")


def test_an_open_connection_does_not_hold_up_its_end(page: Page) -> None:
    page.start()
    with socket.create_connection(("127.0.0.1", int(page.url.rpartition(":")[2]))) as idle:
        idle.sendall(b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")
        assert page.stop() == 0


def test_two_pages_do_not_serve_from_one_folder(page: Page) -> None:
    with page.serving():
        done = page.command()
    assert (done.returncode, "another `nightsort web`" in done.stdout + done.stderr) == (1, True)


def test_a_port_that_is_taken_is_told_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        page = Page.make(tmp_path / "web", web=f'listen = "127.0.0.1:{port}"')
        done = page.command()
    assert done.returncode == 1
    assert "set [web] listen to another" in done.stderr
    assert "Traceback" not in done.stderr


def test_systemd_is_told_when_it_serves_and_fed_while_it_does(page: Page, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(DEADLINE_SECONDS)
        manager.bind(str(tmp_path / "n"))
        told = [""]
        with page.serving(NOTIFY_SOCKET=str(tmp_path / "n"), WATCHDOG_USEC="400000"):
            while told.count("WATCHDOG=1") < 3:
                told.append(manager.recv(4096).decode())
        with suppress(TimeoutError):
            manager.settimeout(1)
            while True:
                told.append(manager.recv(4096).decode())
    assert "READY=1" in told
    assert any(one.startswith("STATUS=serving http://127.0.0.1:") for one in told)
    assert any(one.startswith("STOPPING=1") for one in told)


def test_what_a_killed_process_left_in_its_spool_is_cleared_away(page: Page) -> None:
    page.start()
    assert page.process is not None
    page.process.kill()
    page.process.wait()
    spool = page.site.state / "web" / "spool"
    (spool / "half-an-upload").write_bytes(b"x" * 1000)
    with page.serving():
        assert list(spool.iterdir()) == []


def test_it_says_how_the_daemon_is(page: Page) -> None:
    page.add_user("anna")
    key = {"x-api-key": page.add_key("monitor")}
    with page.serving(), page.client() as client:
        down = client.get("/health", headers=key)
        assert (down.status_code, down.json()["status"]) == (503, "down")
        assert (down.json()["model_loaded"], client.get("/classes", headers=key).status_code) == (
            True, 200,
        )  # fmt: skip
        with page.site.daemon():
            page.await_daemon()
            answer = client.get("/health", headers=key)
            well = answer.json()
            assert answer.status_code == 200
            assert well["queue"] == {"waiting": 0, "settling": 0, "retrying": 0}
            assert sign_in(client, "anna").status_code == 303
            assert "All is well" in client.get("/").text or "needs a look" in client.get("/").text
        assert client.get("/health").json()["status"] == "down"
        assert "is not sorting" in client.get("/").text


def test_daemon_and_page_start_and_end_together(tmp_path: Path) -> None:
    """What `make run` does, on a terminal."""
    ours, its = pty.openpty()
    environment = clean_environment() | {"NIGHTSORT_WEB__LISTEN": "127.0.0.1:0"}
    both = subprocess.Popen(
        [sys.executable, "-m", "web.together"],
        stdout=its, stderr=its, cwd=tmp_path, env=environment | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    os.close(its)
    seen = ""
    while not ("15 minutes" in seen and "Ctrl-C ends" in seen):
        seen += os.read(ours, 65536).decode()
    url = re.findall(r"the page is at (http://\S+)/", seen)[0]
    assert httpx.get(f"{url}/health/live").status_code == 200
    assert f"{url}/page/link/" in seen
    both.send_signal(signal.SIGINT)
    with suppress(OSError):
        while os.read(ours, 65536):
            pass
    assert both.wait(DEADLINE_SECONDS) == 0
    os.close(ours)
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{url}/health/live")


# As another user


class TwoUsers:
    """A site whose daemon is one user's and whose page another's, in one group."""

    def __init__(self, folder: Path) -> None:
        self.page = Page.make(folder / "web")
        site = self.page.site
        (site.folder / "nightsort.toml").chmod(0o644)
        self.own = site.state / "web"
        self.own.mkdir(parents=True)
        for place in (site.folder, site.incoming, site.state, self.own):
            os.chown(place, WEB if place == self.own else DAEMON, GROUP)
            place.chmod(0o750)

    def start(self, uid: int, *arguments: str) -> subprocess.Popen[bytes]:
        """A command as this user; its log goes to the page's."""
        settings = str(self.page.site.folder / "nightsort.toml")
        with self.page.log_file.open("ab") as log:
            return subprocess.Popen(
                [*as_user(uid), *command("--config", settings, *arguments)],
                stdout=log, stderr=log, umask=0o007,
                env=clean_environment() | {"PYTHONPATH": str(ROOT)},
            )  # fmt: skip

    def key(self, name: str, role: str) -> str:
        """A key, made by the page's user."""
        settings = str(self.page.site.folder / "nightsort.toml")
        done = subprocess.run(
            [*as_user(WEB), *command("--config", settings, "web", "key", "add", name, "--role",
             role)], capture_output=True, text=True, check=True,
            env=clean_environment() | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        return done.stdout.strip()


@pytest.fixture
def users() -> Iterator[TwoUsers]:
    with shared_folder() as folder:
        yield TwoUsers(folder)


def test_the_page_of_another_user_sees_the_daemon_come_stop_and_be_killed(users: TwoUsers) -> None:
    """As nightsort-web in the group of nightsort, which may write to its own folder alone."""
    served = users.start(WEB, "web")
    try:
        (started,) = eventually(lambda: users.page.events("web_started"))
        users.page.url = started["url"].rstrip("/")
        with users.page.client() as client:
            for end in (signal.SIGTERM, signal.SIGKILL):
                assert client.get("/health").json()["status"] == "down"
                daemon = users.start(DAEMON, "run")
                users.page.await_daemon()
                daemon.send_signal(end)
                assert daemon.wait(DEADLINE_SECONDS) == (0 if end == signal.SIGTERM else -end)
            assert client.get("/health").json()["status"] == "down"
    finally:
        served.terminate()
        assert served.wait(DEADLINE_SECONDS) == 0
    assert {one.stat().st_uid for one in users.own.rglob("*")} == {WEB}
    assert users.start(DAEMON, "web", "user", "list").wait(DEADLINE_SECONDS) == 1
    assert "belongs to" in users.page.log_file.read_text()


# The first person


def test_on_a_terminal_the_first_person_gets_a_link_once(page: Page) -> None:
    link = link_on_terminal(page)
    assert link is not None
    with page.serving(), page.client() as client:
        path = link[link.index("/page/link/") :]
        form = hidden_fields(client.get(path).text)
        new = {"name": "anna", "new": "the very first night", "again": "the very first night"}
        assert client.post(path, data={**form, **new}).status_code == 303
        assert client.get("/page/people").status_code == 200  # an admin
        assert client.get(path).status_code == 410
    assert link_on_terminal(page) is None


def link_on_terminal(page: Page) -> str | None:
    """What a person sees who starts it by hand."""
    ours, its = pty.openpty()
    process = subprocess.Popen(
        command("--config", str(page.site.folder / "nightsort.toml"), "web"),
        stdout=its, stderr=its, env=clean_environment(),
    )  # fmt: skip
    os.close(its)
    seen, is_ended = "", False
    with suppress(OSError):  # a terminal that is left
        while piece := os.read(ours, 65536).decode():
            seen += piece
            if "the page is at" in seen and not is_ended:
                is_ended = True  # the rest is said already, but may come in parts
                process.send_signal(signal.SIGINT)
    process.wait(DEADLINE_SECONDS)
    os.close(ours)
    found = re.search(r"http\S+/page/link/\S+", seen)
    return found[0] if found else None


# TLS


def test_a_certificate_of_its_own_serves_others_and_names_are_checked(tmp_path: Path) -> None:
    page = Page.make(tmp_path / "web", web='listen = "0.0.0.0:0"')
    page.add_user("anna")
    made = page.command("certificate", "box.lan", "--json")
    assert made.returncode == 0, made.stderr
    paths = json.loads(made.stdout)
    assert paths["authority_is_new"]
    assert {"box.lan", "127.0.0.1", "localhost"} <= set(paths["names"])
    context = ssl.create_default_context(cafile=paths["authority"])
    with page.serving():
        assert page.url.startswith("https://")
        with page.client(verify=context) as client:
            answer = sign_in(client, "anna")
            cookies = answer.headers.get_list("set-cookie")
            assert any(one.startswith("__Host-nightsort-session=") for one in cookies)
            assert all("Secure" in one for one in cookies)
            assert client.get("/").status_code == 200
            assert client.get("/", headers={"host": "box.lan"}).status_code == 200
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"{page.url}/health/live")  # who does not trust the authority
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"{page.url.replace('https', 'http')}/health/live")
        assert json.loads(page.command("certificate", "--json").stdout)["authority_is_new"] is False
