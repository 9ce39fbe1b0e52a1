"""Calls of the API in a real PostgreSQL: added up by the hour, with nobody's name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from config.mirror import MirrorSettings
from daemon.mirror.calls import Calls
from daemon.mirror.filling import fill
from daemon.mirror.postgres import connect
from daemon.mirror.thread import MirrorThread
from daemon.store.page_people import PAGE_DATABASE
from tests.integration.test_mirror import BERLIN, mirror, started
from tests.support.postgres import Cluster, cluster
from tests.support.shop import Shop
from tests.support.waiting import eventually
from web.database import WebStore
from web.database.calls import Call
from web.database.calls import Calls as PageCalls
from web.folder import own_folder

pytestmark = pytest.mark.servers

NOON = datetime(2025, 10, 13, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = started(tmp_path / "box")
    yield shop
    shop.stop()


@pytest.fixture
def address(server: Cluster, shop: Shop) -> str:
    """A database that the box has copied its history to."""
    made = server.new_database("mirror")
    mirror(shop, made)
    return made


def predicted(minutes: float, status: int = 200, milliseconds: float = 40.0) -> Call:
    at = NOON + timedelta(minutes=minutes)
    return Call(at.timestamp(), "/predict", status, milliseconds, 1000, "key of anna")


def came(shop: Shop, *calls: Call) -> None:
    with closing(WebStore.open(own_folder(shop.state))) as page:
        page.calls.add(calls)


def copy(shop: Shop, address: str, at_once: int = 1000) -> None:
    with closing(connect(address)) as postgres:
        Calls(BERLIN, shop.state, at_once).step(postgres)


def there(server: Cluster) -> list[tuple[Any, ...]]:
    return server.ask(
        "mirror",
        "SELECT to_char(hour AT TIME ZONE 'UTC', 'HH24:MI'), path, status, calls, milliseconds,"
        " slowest_milliseconds, bytes FROM nightsort.api_calls ORDER BY hour, status",
    )


@pytest.mark.parametrize("at_once", [3, 1000])
def test_they_are_there_by_the_hour_and_without_names(
    shop: Shop, server: Cluster, address: str, at_once: int
) -> None:
    came(shop, predicted(1), predicted(2, milliseconds=50.0), predicted(3, 429, 1.0))
    copy(shop, address, at_once)
    refused = ("12:00", "/predict", 429, 1, 1.0, 1.0, 1000)
    assert there(server) == [("12:00", "/predict", 200, 2, 90.0, 50.0, 2000), refused]
    came(shop, predicted(59), predicted(61), predicted(121))
    copy(shop, address, at_once)
    assert there(server) == [
        ("12:00", "/predict", 200, 3, 130.0, 50.0, 3000),
        refused,
        ("13:00", "/predict", 200, 1, 40.0, 40.0, 1000),
        ("14:00", "/predict", 200, 1, 40.0, 40.0, 1000),
    ]
    assert "anna" not in str(server.ask("mirror", "SELECT * FROM nightsort.api_calls"))


def test_what_the_page_has_let_go_of_stays_there(shop: Shop, server: Cluster, address: str) -> None:
    came(shop, predicted(1), predicted(30), predicted(61))
    copy(shop, address)
    before = there(server)
    a_day_later = (NOON + timedelta(days=1, minutes=20)).timestamp
    with closing(WebStore.open(own_folder(shop.state))) as page:
        PageCalls(page.connection, a_day_later).sweep(days=1)
        assert page.calls.count(0) == 2
    copy(shop, address)
    assert there(server) == before


def test_only_the_newest_hour_is_read_again_until_all_is_compared(
    shop: Shop, server: Cluster, address: str
) -> None:
    came(shop, predicted(1), predicted(61))
    calls = Calls(BERLIN, shop.state, pause_seconds=0.0)
    with closing(connect(address)) as postgres:
        calls.step(postgres)
        whole = there(server)
        server.ask("mirror", "DELETE FROM nightsort.api_calls")
        calls.step(postgres)
        assert there(server) == whole[1:]
        calls.begin_anew()
        calls.step(postgres)
    assert there(server) == whole


def test_a_page_that_cannot_be_read_holds_nothing_up(
    shop: Shop, server: Cluster, address: str
) -> None:
    page = shop.state / PAGE_DATABASE
    page.parent.mkdir()
    page.write_bytes(b"no database" * 1000)
    calls = Calls(BERLIN, shop.state, pause_seconds=0.0)
    with structlog.testing.capture_logs() as logs, closing(connect(address)) as postgres:
        for _ in range(2):
            calls.step(postgres)
    assert [(one["event"], one["log_level"]) for one in logs] == [("calls_not_copied", "warning")]
    assert there(server) == []


def test_they_are_whole_again_in_a_database_that_comes_back_older(
    shop: Shop, server: Cluster, address: str
) -> None:
    came(shop, predicted(1), predicted(61))
    wanted = MirrorSettings(station=BERLIN, postgres=address)
    with MirrorThread(wanted, shop.state).kept():
        eventually(lambda: len(there(server)) == 2)
        server.stop()
        server.start()
        server.ask("mirror", "DELETE FROM nightsort.api_calls")
        server.ask("mirror", "UPDATE nightsort.stations SET token = gen_random_uuid()")
        eventually(lambda: len(there(server)) == 2)


def test_who_fills_without_a_service_copies_them_too(
    shop: Shop, server: Cluster, address: str
) -> None:
    came(shop, predicted(1))
    wanted = MirrorSettings(station=BERLIN, postgres=address)
    fill(wanted, shop.store, shop.state, lambda *_: None)
    assert len(there(server)) == 1
