"""A fleet: stations with a history of their own, mirrored to one PostgreSQL, and the page over it.

with fleet_of(tmp_path, server) as fleet:
    fleet.night("berlin", *range(5))
    fleet.say("berlin", problems=["a disk is nearly full"])
    fleet.desk.get("/fleet").json()
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from config.settings import Settings
from config.value import ValueSettings
from daemon.mirror.copier import Copier
from daemon.mirror.postgres import connect
from daemon.mirror.saying import Saying
from daemon.store.facts import PRESENCE
from tests.support.core import tiny_photo
from tests.support.documents import part_of_status
from tests.support.postgres import Cluster
from tests.support.shop import Shop
from tests.support.web_core import SiteDesk
from web.addresses import Addresses
from web.database import WebStore
from web.folder import own_folder
from web.reading.fleet import Fleet
from web.site import Site

DATABASE = "fleet"


class Stations(NamedTuple):
    """Stations, and what head office sees of them."""

    folder: Path
    server: Cluster
    shops: dict[str, Shop]
    desk: SiteDesk

    def shop(self, station: str) -> Shop:
        """The box of that station; made when it is first asked for, three nights ago."""
        if station not in self.shops:
            shop = Shop(self.folder / station)
            shop.store.facts.remember(PRESENCE, {"instance": uuid4().hex, "folders": {}})
            shop.clock.set_wall_clock(datetime.now(UTC) - timedelta(days=3))
            self.shops[station] = shop
        return self.shops[station]

    def night(self, station: str, *numbers: int, category: str = "Shirts") -> None:
        """Photos come and are sorted there, and it copies that; a day passes."""
        shop = self.shop(station)
        for number in numbers:
            shop.drop(f"return-60{number:03}_front.png", tiny_photo(category, number))
        shop.drain()
        shop.clock.advance(86_400.0)
        self.copy(station)

    def copy(self, station: str, role: str = "test") -> None:
        """The station copies what there is to be copied."""
        with closing(connect(self.server.address(DATABASE, role))) as postgres:
            copier = Copier(self.shop(station).store, postgres, station)
            while copier.step():
                pass

    def say(self, station: str, value: ValueSettings | None = None, **known: Any) -> None:
        """The station says how it is."""
        shop = self.shop(station)
        status: dict[str, Any] = {
            "state": "waiting", "problems": [], "model": "fashion 2026.11.4", "alerts": {},
            "queue": {"waiting": 0, "settling": 0, "retrying": 0},
            "undecided": shop.store.history.undecided(),
        }  # fmt: skip
        saying = Saying(value or ValueSettings(), shop.clock.now)
        saying.take(part_of_status(**status | known))
        with closing(connect(self.server.address(DATABASE))) as postgres:
            saying.say(Copier(shop.store, postgres, station), shop.store)

    def unheard(self, station: str, seconds: float) -> None:
        """So long ago it said how it is."""
        self.server.ask(
            DATABASE,
            f"UPDATE nightsort.states SET seen_at = now() - make_interval(secs => {seconds})"
            f" WHERE station = '{station}'",
        )

    def look(self) -> None:
        """Head office reads the mirror."""
        assert self.desk.site.fleet is not None
        self.desk.site.fleet.refresh()


@contextmanager
def fleet_of(folder: Path, server: Cluster, role: str = "test") -> Iterator[Stations]:
    """Stations and their page, until the end of the `with` block; it reads as `role`."""
    server.new_database(DATABASE)
    address = server.address(DATABASE, role)
    office = folder / "office"
    folders = {f"{name}_dir": office / name for name in ("incoming", "sorted", "results", "state")}
    settings = Settings.model_validate(
        {**folders, "fleet": {"postgres": address}, "api": {"reads_per_minute": 10_000}}
    )
    with ExitStack() as held:
        store = held.enter_context(closing(WebStore.open(own_folder(settings.state_dir))))
        addresses = Addresses.of(settings.web)
        site = Site.make(settings, store, addresses, Fleet(settings))
        held.enter_context(closing(site.pictures))
        stations = Stations(folder, server, {}, SiteDesk(site))
        try:
            yield stations
        finally:
            for shop in stations.shops.values():
                shop.stop()
