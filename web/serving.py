"""The process: listens, serves until it is told to end, and does its chores beside the requests."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from functools import partial
from types import FrameType

import structlog
import uvicorn

from config.errors import NightsortError
from config.settings import Settings
from web import certificate
from web.addresses import Addresses
from web.app import build
from web.database import WebStore
from web.folder import own_folder, serving_from
from web.listening import Listening, bind, plan
from web.live import LOOK_SECONDS, Listeners
from web.predictions import IDLE_SECONDS
from web.protocol import BoundedProtocol
from web.reading.acts import Doing, tell_acts
from web.reading.fleet import REFRESH_SECONDS, Fleet
from web.reading.open_histories import HISTORIES, KEPT_SECONDS
from web.reading.state import is_running
from web.reading.system import Notifier
from web.site import Site
from web.static_files import pack
from web.templating import FIRST
from web.tls import Tls

log = structlog.get_logger()

WRITE_CALLS_SECONDS = 5.0
SWEEP_SECONDS = 3600.0
FORGET_SECONDS = 60.0
TELL_SECONDS = 5.0
_ACTS_AT_ONCE = 500
# A tenth of the weight of others.
NICENESS = 10
# How long requests under way may take when the process is told to end.
LAST_SECONDS = 5


def serve(
    settings: Settings,
    show_link: Callable[[str, str], None] | None,
    fleet: Fleet | None = None,
) -> None:
    """Serve page and API until SIGTERM or Ctrl-C.

    show_link: shows the address and the first one-time link to the person at the terminal.
    fleet: what is shown instead of a station.
    Raises ConfigError for settings that cannot be, RefusedError for what is not possible now.
    """
    _be_modest()
    folder = own_folder(settings.state_dir)
    made = certificate.found(folder)
    listening = plan(settings.web, made.files if made else None)
    tls = None if listening.tls is None else Tls(listening.tls, folder)
    notifier = Notifier.from_environment(os.environ)
    with ExitStack() as held:
        held.enter_context(serving_from(folder))
        listener = held.enter_context(bind(listening))
        store = WebStore.open(folder)
        held.callback(store.close)
        _take_back(store, settings)
        addresses = Addresses.of(settings.web, made.names if made else ())
        site = Site.make(settings, store, addresses, fleet)
        held.callback(site.pictures.close)
        port = int(listener.getsockname()[1])

        def tell() -> None:
            _tell(site, listening, port, notifier, show_link)

        chores = _Chores(site, tls, notifier)
        app = build(site, chores.beside, only_proxies=listening.only_proxies)
        _Server(_config(app, tls), tell, notifier, site.listeners).run([listener])
        log.info("web_stopped")


def _be_modest() -> None:
    """Let sorting come first for the processor: this costs nothing where nobody sorts."""
    with suppress(OSError):  # systemd's unit denies it, and gives the page less weight as a whole
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)


def _take_back(store: WebStore, settings: Settings) -> None:
    done = store.take_back(settings.state_dir)
    if done.accounts or done.keys:
        log.warning("people_taken_back", accounts=done.accounts, keys=done.keys)


def _config(app: object, tls: Tls | None) -> uvicorn.Config:
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]
        http=BoundedProtocol,
        ws="none",
        lifespan="on",
        log_config=None,  # ours: warnings and worse reach the log, its lines of access do not
        access_log=False,
        proxy_headers=False,  # `web.addresses` believes less
        server_header=False,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=LAST_SECONDS,
    )
    config.load()
    config.ssl = None if tls is None else tls.context
    return config


def _tell(
    site: Site,
    listening: Listening,
    port: int,
    notifier: Notifier,
    show_link: Callable[[str, str], None] | None,
) -> None:
    """Say that requests are answered now, and where."""
    url = f"{site.settings.web.public_url or listening.url(port)}/"
    log.info("web_started", url=url, listen=f"{listening.host}:{port}", tls=bool(listening.tls))
    notifier.ready()
    notifier.status(f"serving {url}")
    if show_link is not None:
        secret = site.store.links.make_first()
        show_link(url, "" if secret is None else f"{url}page/link/{secret}")


class _Server(uvicorn.Server):
    """uvicorn's, which says when it is ready, and ends with exit code 0 when told to end."""

    def __init__(
        self,
        config: uvicorn.Config,
        tell: Callable[[], None],
        notifier: Notifier,
        listeners: Listeners,
    ) -> None:
        super().__init__(config)
        self._tell = tell
        self._notifier = notifier
        self._listeners = listeners

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        await super().startup(sockets)  # type: ignore[arg-type]
        if self.started:
            self._tell()

    async def shutdown(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        self._notifier.stopping(LAST_SECONDS * 2)
        self._listeners.end()  # else they would be waited for, as requests under way
        await super().shutdown(sockets)  # type: ignore[arg-type]

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Uvicorn's would raise them again afterwards, and what follows would not be done."""
        before = {
            one: signal.signal(one, self._told_to_end) for one in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)

    def _told_to_end(self, _signal: int, _frame: FrameType | None) -> None:
        self.force_exit = self.should_exit  # twice means: at once
        self.should_exit = True


async def again_and_again(seconds: float, chore: Callable[[], Awaitable[None]]) -> None:
    """Do it until cancelled, whatever fails in it: that is told once, until it is another thing."""
    failure = ""
    while True:
        try:
            await chore()
        except Exception as exc:
            if repr(exc) != failure:
                failure = repr(exc)
                if isinstance(exc, NightsortError):
                    log.warning("chore_failed", why=str(exc))
                else:
                    log.critical("defect_met", exc_info=True)
        else:
            failure = ""
        await asyncio.sleep(seconds)


async def _close_idle() -> None:
    """Histories that nobody asked for a while; not in the loop, as their disk may take its time."""
    if len(HISTORIES):
        await asyncio.to_thread(HISTORIES.close_idle)


class _Chores:
    """What is done beside the requests; each chore that fails is done again the next time."""

    def __init__(self, site: Site, tls: Tls | None, notifier: Notifier) -> None:
        self._site = site
        self._tls = tls
        self._notifier = notifier

    @asynccontextmanager
    async def beside(self) -> AsyncIterator[None]:
        """Do them until the end of the `with` block, and write what is left to write."""
        chores: list[tuple[float, Callable[[], Awaitable[None]]]] = [
            (WRITE_CALLS_SECONDS, partial(asyncio.to_thread, self._site.recorder.write)),
            (SWEEP_SECONDS, partial(asyncio.to_thread, self._sweep)),
            *self._of_kind(),
        ]
        tasks = [asyncio.create_task(again_and_again(*chore)) for chore in chores]
        tasks.append(asyncio.create_task(self._feed_watchdog()))
        tasks.append(asyncio.create_task(asyncio.to_thread(self._make_ready)))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.to_thread(self._site.predictor.stop)
            await asyncio.to_thread(self._site.recorder.write)

    def _of_kind(self) -> list[tuple[float, Callable[[], Awaitable[None]]]]:
        """What a station's page does, or the fleet's."""
        if (fleet := self._site.fleet) is not None:
            return [
                (REFRESH_SECONDS, partial(asyncio.to_thread, fleet.refresh)),
                (TELL_SECONDS, partial(asyncio.to_thread, self._drop_acts)),
            ]
        return [
            (FORGET_SECONDS, partial(asyncio.to_thread, self._site.pictures.clear_forgotten)),
            (TELL_SECONDS, partial(asyncio.to_thread, self._tell_acts)),
            (LOOK_SECONDS, self._site.listeners.turn),
            (KEPT_SECONDS, _close_idle),
            (IDLE_SECONDS, partial(asyncio.to_thread, self._site.predictor.end_idle)),
        ]

    async def _feed_watchdog(self) -> None:
        """As long as the loop turns; when it stands still, systemd starts the page again."""
        while self._notifier.watchdog_seconds is not None:
            self._notifier.ping()
            await asyncio.sleep(self._notifier.watchdog_seconds / 4)

    def _make_ready(self) -> None:
        """What whoever comes first would else wait for."""
        pack()
        for name in FIRST:
            self._site.templates.get_template(name)

    def _tell_acts(self) -> None:
        """The audit chain is the daemon's; while none runs they wait."""
        store, state_dir = self._site.store, self._site.settings.state_dir
        untold = store.acts.untold(_ACTS_AT_ONCE)
        if untold and is_running(state_dir):
            store.acts.told(tell_acts(state_dir, store.connection.page_id(), untold))

    def _drop_acts(self) -> None:
        """Here is no audit chain that they go to: the log has them, of commands from here on."""
        untold = self._site.store.acts.untold(_ACTS_AT_ONCE)
        for act in untold:
            if act.doing is not Doing.SIGN_IN:
                log.info(
                    "access_changed", doing=act.doing, whom=act.whom, role=act.role, by=act.person
                )
        if untold:
            self._site.store.acts.told(untold[-1].number)

    def _sweep(self) -> None:
        store, settings = self._site.store, self._site.settings
        _take_back(store, settings)
        store.sessions.sweep(settings.web.session_hours)
        store.links.sweep()
        store.failures.sweep()
        store.prints.sweep(settings.retention.people_days)
        store.calls.sweep(settings.retention.api_days)
        if self._tls is not None:
            self._tls.look()


def is_terminal() -> bool:
    """Whether a person sees what is written: a secret may be shown there, and nowhere else."""
    return sys.stderr.isatty()
