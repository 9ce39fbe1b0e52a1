"""The application over the history of a core, asked without a socket between.

with reviewed(tmp_path) as desk:
    desk.core.drop("odd.png", tiny_photo("review", 1))
    desk.core.drain()
    desk.get("/reviews").json()
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx

from config.settings import Settings
from daemon.folders.adoption import MARKER
from tests.support.core import Core
from web.addresses import Addresses
from web.app import application
from web.database import WebStore
from web.folder import own_folder
from web.front import Front
from web.roles import Role
from web.site import Site


class SiteDesk:
    """A page; asked with a key of the role `reader`."""

    def __init__(self, site: Site, key: str = "shop") -> None:
        self.site = site
        self._app = Front(application(site), site, only_proxies=False)
        self._key = site.store.keys.add(key, Role.READER)

    def get(self, path: str, **headers: str) -> httpx.Response:
        """The answer to this reader."""
        return self.ask("GET", path, headers=headers)

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """The answer to this reader's request."""
        headers = {"x-api-key": self._key, **options.pop("headers", {})}
        return self._asked("127.0.0.1", method, path, headers=headers, **options)

    def ask_from(self, address: str, path: str, **headers: str) -> httpx.Response:
        """The answer to somebody who has not signed in, at that address."""
        return self._asked(address, "GET", path, headers=headers)

    def _asked(self, address: str, method: str, path: str, **options: Any) -> httpx.Response:
        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(
                self._app, raise_app_exceptions=False, client=(address, 50000)
            )
            async with httpx.AsyncClient(
                transport=transport, base_url="http://localhost"
            ) as client:
                return await client.request(method, path, **options)

        return asyncio.run(asked())


class WebDesk(SiteDesk):
    """A core, and the page over it."""

    def __init__(self, core: Core, site: Site, key: str = "shop") -> None:
        super().__init__(site, key)
        self.core = core


@contextmanager
def reviewed(folder: Path, web: dict[str, Any] | None = None, **options: Any) -> Iterator[WebDesk]:
    """A core whose history a page reads, until the end of the `with` block.

    web: its table of the settings; options: of the core.
    """
    keys = {"incoming": "incoming_dir", "sorted": "sorted_dir", "results": "results_dir"}
    folders = {key: folder / name for name, key in keys.items()}
    api = {"reads_per_minute": 10_000}
    settings = Settings.model_validate(
        {**folders, "state_dir": folder / "state", "api": api, "web": web or {}}
    )
    core = Core(folder, inline=True, **options)
    for folder_of in (core.incoming, core.sorted):
        (folder_of / MARKER).write_text("adopted", "utf-8")
    try:
        with closing(WebStore.open(own_folder(core.state))) as store:
            site = Site.make(settings, store, Addresses.of(settings.web))
            with closing(site.pictures):
                yield WebDesk(core, site)
    finally:
        core.stop()
