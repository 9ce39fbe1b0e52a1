"""What surrounds every request: overload, defects, unread bodies, languages of errors."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from config.errors import DiskFull
from config.settings import Settings
from web import front
from web.access import open_to_all
from web.addresses import Addresses
from web.app import application
from web.database import Session, WebStore
from web.database.sessions import Sessions
from web.front import Front
from web.roles import Role
from web.routes import router
from web.site import Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    keys = ("incoming_dir", "sorted_dir", "results_dir", "state_dir")
    settings = Settings.model_validate({key: tmp_path / key for key in keys})
    with closing(WebStore.open(tmp_path)) as store:
        yield Site.make(settings, store, Addresses.of(settings.web))


def asked(app: ASGIApp, *paths: str, **options: object) -> list[httpx.Response]:
    """Answers to requests that all come at the same time."""

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await asyncio.gather(*(client.get(path, **options) for path in paths))  # type: ignore[arg-type]

    return asyncio.run(ask())


def slow(_seconds: float) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(_seconds)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    return app


def test_what_is_too_much_is_told_so_at_once_and_the_rest_is_answered(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front, "MOST_AT_ONCE", 3)
    app = Front(slow(0.2), site, only_proxies=False)
    answers = asked(app, *["/classes"] * 5, "/health/live")
    assert [one.status_code for one in answers] == [200, 200, 200, 503, 503, 200]
    shed = answers[3]
    assert shed.headers["content-type"] == "application/problem+json"
    assert (shed.json()["code"], int(shed.headers["retry-after"])) == ("busy", 2)
    assert asked(app, "/classes")[0].status_code == 200


def test_a_defect_is_logged_with_its_traceback_and_told_without(site: Site) -> None:
    async def defect(scope: Scope, receive: Receive, send: Send) -> None:
        raise ZeroDivisionError("a secret detail")

    with structlog.testing.capture_logs() as said:
        (answer,) = asked(Front(defect, site, only_proxies=False), "/version")
    assert (answer.status_code, answer.json()["code"]) == (500, "failed")
    assert "secret" not in answer.text
    assert answer.headers["x-request-id"] in answer.json()["detail"]
    assert [one["log_level"] for one in said if one["event"] == "request_failed"] == ["error"]


def test_while_the_disk_refuses_it_says_so_and_when_to_come_again(site: Site) -> None:
    routes = router()

    @routes.get("/full")
    @open_to_all()
    def full() -> None:
        raise DiskFull("state_dir/web: no space left; free some on that disk")

    app = application(site)
    app.include_router(routes)
    (answer,) = asked(Front(app, site, only_proxies=False), "/full")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "no space left" in answer.json()["detail"]
    assert int(answer.headers["retry-after"]) >= 1


def test_while_the_disk_refuses_people_look_on(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_sessions: Sessions, _session: Session) -> None:
        raise DiskFull("state_dir/web: no space left; free some on that disk")

    before = Sessions(site.store.connection, lambda: time.time() - 3600)
    secret = before.begin(site.store.accounts.add("anna", Role.CLERK, "hash"))
    monkeypatch.setattr(Sessions, "note", refuse)
    app = Front(application(site), site, only_proxies=False)
    cookie = {"cookie": f"nightsort-session={secret}"}
    (answer,) = asked(app, "/page/password", headers=cookie)
    assert answer.status_code == 200


def test_people_read_errors_in_their_language_and_programs_in_json(site: Site) -> None:
    app = Front(application(site), site, only_proxies=False)
    page, api = asked(app, "/page/nothing", "/nothing", headers={"accept-language": "de"})
    assert page.status_code == api.status_code == 404
    assert "Hier ist nichts" in page.text
    assert page.headers["content-language"] == "de"
    assert api.json()["code"] == "not_found"


def test_a_role_that_is_too_weak_is_told_in_the_language_of_the_browser(site: Site) -> None:
    rita = site.store.sessions.begin(site.store.accounts.add("rita", Role.READER, "hash"))
    app = Front(application(site), site, only_proxies=False)
    asking = {"accept-language": "de", "cookie": f"nightsort-session={rita}"}
    (answer,) = asked(app, "/page/people", headers=asking)
    assert answer.status_code == 403
    assert "Ihre Rolle erlaubt das nicht." in answer.text
    assert "needs the role" not in answer.text


def test_files_of_the_page_are_no_calls_of_the_api(site: Site) -> None:
    app = Front(application(site), site, only_proxies=False)
    with structlog.testing.capture_logs() as said:
        answers = asked(app, "/page/static/page.css", "/health/live", "/page/static/x")
    assert [one.status_code for one in answers] == [200, 200, 404]
    site.recorder.write()
    assert [one.path for one in site.store.calls.since(0)] == ["/health/live"]
    assert not [one for one in said if one["event"] == "request_served"]
