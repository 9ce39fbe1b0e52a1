"""What each clerk does: looks at what waits, with its pictures, decides, looks up and around.

Run by Locust, in an environment without nightsort: name and password come by the environment.
"""

from __future__ import annotations

import os
import random
import re

from gevent.lock import Semaphore
from locust import HttpUser, between, task

_SHED = 503
# By another of them; or the daemon, which is there for the drain alone, is not there (yet).
_NOT_DONE = (409, 503)
_SIGNING_IN = Semaphore()
_COOKIES: dict[str, str] = {}
_NAME, _PASSWORD = os.environ["NAME"], os.environ["PASSWORD"]


class Clerk(HttpUser):
    """Somebody who clicks once in a second or two."""

    wait_time = between(1, 3)

    def on_start(self) -> None:
        """Sign in, as people do; the first for all: many at once from one place would be slowed."""
        with _SIGNING_IN:
            if not _COOKIES:
                token = _token(self.client.get("/login").text)
                form = {"token": token, "next": "/", "name": _NAME, "password": _PASSWORD}
                self.client.post("/login", data=form, name="/login")
                _COOKIES.update(self.client.cookies.get_dict())
        self.client.cookies.update(_COOKIES)

    @task(4)
    def review(self) -> None:
        """What waits, with the pictures that are seen of it; one of them is decided."""
        text = self._page("/review")
        for picture in re.findall(r'src="(/photos/\d+/image[^"]*)"', text)[:8]:
            self._page(picture, "/photos/{id}/image")
        photo, said = re.search(r'data-photo="(\d+)" data-said="(\d+)"', text), random.random()
        if photo is not None and said < 0.5:
            self._decide(photo, _token(text))

    @task(2)
    def home(self) -> None:
        """How it is, and its part that renews itself."""
        self._page("/")
        self._page("/page/now")

    @task(1)
    def groups(self) -> None:
        """What waits, in groups."""
        self._page("/page/groups")

    @task(1)
    def look_up(self) -> None:
        """A return, a run."""
        self._page(f"/find?q={random.randrange(1000)}", "/find")
        self._page("/page/runs")

    def _decide(self, photo: re.Match[str], token: str) -> None:
        body = {"decision": "agree", "upon": int(photo[2])}
        with self.client.post(
            f"/photos/{photo[1]}/decision", json=body, headers={"X-CSRF-Token": token},
            name="/photos/{id}/decision", catch_response=True,
        ) as answer:  # fmt: skip
            if answer.status_code in _NOT_DONE:
                answer.success()

    def _page(self, path: str, name: str = "") -> str:
        with self.client.get(path, name=name or path, catch_response=True) as answer:
            if answer.status_code == _SHED:
                answer.failure("shed: 503")
            return str(answer.text) if "text" in answer.headers.get("content-type", "") else ""


def _token(page: str) -> str:
    found = re.findall(r'name="token" value="([^"]+)"', page)
    return str(found[-1]) if found else ""
