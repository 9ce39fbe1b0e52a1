"""What every request may need, made once when the process starts."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from jinja2 import Environment
from starlette.requests import Request
from starlette.responses import HTMLResponse

from config import catalogue
from config.catalogue import Texts
from config.settings import Settings
from web import cookies
from web.addresses import Addresses
from web.bodies import Spool
from web.calls import LastDay, Recorder
from web.database import WebStore
from web.limits import Limits
from web.live import Listeners
from web.memory import Memory
from web.paths import local
from web.pictures import Pictures
from web.predictions import Predictor
from web.reading.dashboard import Boards
from web.reading.fleet import Fleet
from web.reading.practice import Plan, plan_in
from web.reading.quoted import quoted
from web.reading.state import mark
from web.roles import Caller, Role
from web.static_files import version
from web.templating import TEXTS, templates
from web.tokens import Tokens

# What stands at the top of each page: path, and who sees it.
_OF_A_STATION = {
    "home": ("/", Role.READER), "review": ("/review", Role.READER),
    "find": ("/find", Role.READER), "station": ("/station", Role.READER),
    "runs": ("/page/runs", Role.READER), "picks": ("/page/pick-lists", Role.READER),
    "reports": ("/page/reports", Role.READER), "learning": ("/page/learning", Role.READER),
    "upload": ("/upload", Role.CLERK), "try": ("/page/try", Role.READER),
    "doctor": ("/page/doctor", Role.LEAD),
    "settings": ("/page/settings", Role.ADMIN),
    "people": ("/page/people", Role.ADMIN),
}  # fmt: skip
_OF_THE_FLEET = {
    "fleet": ("/", Role.READER), "doctor": ("/page/doctor", Role.LEAD),
    "people": ("/page/people", Role.ADMIN),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Site:
    """Settings, memory and looks of this page."""

    settings: Settings
    store: WebStore
    tokens: Tokens
    addresses: Addresses
    limits: Limits
    spool: Spool
    memory: Memory
    recorder: Recorder
    last_day: LastDay
    pictures: Pictures
    boards: Boards
    listeners: Listeners
    predictor: Predictor
    languages: dict[str, Texts]
    templates: Environment
    fleet: Fleet | None = None  # None: this is one station's page
    practice: Plan | None = None  # None: this is no practice, as everywhere but on such a share
    began: float = field(default_factory=time.monotonic)

    @classmethod
    def make(
        cls, settings: Settings, store: WebStore, addresses: Addresses, fleet: Fleet | None = None
    ) -> Site:
        """For these settings, over this memory. fleet: what it shows instead of a station."""
        return cls(
            settings=settings,
            store=store,
            tokens=Tokens(store.connection.secret()),
            addresses=addresses,
            limits=Limits(settings.api),
            spool=Spool(),
            memory=Memory(),
            recorder=Recorder(store.calls),
            last_day=LastDay(store.calls),
            pictures=Pictures(settings),
            boards=Boards(),
            listeners=Listeners(lambda: mark(settings.state_dir)),
            predictor=Predictor(settings),
            languages=catalogue.read(TEXTS),
            templates=templates(),
            fleet=fleet,
            practice=None if fleet else plan_in(settings.state_dir),
        )

    def at(self, path: str) -> str:
        """The address of one of our paths, as browsers must ask for it."""
        return f"{self.settings.web.path}{path}"

    def texts(self, request: Request) -> Texts:
        """The sentences in the language that this browser asks for."""
        wished = request.headers.get("accept-language", "")
        return catalogue.chosen(wished, self.languages, self.settings.web.language)

    def page(
        self, request: Request, template: str, status: int = 200, **values: object
    ) -> HTMLResponse:
        """A page for people."""
        caller: Caller | None = getattr(request.state, "caller", None)
        t = self.texts(request)
        text = self.templates.get_template(template).render(
            t=t,
            quoted=partial(quoted, language=t.language),
            at=self.at,
            static=lambda name: self.at(f"/page/static/{version()}/{name}"),
            caller=caller,
            nav=self._nav(caller),
            token=self.token(request),
            contact=self.settings.contact,
            is_practice=self.practice is not None,
            here=request.url.path.removeprefix(self.settings.web.path),
            **values,
        )
        return HTMLResponse(
            text, status, {"Content-Language": t.language, "Vary": "Accept-Language, Cookie"}
        )

    def _nav(self, caller: Caller | None) -> list[tuple[str, str]]:
        """The pages that this caller may see: name and path."""
        pages = _OF_A_STATION if self.fleet is None else _OF_THE_FLEET
        return [
            (name, path)
            for name, (path, role) in pages.items()
            if caller is not None and caller.role.may(role)
        ]

    def token(self, request: Request) -> str:
        """What forms on a page for this request carry."""
        caller: Caller | None = getattr(request.state, "caller", None)
        if caller is not None and caller.session:
            return self.tokens.of_session(caller.session)
        new: str = getattr(request.state, "form", "")  # set with the answer to this request
        return self.tokens.of_form(new or cookies.read(request, "form"))

    def next_page(self, path: str) -> str:
        """Where to go after signing in, as browsers must ask for it."""
        return self.at(local(path))


def site_of(request: Request) -> Site:
    """The site that this request came to."""
    site: Any = request.app.state.site
    assert isinstance(site, Site)
    return site
