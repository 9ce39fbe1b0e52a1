"""The page lets nobody in who does not belong: each line of that promise, as an attack."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.support.waiting import eventually
from tests.support.web import PASSWORD, Page, hidden_fields, sign_in

HEAD = b"POST /login HTTP/1.1\r\nHost: localhost\r\n"
JSON_PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    page = Page.make(tmp_path_factory.mktemp("web"))
    for name, role in (("anna", "admin"), ("carl", "clerk"), ("rita", "reader")):
        page.add_user(name, role)
    with page.serving():
        yield page


@pytest.fixture
def alone(tmp_path: Path) -> Page:
    """A page of a test's own, which is not started yet."""
    return Page.make(tmp_path / "web")


def web_db(page: Page) -> Path:
    return page.site.state / "web" / "web.db"


# Accounts, roles


def test_without_a_session_pages_lead_to_the_sign_in_and_the_api_says_401(page: Page) -> None:
    with page.client() as client:
        seen = client.get("/page/people?x=1")
        assert (seen.status_code, seen.headers["location"]) == (
            303,
            "/login?next=/page/people%3Fx%3D1",
        )
        api = client.get("/version")
    assert (api.status_code, api.headers["content-type"]) == (401, JSON_PROBLEM)
    assert api.json()["code"] == "no_credentials"
    assert "www-authenticate" in api.headers


@pytest.mark.parametrize("name", ["carl", "rita"])
def test_a_role_that_is_too_weak_is_refused(page: Page, name: str) -> None:
    with page.signed_in(name) as client:
        seen = client.get("/page/people")
    assert seen.status_code == 403
    assert "role_too_weak" in seen.text
    assert "anna" not in seen.text


def test_passwords_are_kept_as_argon2id_and_nothing_else_is_kept_of_them(page: Page) -> None:
    with closing(sqlite3.connect(web_db(page))) as db:
        kept = [row[0] for row in db.execute("SELECT password FROM accounts")]
    assert len(kept) == 3
    assert all(one.startswith("$argon2id$v=19$m=47104,t=1,p=1$") for one in kept)
    assert len({one.split("$")[4] for one in kept}) == 3  # each with a salt of its own
    files = [file for file in web_db(page).parent.rglob("*") if file.is_file()]
    assert not [file for file in files if PASSWORD.encode() in file.read_bytes()]
    assert PASSWORD not in page.log_file.read_text()


def test_what_is_kept_is_nobody_elses_to_read(page: Page) -> None:
    folder = web_db(page).parent
    assert folder.stat().st_mode & 0o027 == 0
    assert all(file.stat().st_mode & 0o027 == 0 for file in folder.rglob("*"))


def test_a_wrong_password_and_a_name_that_nobody_has_look_the_same(page: Page) -> None:
    answers = []
    for name in ("rita", "nobody-here"):
        with page.client() as client:
            answers.append(sign_in(client, name, "wrong password"))
    known, unknown = answers
    assert (known.status_code, unknown.status_code) == (401, 401)
    shown = [re.sub(r'value="[^"]*"', "", one.text) for one in answers]
    assert shown[0] == shown[1]  # that it takes as long: tests/unit/web/test_passwords.py


def test_people_change_their_own_password_and_only_with_the_old_one(alone: Page) -> None:
    alone.add_user("anna", "clerk")
    with alone.serving(), alone.signed_in("anna") as one, alone.signed_in("anna") as other:
        form = hidden_fields(one.get("/page/password").text)
        new = {"new": "a whole new sentence", "again": "a whole new sentence"}
        wrong = one.post("/page/password", data={**form, "old": "guessed", **new})
        assert (wrong.status_code, "not right" in wrong.text) == (422, True)
        weak = {"old": PASSWORD, "new": "anna1234", "again": "anna1234"}
        assert one.post("/page/password", data={**form, **weak}).status_code == 422
        done = one.post("/page/password", data={**form, "old": PASSWORD, **new})
        assert done.status_code == 303
        assert one.get("/").status_code == 200
        assert other.get("/").status_code == 303  # signed out everywhere else
        with alone.client() as again:
            assert sign_in(again, "anna", PASSWORD).status_code == 401
            assert sign_in(again, "anna", new["new"]).status_code == 303


def test_a_session_that_somebody_holds_cannot_try_out_the_password(alone: Page) -> None:
    alone.add_user("anna")
    with alone.serving(), alone.signed_in("anna") as client:
        tried = {**hidden_fields(client.get("/page/password").text), "old": "a guess"}
        tried |= {"new": "x", "again": "x"}

        def seconds_to_wait() -> int:
            answer = client.post("/page/password", data=tried)
            return int(answer.headers["retry-after"]) if answer.status_code == 429 else 0

        assert eventually(seconds_to_wait) >= 1


# One-time links


def test_a_forgotten_password_is_reset_by_a_link_that_works_once(alone: Page) -> None:
    alone.add_user("anna", "admin")
    alone.add_user("carl", "clerk")
    with alone.serving(), alone.signed_in("anna") as admin, alone.signed_in("carl") as carl:
        people = admin.get("/page/people").text
        number = re.findall(r"/page/people/(\d+)/link", people)[1]
        made = admin.post(f"/page/people/{number}/link", data=hidden_fields(people))
        link = re.findall(r"<code[^>]*>(http[^<]+)</code>", made.text)[0]
        assert carl.get("/").status_code == 200
        with alone.client() as client:
            for _ in range(2):  # looking, as mail scanners do, does not use it up
                shown = client.get(link)
                assert shown.status_code == 200
            new = {"new": "once upon a night", "again": "once upon a night"}
            done = client.post(link, data={**hidden_fields(shown.text), **new})
            assert (done.status_code, client.get("/").status_code) == (303, 200)
            assert client.get(link).status_code == 410
        assert carl.get("/").status_code == 303
        files = web_db(alone).parent.glob("web.db*")
        database = b"".join(file.read_bytes() for file in files)
    assert link.rpartition("/")[2].encode() not in database


def test_only_an_admin_makes_such_links(page: Page) -> None:
    with page.signed_in("carl") as client:
        form = hidden_fields(client.get("/page/password").text)
        assert client.post("/page/people/1/link", data=form).status_code == 403


def test_a_link_that_was_guessed_opens_nothing(page: Page) -> None:
    with page.client() as client:
        for guess in ("x", "0" * 43, "..%2f..%2fetc"):
            assert client.get(f"/page/link/{guess}").status_code in (404, 410)


def test_no_link_for_the_first_person_where_no_terminal_is(alone: Page) -> None:
    with alone.serving():
        pass
    assert "/page/link/" not in alone.log_file.read_text()
    with closing(sqlite3.connect(web_db(alone))) as db:
        assert db.execute("SELECT count(*) FROM links").fetchone() == (0,)


# Sessions


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(page: Page) -> None:
    with page.client() as client:
        cookies = sign_in(client, "rita").headers.get_list("set-cookie")
    (session,) = [one for one in cookies if one.startswith("nightsort-session=")]
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= {part.strip() for part in session.split(";")}
    assert len(session.partition("=")[2].partition(";")[0]) >= 43


def test_the_secret_of_a_session_is_not_in_the_database(page: Page) -> None:
    with page.signed_in("rita") as client:
        secret = client.cookies["nightsort-session"]
        files = [one for one in web_db(page).parent.iterdir() if one.is_file()]
        assert not [one for one in files if secret.encode() in one.read_bytes()]


def test_signing_out_ends_the_session_on_the_server_too(page: Page) -> None:
    with page.signed_in("rita") as client:
        stolen = client.cookies["nightsort-session"]
        form = hidden_fields(client.get("/logout").text)
        assert client.post("/logout", data=form).status_code == 303
    with page.client(cookies={"nightsort-session": stolen}) as thief:
        assert thief.get("/").status_code == 303


def test_a_link_elsewhere_signs_nobody_out(page: Page) -> None:
    with page.signed_in("rita") as client:
        client.get("/logout")
        assert client.get("/").status_code == 200


def test_a_session_id_that_an_attacker_chose_is_not_taken(page: Page) -> None:
    with page.client(cookies={"nightsort-session": "chosen-by-somebody-else"}) as client:
        sign_in(client, "rita")
        values = {cookie.value for cookie in client.cookies.jar if "session" in cookie.name}
        assert len(values - {"chosen-by-somebody-else"}) == 1
    with page.client(cookies={"nightsort-session": "chosen-by-somebody-else"}) as attacker:
        assert attacker.get("/").status_code == 303


def test_a_session_ends_by_time_without_use_and_in_any_case(alone: Page) -> None:
    alone.add_user("anna")
    with alone.serving(), alone.signed_in("anna") as idle, alone.signed_in("anna") as old:
        with closing(sqlite3.connect(web_db(alone), isolation_level=None)) as db:
            first, second = [
                row[0] for row in db.execute("SELECT hash FROM sessions ORDER BY began_at")
            ]
            db.execute(
                "UPDATE sessions SET used_at = used_at - 12.1 * 3600 WHERE hash = ?", (first,)
            )
            db.execute(
                "UPDATE sessions SET began_at = began_at - 84.1 * 3600 WHERE hash = ?", (second,)
            )
        assert (idle.get("/").status_code, old.get("/").status_code) == (303, 303)


def test_a_session_outlives_a_restart_and_ends_with_the_account(alone: Page) -> None:
    alone.add_user("anna")
    with alone.serving(), alone.signed_in("anna") as client:
        cookie = client.cookies["nightsort-session"]
    with alone.serving(), alone.client(cookies={"nightsort-session": cookie}) as client:
        assert client.get("/").status_code == 200
        assert alone.command("user", "remove", "ANNA").returncode == 0
        assert client.get("/").status_code == 303


@pytest.mark.parametrize(
    ("arguments", "stdin", "again"),
    [
        (("remove", "carl"), "", 401),
        (("role", "CARL", "reader"), "", 303),
        (("passwd", "carl", "--password-stdin"), f"{PASSWORD}\n", 303),
    ],
    ids=["removed", "another role", "another password"],
)
def test_whoever_is_removed_or_changed_is_out_at_once_everywhere(
    alone: Page, arguments: tuple[str, ...], stdin: str, again: int
) -> None:
    alone.add_user("anna", "admin")
    alone.add_user("carl", "admin")
    with (
        alone.serving(),
        alone.signed_in("carl") as here,
        alone.signed_in("carl") as there,
        alone.signed_in("anna") as anna,
    ):
        people = anna.get("/page/people").text
        number = re.findall(r"/page/people/(\d+)/link", people)[1]
        made = anna.post(f"/page/people/{number}/link", data=hidden_fields(people))
        link = re.findall(r"<code[^>]*>(http[^<]+)</code>", made.text)[0]
        form = hidden_fields(here.get("/page/password").text)
        done = alone.command("user", *arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr
        for client in (here, there):
            assert client.get("/page/people").status_code == 303
            assert client.get("/version").status_code == 401
        assert here.post("/page/people/1/link", data=form).status_code == 303
        assert anna.get("/page/people").status_code == 200  # nobody else's
        with alone.client() as client:
            assert client.get(link).status_code == (200 if arguments[0] == "role" else 410)
            assert sign_in(client, "carl").status_code == again
            role = client.get("/page/people").status_code
            assert role == {"remove": 303, "role": 403, "passwd": 200}[arguments[0]]


def test_a_link_in_a_mail_opens_signed_in(page: Page) -> None:
    """Browsers send it with the cookie, as that is Lax; they say that it comes from elsewhere."""
    elsewhere = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    with page.signed_in("rita") as client:
        assert client.get("/find?q=1", headers=elsewhere).status_code == 200


# Trying passwords


def test_guessing_a_password_is_slowed_down_and_a_restart_forgives_nothing(alone: Page) -> None:
    alone.add_user("anna")
    with alone.serving(), alone.client() as client:
        statuses = [sign_in(client, "anna", f"guess {n}").status_code for n in range(5)]
        assert statuses == [401] * 5
        eventually(lambda: sign_in(client, "anna", "one more").status_code == 429)
        with closing(sqlite3.connect(web_db(alone), isolation_level=None)) as db:
            db.execute("UPDATE failures SET count = 14")  # as after an hour of guessing
        answer = sign_in(client, "anna", PASSWORD)
        assert answer.status_code == 429  # not even the right one is looked at
        assert 100 <= int(answer.headers["retry-after"]) <= 900
    with alone.serving(), alone.client() as client:
        assert sign_in(client, "anna", PASSWORD).status_code == 429


def test_nobody_is_locked_out_for_ever(alone: Page) -> None:
    alone.add_user("anna")
    with alone.serving(), alone.client() as client:
        # The first wait is a second, which a slow machine needs for a guess; each is longer.
        assert eventually(lambda: sign_in(client, "anna", "a guess").status_code == 429)

        def succeeds() -> bool:
            return sign_in(client, "anna").status_code == 303

        assert eventually(succeeds, every_s=0.5)


def test_whoever_signed_in_here_before_is_not_kept_out_by_others(alone: Page) -> None:
    alone.add_user("anna")
    with alone.serving(), alone.signed_in("anna") as own:
        own.post("/logout", data=hidden_fields(own.get("/logout").text))
        with alone.client() as attacker:
            sign_in(attacker, "anna", "guess")
            with closing(sqlite3.connect(web_db(alone), isolation_level=None)) as db:
                db.execute("UPDATE failures SET count = 100")  # as after a night of guessing
            assert sign_in(attacker, "anna").status_code == 429
        assert sign_in(own, "anna").status_code == 303


def test_what_is_typed_as_a_name_is_not_noted_where_nobody_has_it(page: Page) -> None:
    with page.client() as client:
        sign_in(client, "my-secret-typed-in-the-wrong-field", "x")
    assert "typed-in-the-wrong" not in page.log_file.read_text()
    assert "nobody of that name" in page.log_file.read_text()


# Other pages


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
    ],
)
def test_another_page_cannot_make_a_browser_change_anything(
    page: Page, headers: dict[str, str]
) -> None:
    with page.signed_in("rita") as client:
        form = hidden_fields(client.get("/page/password").text)  # even with a token that it guessed
        answer = client.post("/page/password", data=form, headers=headers)
        assert answer.status_code == 403
        assert "foreign_origin" in answer.text
    with page.client() as client:
        assert client.post("/login", data=form, headers=headers).status_code == 403


def test_a_form_without_our_token_is_refused(page: Page) -> None:
    with page.signed_in("rita") as client, page.signed_in("rita") as other:
        theirs = hidden_fields(other.get("/page/password").text)
        origin = {"origin": page.url}
        for form in ({}, {"token": ""}, {"token": "0" * 64}, theirs):
            answer = client.post("/page/password", data=form, headers=origin)
            assert (answer.status_code, "stale_form" in answer.text) == (403, True)


def test_nobody_is_signed_in_unknowingly_as_somebody_else(page: Page) -> None:
    """A page elsewhere can fetch a token of its own; it fits no other browser's cookie."""
    with page.client() as attacker, page.client() as victim:
        form = hidden_fields(attacker.get("/login").text)
        victim.get("/login")
        answer = victim.post("/login", data={**form, "name": "rita", "password": PASSWORD})
        assert answer.status_code == 403


def test_where_origin_and_public_url_differ_both_are_named(tmp_path: Path) -> None:
    page = Page.make(tmp_path / "web", web='public_url = "https://box.example.com/sort"')
    page.add_user("rita")
    with page.serving(), page.client() as client:
        answer = client.post("/login", headers={"origin": "https://box.example.org"})
    assert answer.status_code == 403
    assert "https://box.example.org" in answer.text
    assert "https://box.example.com/sort" in answer.text


def test_a_sign_in_leads_to_none_but_our_own_pages(page: Page) -> None:
    for there in (
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "x",
    ):
        with page.client() as client:
            fields = hidden_fields(client.get("/login", params={"next": there}).text)
            fields["next"] = there
            answer = client.post("/login", data={**fields, "name": "rita", "password": PASSWORD})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")


# Host


@pytest.mark.parametrize(
    "host",
    ["evil.example", "", "127.0.0.1@evil.example", "evil.example:80", "localhost.evil.example"],
)
def test_it_answers_to_no_name_but_its_own(page: Page, host: str) -> None:
    with page.client() as client:
        answer = client.get("/login", headers={"host": host})
    assert answer.status_code == 400
    assert answer.json()["code"] == "unknown_host"


def test_it_answers_to_names_that_the_settings_add(tmp_path: Path) -> None:
    page = Page.make(
        tmp_path / "web", web='hosts = ["box.lan"]\npublic_url = "https://page.example.com"'
    )
    with page.serving(), page.client() as client:
        for host in ("box.lan", "BOX.lan:8484", "page.example.com", "localhost", "[::1]:8484"):
            assert client.get("/health/live", headers={"host": host}).status_code == 200


# What a browser may do with what it gets


def test_every_answer_forbids_what_it_does_not_need(page: Page) -> None:
    with page.client() as client:
        for path in (
            "/login",
            "/health",
            "/nothing",
            "/page/nothing",
            "/docs",
            "/page/static/page.css",
        ):
            headers = client.get(path).headers
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "same-origin"
            assert headers["x-frame-options"] == "DENY"
            assert "server" not in headers


def test_no_page_holds_a_script_or_a_style(page: Page) -> None:
    with page.signed_in("anna") as client:
        for path in (
            "/",
            "/login",
            "/page/password",
            "/page/people",
            "/docs",
            "/page/x",
            "/logout",
            "/review",
            "/page/groups",
            "/find?q=1",
            "/page/runs",
            "/page/doctor",
            "/page/settings",
            "/page/pick-lists",
            "/page/reports",
        ):
            text = client.get(path).text
            assert not re.search(
                r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|javascript:", text
            )
            sources = re.findall(r'(?:src|href|action)="([^"]*)"', text)
            assert all(one.startswith(("/", "#")) for one in sources), sources


def test_what_people_type_comes_back_as_text(page: Page) -> None:
    with page.client() as client:
        answer = sign_in(client, "<script>alert(1)</script>", "x")
    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;" in answer.text


def test_pages_are_kept_by_no_cache_and_files_for_ever(page: Page) -> None:
    with page.signed_in("rita") as client:
        assert client.get("/").headers["cache-control"] == "no-store"
        sheet = re.findall(r'href="([^"]*page.css[^"]*)"', client.get("/").text)[0]
        assert "immutable" in client.get(sheet).headers["cache-control"]


# Ids and paths


@pytest.mark.parametrize(
    "path",
    [
        "/page/static/../app.py", "/page/static/..%2fapp.py", "/page/static/%2e%2e/app.py",
        "/page/static//etc/passwd", "/page/static/..\\app.py", "/page/static/%00", "/page/static/",
        "/page/static/vendor", "/../../etc/passwd",
    ],
)  # fmt: skip
def test_no_path_leads_out_of_the_files_of_the_page(page: Page, path: str) -> None:
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    answer = page.raw(request)
    assert answer.split(b" ", 2)[1] in (b"404", b"405", b"303", b"400")
    assert b"root:" not in answer
    assert b"import" not in answer


def test_an_id_is_a_number_or_nothing(page: Page) -> None:
    with page.signed_in("anna") as client:
        form = hidden_fields(client.get("/page/password").text)
        assert client.post("/page/people/999999/link", data=form).status_code == 404
        for number in ("0", "-1", "1%27", "x", "1e9", "99999999999999999999999"):
            answer = client.post(f"/page/people/{number}/link", data=form)
            assert answer.status_code in (400, 404)


@pytest.mark.parametrize(
    "number", ["0", "-1", "1.0", "1e3", "x", "..%2f..%2fetc%2fpasswd", "%00", "9" * 30, "999999"]
)
def test_a_photo_is_asked_for_by_its_number_and_never_by_a_path(page: Page, number: str) -> None:
    with page.signed_in("anna") as client:
        for path in (f"/photos/{number}", f"/photos/{number}/image", f"/page/review/{number}"):
            answer = client.get(path)
            assert answer.status_code in (400, 404, 503), path
            assert "root:" not in answer.text


# Keys


def test_a_key_opens_what_its_role_may_and_nothing_once_revoked(page: Page) -> None:
    key = page.add_key("shop")
    with page.client() as client:
        assert client.get("/version", headers={"x-api-key": key}).status_code == 200
        assert client.get("/version", headers={"authorization": f"Bearer {key}"}).status_code == 200
        assert client.get("/page/people", headers={"x-api-key": key}).status_code == 403
        assert page.command("key", "revoke", "shop").returncode == 0
        answer = client.get("/version", headers={"x-api-key": key})
    assert (answer.status_code, answer.json()["code"]) == (401, "unknown_key")
    assert key.encode() not in web_db(page).read_bytes()
    assert key not in page.log_file.read_text()


def test_a_key_says_more_of_the_health_and_a_wrong_one_says_401(page: Page) -> None:
    key = page.add_key("monitor")
    with page.client() as client:
        bare = client.get("/health")
        assert list(bare.json()) == ["status", "model_loaded", "model", "timestamp"]
        full = client.get("/health", headers={"x-api-key": key}).json()
        assert set(full) > {"uptime_seconds", "version", "queue", "problems"}
        for wrong in ("", "x", key[:-1], "ü"):
            header = {"x-api-key": wrong.encode("utf-8")}
            assert client.get("/version", headers=header).status_code == 401  # type: ignore[arg-type]


def test_who_balances_loads_asks_with_head_and_gets_no_body(page: Page) -> None:
    for path in ("/health", "/health/live", "/login"):
        head = f"HEAD {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        last = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        first, _, rest = page.raw(head + last).partition(b"\r\n\r\n")
        assert first.split(b" ", 2)[1] in (b"200", b"503"), path
        assert rest.startswith(b"HTTP/1.1 200 "), path


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (b"FOO /classes HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "malformed"),
        (b"hello\r\n\r\n", 400, "malformed"),
        (b"GET / HTTP/1.1\r\nX: " + 500_000 * b"x", 431, "headers_too_large"),
    ],
)
def test_what_is_no_request_is_told_so_as_any_other_problem(
    page: Page, request_: bytes, status: int, code: str
) -> None:
    head, _, body = page.raw(request_).partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert f"content-type: {JSON_PROBLEM}".encode() in head
    assert json.loads(body)["code"] == code


def test_a_key_has_limits_and_is_told_what_is_left(tmp_path: Path) -> None:
    page = Page.make(tmp_path / "web", settings="[api]\nreads_per_minute = 3\n")
    headers = {"x-api-key": page.add_key("shop")}
    with page.serving(), page.client(headers=headers) as client:
        first, *_, last = [client.get("/version") for _ in range(4)]
    assert first.headers["ratelimit"] == '"reads";r=2;t=60'
    assert first.headers["ratelimit-policy"] == '"reads";q=3;w=60'
    assert first.headers["ratelimit-remaining"] == "2"
    assert (last.status_code, last.json()["code"]) == (429, "too_many")
    assert 1 <= int(last.headers["retry-after"]) <= 61
    assert last.headers["ratelimit"].startswith('"reads";r=0')


# Where it listens


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0"])
def test_it_does_not_listen_for_others_unencrypted(tmp_path: Path, listen: str) -> None:
    page = Page.make(tmp_path / "web", web=f'listen = "{listen}"')
    done = page.command()
    assert done.returncode == 78
    assert "nightsort web certificate" in done.stderr
    assert "trusted_proxies" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_unencrypted_beside_a_proxy_it_talks_to_that_proxy_alone(tmp_path: Path) -> None:
    page = Page.make(tmp_path / "web", web='listen = "0.0.0.0:0"\ntrusted_proxies = ["127.0.0.9"]')
    own = own_address()
    with page.serving():
        there = page.url.replace("127.0.0.1", own)
        answer = httpx.get(f"{there}/login")
        assert (answer.status_code, answer.json()["code"]) == (403, "not_through_proxy")
        with page.client(transport=httpx.HTTPTransport(local_address="127.0.0.9")) as proxy:
            assert proxy.get("/login").status_code == 200


def own_address() -> str:
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but its loopback")
        return str(asking.getsockname()[0])


def test_only_a_named_proxy_is_believed_and_only_its_own_word(tmp_path: Path) -> None:
    page = Page.make(tmp_path / "web", web='trusted_proxies = ["127.0.0.9"]')
    forged = {"x-forwarded-for": "6.6.6.6, 10.1.2.3", "x-forwarded-proto": "https"}
    with page.serving():
        with page.client() as anybody:
            anybody.get("/login", headers=forged)
        with page.client(transport=httpx.HTTPTransport(local_address="127.0.0.9")) as proxy:
            cookie = proxy.get("/login", headers=forged).headers["set-cookie"]
        # A line is in the log when its answer has gone.
        eventually(lambda: len(page.events("request_served")) >= 2)
        seen = [one["address"] for one in page.events("request_served")]
    assert seen == ["127.0.0.1", "10.1.2.3"]
    assert cookie.startswith("__Host-nightsort-form=")
    assert "Secure" in cookie


def test_failures_behind_one_proxy_lock_out_nobody_else(tmp_path: Path) -> None:
    page = Page.make(tmp_path / "web", web='trusted_proxies = ["127.0.0.9"]')
    page.add_user("anna")
    transport = httpx.HTTPTransport(local_address="127.0.0.9")
    with page.serving(), page.client(transport=transport) as proxy:
        for n in range(8):
            sign_in(proxy, "anna", f"guess {n}", headers={"x-forwarded-for": "10.6.6.6"})
        proxy.headers["x-forwarded-for"] = "10.1.1.1"
        assert sign_in(proxy, "anna").status_code == 303


def test_below_a_path_everything_stays_below_it(tmp_path: Path) -> None:
    page = Page.make(
        tmp_path / "web",
        web='public_url = "https://box.example.com/sort"\ntrusted_proxies = ["127.0.0.9"]',
    )
    page.add_user("anna")
    transport = httpx.HTTPTransport(local_address="127.0.0.9")
    proxied = {"host": "box.example.com", "x-forwarded-proto": "https"}
    with page.serving(), page.client(transport=transport, headers=proxied) as client:
        for prefix in ("/sort", ""):  # a proxy may take the path away, or not
            seen = client.get(f"{prefix}/")
            assert (seen.status_code, seen.headers["location"]) == (303, "/sort/login?next=/")
            text = client.get(f"{prefix}/login").text
            sources = re.findall(r'(?:src|href|action)="(/[^"]*)"', text)
            assert len(sources) > 3
            assert all(one.startswith("/sort/") for one in sources)
            sheet = next(one for one in sources if "page.css" in one)
            assert client.get(prefix + sheet.removeprefix("/sort")).status_code == 200
            assert client.get(f"{prefix}/openapi.json").status_code == 200
        cookie = client.get("/sort/login").headers["set-cookie"]
        assert cookie.startswith("__Secure-nightsort-form=")
        assert "Path=/sort" in cookie


# Hostile requests


def test_a_body_that_says_it_is_too_long_is_refused_before_it_is_read(page: Page) -> None:
    head = b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000000\r\n"
    head += b"Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    began = time.monotonic()
    answer = page.raw(head)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer.lower()
    assert time.monotonic() - began < 5


def test_whoever_sends_it_all_before_listening_gets_the_answer_all_the_same(page: Page) -> None:
    """Not a reset in its place, which a proxy would tell people as 502."""
    head = b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8000000\r\n"
    head += b"Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    answer = page.raw(head + bytes(8_000_000))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"too_large" in answer


def test_a_body_that_does_not_say_is_refused_at_the_limit(page: Page) -> None:
    head = HEAD + b"Content-Type: application/x-www-form-urlencoded\r\n"
    chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    answer = page.raw(head + b"Transfer-Encoding: chunked\r\n\r\n" + 50 * chunk)
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_nobody_unknown_makes_it_read_a_body(page: Page) -> None:
    head = b"POST /page/people/1/link HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000\r\n"
    answer = page.raw(head + b"Content-Type: multipart/form-data; boundary=x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 303 ")
    assert b"connection: close" in answer.lower()


@pytest.mark.parametrize(
    "begun",
    [b"", b"GET /login HTT", b"GET /login HTTP/1.1\r\nHost: localhost\r\nX: "],
    ids=["nothing", "half a line", "half a header"],
)
def test_a_client_that_does_not_go_on_is_not_waited_for(page: Page, begun: bytes) -> None:
    began = time.monotonic()
    page.raw(begun, within_s=40)
    assert 5 < time.monotonic() - began < 30


def test_a_body_that_does_not_come_is_not_waited_for(page: Page) -> None:
    head = b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n"
    head += b"Content-Type: application/x-www-form-urlencoded\r\n\r\nname="
    answer = page.raw(head)
    assert answer.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /login HTTP/1.1\r\nHost: localhost\r\n" + b"X-Long: " + b"y" * 200_000 + b"\r\n\r\n",
        b"GET /" + b"y" * 200_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 10,
        b"GET /login HTTP/1.1\r\nHost: a\r\nHost: localhost\r\n\r\n",
    ],
    ids=["long header", "long path", "smuggling", "two lengths", "tls", "two hosts"],
)
def test_what_is_no_proper_request_is_refused_and_the_next_one_served(
    page: Page, request_bytes: bytes
) -> None:
    answer = page.raw(request_bytes)
    assert answer.startswith(b"HTTP/1.1 4") or answer == b""
    with page.client() as client:
        assert client.get("/health/live").status_code == 200


def test_idle_connections_keep_nobody_out(page: Page) -> None:
    import socket

    port = int(page.url.rpartition(":")[2])
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(450)]
    try:
        with page.client() as client:
            assert client.get("/health/live").status_code == 200
    finally:
        for one in idle:
            one.close()


def test_what_was_not_foreseen_tells_nothing(page: Page) -> None:
    with page.client() as client:
        for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "FOO"):
            answer = client.request(method, "/health")
            assert answer.status_code in (400, 403, 405)
            assert "Traceback" not in answer.text
        lost = client.get("/nothing/here")
    assert (lost.status_code, lost.headers["content-type"], lost.json()["code"]) == (
        404, JSON_PROBLEM, "not_found",
    )  # fmt: skip


# Every act is in the log


def test_sign_ins_and_what_people_do_are_in_the_log_with_their_name(page: Page) -> None:
    with page.signed_in("rita") as client:
        client.get("/")
        request = client.get("/").headers["x-request-id"]
        client.post("/logout", data=hidden_fields(client.get("/logout").text))
    with page.client() as client:
        sign_in(client, "rita", "wrong")
    names = {one["event"]: one for one in page.events() if one.get("who") == "rita"}
    assert {"signed_in", "signed_out", "sign_in_refused"} <= set(names)
    (served,) = [one for one in page.events("request_served") if one["request"] == request]
    assert (served["caller"], served["path"], served["status"]) == ("person:rita", "/", 200)


def test_calls_of_the_api_are_kept_by_template_and_key_and_nothing_personal(alone: Page) -> None:
    key = alone.add_key("shop")
    with alone.serving(), alone.client() as client:
        client.get("/version", headers={"x-api-key": key})
        client.get("/health/live")
        client.get("/there/is/nothing/of/anna")
    with closing(sqlite3.connect(web_db(alone))) as db:
        calls = db.execute("SELECT path, status, key FROM api_calls ORDER BY at").fetchall()
    assert calls == [("/version", 200, "shop"), ("/health/live", 200, ""), ("unmatched", 404, "")]
