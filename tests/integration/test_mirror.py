"""The mirror against a real PostgreSQL: whatever happens to either side, they end up equal."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from config.mirror import MirrorSettings
from daemon.domain.alerts import Alert
from daemon.domain.examples import Brought, LookedAt
from daemon.domain.orders import Forget
from daemon.domain.photos import Fingerprint
from daemon.mirror import schema, tables
from daemon.mirror.copier import Copier
from daemon.mirror.postgres import MirrorFailed, MirrorRefused, Postgres, connect
from daemon.mirror.thread import MirrorThread
from daemon.store import Store
from daemon.store.facts import PRESENCE
from daemon.store.mirrored import MIRROR_FILL, Table
from tests.integration.test_pick_lists import updater
from tests.support.alert_samples import sample
from tests.support.core import tiny_photo
from tests.support.disks import tiny_disk
from tests.support.forgetting import SOMEBODY, orders_of
from tests.support.long import LONG
from tests.support.postgres import Cluster, cluster
from tests.support.shop import Shop
from tests.support.waiting import eventually

pytestmark = pytest.mark.servers

BERLIN = "berlin"
TABLES: tuple[Table, ...] = get_args(Table)


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


@pytest.fixture
def address(server: Cluster) -> str:
    return server.new_database("mirror")


def started(folder: Path) -> Shop:
    """A box whose daemon has given its folders its mark."""
    shop = Shop(folder)
    shop.store.facts.remember(PRESENCE, {"instance": uuid4().hex, "folders": {}})
    return shop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = started(tmp_path / "box")
    yield shop
    shop.stop()


@contextmanager
def copying(
    shop: Shop, address: str, station: str = BERLIN, batch: int = 3
) -> Iterator[tuple[Copier, Postgres]]:
    with closing(connect(address)) as postgres:
        yield Copier(shop.store, postgres, station, batch), postgres


def mirror(shop: Shop, address: str, station: str = BERLIN) -> int:
    """Copy until nothing is left; returns how many batches that took."""
    with copying(shop, address, station) as (copier, _):
        return sum(1 for _ in iter(copier.step, False))


def night(shop: Shop, *numbers: int, category: str = "Shirts") -> None:
    """Photos come, are sorted, and a day passes."""
    for number in numbers:
        shop.drop(f"return-60{number:03}_front.png", tiny_photo(category, number))
    shop.drain()
    shop.clock.advance(86_400.0)


def words(shop: Shop) -> None:
    """People say something, in every way that there is."""
    shop.corrector.correct("60001", "Tops", "anna")
    shop.corrector.correct("60002", "Tshirts", "bert")
    shop.corrector.undo("60003", "anna")


SANDALS = Brought("a" * 64, "sandals.jpg", "Sandals", "", b"features")


def told(shop: Shop, alert: Alert) -> None:
    shop.store.alerts.keep([alert])


def here(store: Store) -> dict[str, list[dict[str, Any]]]:
    """What is to be there, as JSON has it."""
    return {
        table: [_comparable(row) for row in store.mirrored.rows_after(table, None, -1)]
        for table in TABLES
    }


def there(server: Cluster, station: str = BERLIN) -> dict[str, list[dict[str, Any]]]:
    """What is there."""
    return {
        table: [
            _comparable(row)
            for (row,) in server.ask(
                "mirror",
                f"SELECT to_jsonb(one) - 'station' FROM nightsort.{table} AS one"
                f" WHERE station = '{station}' ORDER BY id",
            )
        ]
        for table in TABLES
    }


def _comparable(row: dict[str, Any]) -> dict[str, Any]:
    return {
        key: datetime.fromisoformat(value).astimezone(UTC) if _is_time(key, value) else value
        for key, value in row.items()
    }


def _is_time(key: str, value: object) -> bool:
    return isinstance(value, str) and (key.endswith("_at") or key in ("at", "started", "finished"))


def assert_equal(shop: Shop, server: Cluster, station: str = BERLIN) -> None:
    assert there(server, station) == here(shop.store)
    assert shop.store.mirrored.waiting() == 0


# --- what is forgotten -----


def test_what_is_forgotten_here_is_gone_there(shop: Shop, server: Cluster, address: str) -> None:
    night(shop, 1, 2, 3)
    shop.drop("return-60004_front.png", b"\x89PNG broken")
    shop.recover_and_drain()
    words(shop)
    mirror(shop, address)
    assert len(there(server)["photos"]) == 4
    for what in ("60001", "60004"):
        photos = tuple(one.id for one in shop.store.traces.meant(what).stories)
        order = Forget(what, photos)
        orders_of(shop, lambda: updater(shop)).carry_out(order, SOMEBODY).result()
    mirror(shop, address)
    assert_equal(shop, server)
    everything = str(there(server))
    assert "60001" not in everything
    assert "60004" not in everything
    assert len(there(server)["corrections"]) == 2


def test_what_was_forgotten_here_does_not_come_back_with_an_older_database(
    shop: Shop, server: Cluster, address: str
) -> None:
    night(shop, 1, 2, 3)
    words(shop)
    mirror(shop, address)
    server.ask("postgres", "DROP DATABASE IF EXISTS older")
    server.ask("postgres", "CREATE DATABASE older TEMPLATE mirror")
    oldest = tuple(one.id for one in shop.store.traces.meant("60001").stories)
    assert oldest == (1,)
    order = Forget("60001", oldest)
    orders_of(shop, lambda: updater(shop)).carry_out(order, SOMEBODY).result()
    mirror(shop, address)
    server.ask("postgres", "DROP DATABASE mirror")
    server.ask("postgres", "ALTER DATABASE older RENAME TO mirror")
    mirror(shop, address)
    assert "60001" not in str(there(server))
    assert_equal(shop, server)


def test_who_is_named_no_more_here_is_named_no_more_there(
    shop: Shop, server: Cluster, address: str
) -> None:
    night(shop, 1, 2, 3)
    words(shop)
    shop.store.examples.bring([SANDALS], "anna", shop.clock.now(), "network")
    told(shop, sample("low_disk"))
    shop.store.alerts.acknowledge(1, "anna", shop.clock.now())
    mirror(shop, address)
    assert "anna" in str(there(server)["alerts"])
    assert "anna" in str(there(server)["examples"])
    tomorrow = shop.clock.now() + timedelta(days=1)
    shop.store.retention.drop_people(tomorrow, tomorrow)
    mirror(shop, address)
    assert "anna" not in str(there(server))
    assert_equal(shop, server)


# --- all of it, and what follows -----------------------------------------------------------------


def test_what_was_there_before_is_copied_and_then_what_happens(
    shop: Shop, server: Cluster, address: str
) -> None:
    night(shop, 1, 2, 3)
    assert mirror(shop, address) > 3
    assert_equal(shop, server)
    night(shop, 12, 14, category="review")
    told(shop, sample("low_disk"))
    words(shop)
    shop.drop("broken.jpg", b"no photo")
    night(shop, 5)
    mirror(shop, address)
    assert_equal(shop, server)
    found = there(server)
    assert {len(found[table]) > 0 for table in TABLES} == {True}
    assert {row["status"] for row in found["photos"]} == {"success", "review", "error"}


def test_what_no_word_of_a_person_tells_follows_too(
    shop: Shop, server: Cluster, address: str
) -> None:
    night(shop, 1, 2, 3)
    told(shop, sample("low_disk"))
    mirror(shop, address)
    shop.store.removals.put(1, "Shirts/moved.png", Fingerprint(1, 2, 3), "0" * 64)
    shop.store.removals.remove([2], shop.clock.now())
    shop.store.retention.let_go([3], shop.clock.now())
    shop.store.alerts.acknowledge(1, "anna", shop.clock.now())
    told(shop, sample("low_disk", "resolved"))
    mirror(shop, address)
    assert_equal(shop, server)
    found = there(server)
    one, two, three = found["photos"]
    assert (one["filed_path"], one["edited_sha256"]) == ("Shirts/moved.png", "0" * 64)
    assert two["state"] == "removed"
    assert three["let_go_at"] is not None
    assert found["alerts"][0]["acknowledged_by"] == "anna"
    assert found["alerts"][0]["resolved_at"] is not None


def test_nothing_to_do_writes_nothing(shop: Shop, address: str) -> None:
    night(shop, 1)
    mirror(shop, address)
    assert mirror(shop, address) == 0


def test_a_name_that_is_no_text_arrives_as_people_read_it(
    shop: Shop, server: Cluster, address: str
) -> None:
    shop.drop(os.fsdecode(b"caf\xe9 \x01 \xf0\x9f\x91\x9f.png"), tiny_photo("Shirts", 1))
    shop.drain()
    mirror(shop, address)
    assert_equal(shop, server)
    assert there(server)["photos"][0]["filename"] == "caf\\xe9 \x01 \N{ATHLETIC SHOE}.png"


def test_what_no_text_can_hold_is_marked_and_all_else_arrives(
    shop: Shop, server: Cluster, address: str
) -> None:
    odd: dict[str, Any] = {"why": "a\0b \ud800", "path": "C:\\u0000", "nested": [{"n\0": "\0"}]}
    told(shop, sample("run_failed", **odd))
    mirror(shop, address)
    ((facts,),) = server.ask("mirror", "SELECT facts FROM alerts")
    assert facts["why"] == "a\N{REPLACEMENT CHARACTER}b ?"
    assert facts["path"] == "C:\\u0000"
    assert facts["nested"] == [{"n\N{REPLACEMENT CHARACTER}": "\N{REPLACEMENT CHARACTER}"}]


def test_what_lessons_take_is_said_of_each_photo(shop: Shop, server: Cluster, address: str) -> None:
    night(shop, 1, 2, 3)
    words(shop)
    mirror(shop, address)
    asked = "SELECT shoe_class, is_processed FROM training_data ORDER BY 1"
    assert server.ask("mirror", asked) == [("Tops", False), ("Tshirts", False)]
    first, second = shop.store.examples.unseen(10)
    shop.store.examples.saw([LookedAt(first.id, first.sha256, b"features")], "network")
    shop.store.examples.could_not_see(second.id, "it is gone")
    mirror(shop, address)
    assert_equal(shop, server)
    assert server.ask("mirror", asked) == [("Tops", True), ("Tshirts", False)]
    shop.store.examples.look_again("another")
    mirror(shop, address)
    assert_equal(shop, server)
    assert server.ask("mirror", asked) == [("Tops", False), ("Tshirts", False)]


def test_examples_that_people_bring_are_there_as_long_as_they_are_here(
    shop: Shop, server: Cluster, address: str
) -> None:
    mirror(shop, address)
    boots = replace(SANDALS, sha256="b" * 64, label="Boots")
    shop.store.examples.bring([SANDALS, boots], "anna", shop.clock.now(), "network")
    mirror(shop, address)
    assert_equal(shop, server)
    asked = "SELECT label, source, photo, is_seen FROM nightsort.examples ORDER BY 1"
    assert server.ask("mirror", asked) == [
        ("Boots", "upload", None, True),
        ("Sandals", "upload", None, True),
    ]
    again = replace(SANDALS, label="Flip Flops")
    shop.store.examples.bring([again], "bert", shop.clock.now(), "network")
    shop.store.examples.remove_brought({boots.sha256}, None)
    mirror(shop, address)
    assert_equal(shop, server)
    assert server.ask("mirror", asked) == [("Flip Flops", "upload", None, True)]


def test_what_was_asked_for_is_compared_whole(shop: Shop, server: Cluster, address: str) -> None:
    night(shop, 1, 2, 3, 4)
    mirror(shop, address)
    server.ask("mirror", "DELETE FROM nightsort.photos WHERE id = 2")
    server.ask("mirror", "UPDATE nightsort.photos SET category = 'Hats' WHERE id = 3")
    shop.store.facts.remember(MIRROR_FILL, value=True)
    mirror(shop, address)
    assert_equal(shop, server)
    assert shop.store.facts.get(MIRROR_FILL) is False


def test_alerts_that_were_forgotten_here_stay_there(
    shop: Shop, server: Cluster, address: str
) -> None:
    told(shop, sample("low_disk"))
    told(shop, sample("low_disk", "resolved"))
    told(shop, sample("run_failed"))
    mirror(shop, address)
    shop.store.alerts.forget(datetime.now(UTC))
    shop.store.facts.remember(MIRROR_FILL, value=True)
    mirror(shop, address)
    assert [row["rule"] for row in there(server)["alerts"]] == ["low_disk", "run_failed"]


# --- outages, kills, sides that were put back ----------------------------------------------------


def test_a_server_that_dies_in_the_middle_ends_up_equal(
    shop: Shop, server: Cluster, address: str
) -> None:
    night(shop, *range(1, 12))
    with copying(shop, address) as (copier, _):
        assert copier.step()
        server.stop()
        with pytest.raises(MirrorFailed):
            copier.step()
    night(shop, 20, 21)
    server.start()
    mirror(shop, address)
    assert_equal(shop, server)


class Cut:
    """A connection that is lost at the end of one transaction; `after`: only the answer is."""

    def __init__(self, postgres: Postgres, number: int, *, after: bool) -> None:
        self._postgres, self._left, self._after = postgres, number, after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._postgres, name)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._left -= 1
        is_now = self._left == 0
        with self._postgres.transaction():
            yield
            if is_now and not self._after:
                raise MirrorFailed("cut off")
        if is_now:
            raise MirrorFailed("cut off")


@pytest.mark.parametrize("after", [False, True], ids=["undone", "unheard of"])
@pytest.mark.parametrize("number", range(1, 13))
def test_a_commit_of_which_nobody_heard_is_done_again_and_changes_nothing(
    shop: Shop, server: Cluster, address: str, number: int, after: bool
) -> None:
    night(shop, *range(1, 9))
    with closing(connect(address)) as postgres:
        tables.prepare(postgres)
        cut: Any = Cut(postgres, number, after=after)
        with pytest.raises(MirrorFailed, match="cut off"):
            _copy_night_after_night(shop, cut)
    shop.restart()
    mirror(shop, address)
    assert_equal(shop, server)


def _copy_night_after_night(shop: Shop, postgres: Postgres) -> None:
    copier = Copier(shop.store, postgres, BERLIN, 3)
    for news in range(60, 90):
        while copier.step():
            pass
        night(shop, news)


def test_a_process_killed_while_it_copies_ends_up_equal(
    shop: Shop, server: Cluster, address: str
) -> None:
    night(shop, *range(1, 40))
    for milliseconds in (0, 15, 40):
        process = subprocess.Popen(
            [sys.executable, "-c", _COPYING, str(shop.state), address], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"begins\n"
        time.sleep(milliseconds / 1000)  # not a wait for something: the kill comes anywhere
        process.kill()
        process.communicate()
    mirror(shop, address)
    assert_equal(shop, server)


_COPYING = """
import sys
from pathlib import Path
from uuid import uuid4
from daemon.mirror.copier import Copier
from daemon.mirror.postgres import connect
from daemon.store import Store
store, postgres = Store(Path(sys.argv[1])), connect(sys.argv[2])
copier = Copier(store, postgres, "berlin", 1)
print("begins", flush=True)
while copier.step():
    pass
"""


def test_a_database_that_comes_back_older_ends_up_equal(
    shop: Shop, server: Cluster, address: str
) -> None:
    night(shop, 1, 2, 3)
    mirror(shop, address)
    server.ask("postgres", "DROP DATABASE IF EXISTS older")
    server.ask("postgres", "CREATE DATABASE older TEMPLATE mirror")
    night(shop, 4, 5, 6)
    words(shop)
    mirror(shop, address)
    server.ask("postgres", "DROP DATABASE mirror")
    server.ask("postgres", "ALTER DATABASE older RENAME TO mirror")
    mirror(shop, address)
    assert_equal(shop, server)


def test_a_database_that_comes_back_empty_ends_up_equal(
    shop: Shop, server: Cluster, address: str
) -> None:
    night(shop, 1, 2, 3)
    mirror(shop, address)
    server.new_database("mirror")
    mirror(shop, address)
    assert_equal(shop, server)


def test_a_box_that_was_restored_from_a_backup_ends_up_equal(
    shop: Shop, server: Cluster, address: str
) -> None:
    night(shop, 1, 2)
    mirror(shop, address)
    backup = shop.back_up()
    night(shop, 3, 4, 5)
    words(shop)
    told(shop, sample("low_disk"))
    mirror(shop, address)
    shop.restore(backup)
    night(shop, 6)
    mirror(shop, address)
    assert_equal(shop, server)


def test_a_full_disk_there_is_told_and_afterwards_both_sides_are_equal(
    shop: Shop, server: Cluster
) -> None:
    with tiny_disk(server.folder / "small", "64m") as disk:
        shutil.chown(disk, server.user)
        server.ask("postgres", f"CREATE TABLESPACE small LOCATION '{disk}'")
        address = server.new_database("mirror")
        try:
            server.ask("postgres", "ALTER DATABASE mirror SET TABLESPACE small")
            night(shop, 1, 2, 3)
            mirror(shop, address)
            filled_up(disk / "of others")
            night(shop, *range(4, 44))
            with pytest.raises(MirrorFailed, match="No space left on device"):
                mirror(shop, address)
            night(shop, 50)
            (disk / "of others").unlink()
            mirror(shop, address)
            assert_equal(shop, server)
        finally:
            server.ask("postgres", "DROP DATABASE mirror WITH (FORCE)")
            server.ask("postgres", "DROP TABLESPACE small")


def filled_up(path: Path) -> None:
    """Take what room a disk has."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass


def _forget(shop: Shop, server: Cluster) -> None:
    for row in shop.store.mirrored.rows_after("photos", None, 1):
        order = Forget(row["filename"], (row["id"],))
        orders_of(shop, lambda: updater(shop)).carry_out(order, SOMEBODY).result()


def _bring(shop: Shop, server: Cluster) -> None:
    shop.store.examples.bring([SANDALS], "anna", shop.clock.now(), "network")


def _clock_goes_back(shop: Shop, server: Cluster) -> None:
    shop.clock.set_wall_clock(shop.clock.now() - timedelta(days=3))


def _outage(shop: Shop, server: Cluster) -> None:
    server.stop()
    server.start()


def _another_night(shop: Shop, server: Cluster) -> None:
    number = shop.store.retention.newest_photo() + 100
    night(shop, number, number + 1)


def _a_word(shop: Shop, server: Cluster) -> None:
    for story in shop.store.history.newest_filed(1):
        wanted = "Tops" if story.category_now == "Shirts" else "Shirts"
        shop.corrector.correct(f"#{story.id}", wanted, "anna")


def _put_back(shop: Shop, server: Cluster) -> None:
    for story in shop.store.history.newest_filed(1):
        shop.corrector.undo(f"#{story.id}", "anna")


def _copy_some(shop: Shop, server: Cluster) -> None:
    with copying(shop, server.address("mirror")) as (copier, _):
        copier.step()


def _save_there(shop: Shop, server: Cluster) -> None:
    server.ask("postgres", "DROP DATABASE IF EXISTS saved")
    server.ask("postgres", "CREATE DATABASE saved TEMPLATE mirror")


def _restore_there(shop: Shop, server: Cluster) -> None:
    if server.ask("postgres", "SELECT 1 FROM pg_database WHERE datname = 'saved'"):
        server.ask("postgres", "DROP DATABASE mirror")
        server.ask("postgres", "CREATE DATABASE mirror TEMPLATE saved")


def _save_here(shop: Shop, server: Cluster) -> None:
    shop.back_up()
    shop.clock.advance(60.0)


def _restore_here(shop: Shop, server: Cluster) -> None:
    if made := shop.backups.listed():
        shop.restore(made[-1].path)


EVENTS = (
    _outage, _another_night, _a_word, _put_back, _copy_some, _copy_some,
    _save_there, _restore_there, _save_here, _restore_here, _clock_goes_back,
    _forget, _bring,
)  # fmt: skip


@settings(max_examples=60 if LONG else 6, suppress_health_check=[HealthCheck.too_slow])
@example(events=[_outage, _save_here, _copy_some, _restore_here])
@given(events=st.lists(st.sampled_from(EVENTS), min_size=4, max_size=12))
def test_whatever_happens_in_whatever_order_both_sides_end_up_equal(
    server: Cluster, events: list[Callable[[Shop, Cluster], None]]
) -> None:
    address = server.new_database("mirror")
    server.ask("postgres", "DROP DATABASE IF EXISTS saved")
    with tempfile.TemporaryDirectory() as folder:
        shop = started(Path(folder))
        try:
            night(shop, 1, 2, 3, 4)
            for event in events:
                event(shop, server)
            mirror(shop, address)
            assert_equal(shop, server)
        finally:
            shop.stop()


def test_after_a_time_without_a_mirror_everything_is_compared(
    shop: Shop, server: Cluster, address: str
) -> None:
    night(shop, 1, 2)
    mirror(shop, address)
    with MirrorThread(MirrorSettings(), shop.state).kept():
        pass
    night(shop, 3, 4)
    mirror(shop, address)
    assert_equal(shop, server)


# --- many stations -------------------------------------------------------------------------------


def test_another_box_of_the_same_name_is_refused_and_changes_nothing(
    shop: Shop, server: Cluster, address: str, tmp_path: Path
) -> None:
    night(shop, 1, 2)
    mirror(shop, address)
    other = started(tmp_path / "other")
    night(other, 3)
    with pytest.raises(MirrorRefused, match="another box is station berlin"):
        mirror(other, address)
    mirror(other, address, "hamburg")
    assert_equal(shop, server)
    assert_equal(other, server, "hamburg")
    other.stop()


@pytest.fixture
def roles(server: Cluster, address: str) -> Iterator[None]:
    """As docs/mirror.md says: the script by an administrator, a role for each station."""
    server.run("psql", "-d", address, "-v", "ON_ERROR_STOP=1", "-q", "-c", schema.script())
    for role in ("berlin_box", "hamburg_box"):
        server.ask("mirror", f"CREATE ROLE {role} LOGIN IN ROLE nightsort_station")
    server.ask("mirror", "CREATE ROLE data_team LOGIN IN ROLE nightsort_reader")
    yield
    server.ask("postgres", "DROP DATABASE mirror WITH (FORCE)")
    groups = (schema.STATION_ROLE, schema.READER_ROLE, schema.PROMOTER_ROLE)
    for role in ("berlin_box", "hamburg_box", "data_team", *groups):
        server.ask("postgres", f"DROP ROLE {role}")


@pytest.mark.usefixtures("roles")
def test_a_station_writes_and_reads_its_own_rows_alone(
    shop: Shop, server: Cluster, tmp_path: Path
) -> None:
    berlin, hamburg = (server.address("mirror", f"{name}_box") for name in (BERLIN, "hamburg"))
    night(shop, 1, 2)
    mirror(shop, berlin)
    other = started(tmp_path / "other")
    night(other, 3)
    mirror(other, hamburg, "hamburg")
    with pytest.raises(MirrorRefused, match="another box is station berlin"):
        mirror(other, hamburg, BERLIN)
    for statement in (
        "UPDATE nightsort.photos SET category = 'Hats' WHERE station = 'berlin'",
        "DELETE FROM nightsort.stations WHERE name = 'berlin'",
        "UPDATE nightsort.stations SET owner = 'hamburg_box' WHERE name = 'berlin'",
    ):
        server.ask("mirror", statement, "hamburg_box")
    for statement in (
        "INSERT INTO nightsort.stations VALUES ('new', 'berlin_box', gen_random_uuid(), NULL, '')",
        "INSERT INTO nightsort.alerts VALUES ('berlin', 1, '', '', '', now(), now(), 1, '{}')",
        "UPDATE nightsort.photos SET station = 'berlin', id = 77",
        "UPDATE nightsort.stations SET owner = 'berlin_box'",
        "DROP TABLE nightsort.photos CASCADE",
        "CREATE TABLE nightsort.more (id integer)",
    ):
        with pytest.raises(Exception, match=r"row-level security|must be owner|permission denied"):
            server.ask("mirror", statement, "hamburg_box")
    assert server.ask("mirror", "SELECT DISTINCT station FROM nightsort.photos", "hamburg_box") == [
        ("hamburg",)
    ]
    assert_equal(shop, server)
    assert_equal(other, server, "hamburg")
    other.stop()


@pytest.mark.usefixtures("roles")
def test_the_reader_role_reads_all_and_writes_nothing(shop: Shop, server: Cluster) -> None:
    night(shop, 1, 2)
    mirror(shop, server.address("mirror", "berlin_box"))
    assert len(server.ask("mirror", "SELECT * FROM predict", "data_team")) == 2
    assert len(server.ask("mirror", "SELECT * FROM nightsort.stations", "data_team")) == 1
    for statement in (
        "DELETE FROM nightsort.photos",
        "UPDATE nightsort.stations SET owner = 'data_team'",
        "INSERT INTO predict VALUES ('a', 'b', now())",
    ):
        with pytest.raises(Exception, match=r"permission denied|cannot insert"):
            server.ask("mirror", statement, "data_team")
    server.ask("mirror", "CREATE ROLE stranger LOGIN")
    with pytest.raises(Exception, match="permission denied"):
        server.ask("mirror", "SELECT * FROM predict", "stranger")
    server.ask("mirror", "DROP ROLE stranger")


def test_a_box_that_owns_its_database_needs_no_other_rights(
    shop: Shop, server: Cluster, address: str
) -> None:
    server.ask("postgres", "CREATE ROLE solo LOGIN")
    try:
        server.ask("postgres", "ALTER DATABASE mirror OWNER TO solo")
        night(shop, 1, 2)
        mirror(shop, server.address("mirror", "solo"))
        assert_equal(shop, server)
        assert len(server.ask("mirror", "SELECT * FROM predict", "solo")) == 2
    finally:
        server.ask("postgres", "DROP DATABASE mirror WITH (FORCE)")
        server.ask("postgres", "DROP ROLE solo")


def test_a_role_without_rights_is_told_what_to_do(
    shop: Shop, server: Cluster, address: str
) -> None:
    server.ask("mirror", "CREATE ROLE nobody LOGIN")
    try:
        with pytest.raises(MirrorRefused, match=r"permission denied.*docs/mirror.md"):
            mirror(shop, server.address("mirror", "nobody"))
    finally:
        server.ask("mirror", "DROP ROLE nobody")


def test_tables_of_an_older_nightsort_are_told_with_what_their_owner_runs(
    shop: Shop, server: Cluster, roles: None
) -> None:
    night(shop, 1, 2)
    before = schema.VERSION - 1
    server.ask("mirror", "DROP TABLE nightsort.examples, nightsort.api_calls")
    server.ask("mirror", f"UPDATE nightsort.schema_version SET version = {before}")
    box = server.address("mirror", "berlin_box")
    with pytest.raises(MirrorRefused, match=f"nightsort mirror schema --from {before}"):
        mirror(shop, box)
    server.run("psql", "-d", server.address("mirror"), "-q", "-c", schema.script(before))
    mirror(shop, box)
    assert_equal(shop, server)


# --- tables --------------------------------------------------------------------------------------


def test_the_views_show_each_judged_photo_with_its_label_as_it_is_now(
    shop: Shop, server: Cluster, address: str
) -> None:
    night(shop, 1, 2, 3)
    shop.drop("broken.jpg", b"no photo")
    shop.drop("return-60009_front.png", tiny_photo("Shirts", 1))  # the first one's bytes again
    night(shop, 4)
    words(shop)
    told(shop, sample("low_disk"))
    mirror(shop, address)
    stories = {row["filename"]: row for row in here(shop.store)["photos"]}
    judged = {
        row["filed_path"]: row["decided"] or row["category"]
        for row in stories.values()
        if row["decided"] or row["category"]
    }
    seen = dict(server.ask("mirror", "SELECT image_path, label FROM predict"))
    assert seen == judged
    assert seen["Tops/return-60001_front.png"] == "Tops"
    assert server.ask("mirror", "SELECT * FROM training_data ORDER BY 1") == [
        ("Tops/return-60001_front.png", "Tops", False),
        ("Tshirts/return-60002_front.png", "Tshirts", False),
    ]
    runs = server.ask("mirror", "SELECT run, total_processed, failed FROM batch_runs ORDER BY 1")
    assert [run[1:] for run in runs] == [(3, 0), (3, 1)]
    assert server.ask("mirror", "SELECT station, rule FROM public.alerts") == [(BERLIN, "low_disk")]


def test_tables_have_the_columns_that_are_copied(shop: Shop, server: Cluster, address: str) -> None:
    night(shop, 1, 2, 3)
    words(shop)
    told(shop, sample("low_disk"))
    mirror(shop, address)
    for table in TABLES:
        names = server.ask(
            "mirror",
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'nightsort'"
            f" AND table_name = '{table}'",
        )
        assert {name for (name,) in names} == {"station", *here(shop.store)[table][0]}


def test_boxes_that_come_at_once_make_the_tables_once(server: Cluster, address: str) -> None:
    with closing(connect(address)) as first, closing(connect(address)) as second:
        with ThreadPoolExecutor(1) as pool, first.transaction():
            first.execute("SELECT pg_advisory_xact_lock(%s)", (tables.LOCK,))
            late = pool.submit(tables.prepare, second)  # it has seen that there are none
            asked = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            eventually(lambda: server.ask("mirror", asked))
            for text in (schema.BEGIN, *schema.STEPS):
                first.execute(text)
            first.execute(schema.SET_VERSION, (schema.VERSION,))
        late.result()


def test_tables_of_a_newer_nightsort_are_left_alone(
    shop: Shop, server: Cluster, address: str
) -> None:
    mirror(shop, address)
    server.ask("mirror", "UPDATE nightsort.schema_version SET version = 99")
    with pytest.raises(MirrorRefused, match="newer nightsort"):
        mirror(shop, address)


def test_a_table_of_the_replaced_system_is_not_touched(
    shop: Shop, server: Cluster, address: str
) -> None:
    server.ask("mirror", "CREATE TABLE predict (image_path text)")
    with pytest.raises(MirrorRefused, match=r"public\.predict is there already"):
        mirror(shop, address)
    assert server.ask("mirror", "SELECT to_regclass('nightsort.photos')") == [(None,)]


# --- the thread ----------------------------------------------------------------------------------


def test_the_thread_follows_through_an_outage_and_says_how_it_is(
    shop: Shop, server: Cluster, address: str
) -> None:
    night(shop, 1, 2)
    with closing(connect(address)) as postgres:
        tables.prepare(postgres)
    thread = MirrorThread(MirrorSettings(station=BERLIN, postgres=address), shop.state)
    with thread.kept():
        eventually(lambda: there(server) == here(shop.store))
        server.stop()
        night(shop, 3, 4)
        eventually(lambda: thread.figures and thread.figures["why"] is not None)
        assert thread.figures is not None
        assert thread.figures["station"] == BERLIN
        eventually(lambda: thread.figures and thread.figures["waiting"] >= 3)
        server.start()
        eventually(lambda: there(server) == here(shop.store))
        eventually(lambda: thread.figures and thread.figures["waiting"] == 0)
    assert thread.figures["why"] is None


def test_a_server_that_does_not_answer_is_told_and_waited_for(
    shop: Shop, server: Cluster, address: str
) -> None:
    night(shop, 1)
    mirror(shop, address)
    wanted = MirrorSettings(station=BERLIN, postgres=address)
    thread = MirrorThread(wanted, shop.state, silence_seconds=0.5)
    with thread.kept():
        ask = "SELECT pid FROM pg_stat_activity WHERE application_name = 'nightsort'"
        ((pid,),) = eventually(lambda: server.ask("mirror", ask))
        os.kill(pid, signal.SIGSTOP)
        try:
            night(shop, 2)
            eventually(lambda: thread.figures and thread.figures["why"])
            assert thread.figures is not None
            assert "has not answered for" in str(thread.figures["why"])
        finally:
            os.kill(pid, signal.SIGCONT)
        eventually(lambda: there(server) == here(shop.store))
        eventually(lambda: thread.figures and thread.figures["why"] is None)


def test_a_wrong_password_is_told_without_it(shop: Shop, server: Cluster, address: str) -> None:
    hba = server.data / "pg_hba.conf"
    before = hba.read_text()
    server.ask("mirror", "CREATE ROLE locked LOGIN PASSWORD 'right'")
    hba.write_text(f"local all locked scram-sha-256\n{before}")
    server.ask("mirror", "SELECT pg_reload_conf()")
    try:
        wrong = MirrorSettings(
            station=BERLIN, postgres=f"{server.address('mirror', 'locked')} password=hunter2"
        )
        thread = MirrorThread(wrong, shop.state)
        with thread.kept():
            eventually(lambda: thread.figures and thread.figures["why"])
        assert thread.figures is not None
        assert "password authentication failed" in str(thread.figures["why"])
        assert "hunter2" not in str(thread.figures)
    finally:
        hba.write_text(before)
        server.ask("mirror", "SELECT pg_reload_conf()")
        server.ask("mirror", "DROP ROLE locked")


def test_a_connection_string_that_makes_no_sense_is_not_quoted() -> None:
    with pytest.raises(MirrorRefused) as refused:
        connect("postgresql://box:hunter2%zz@db/returns")
    assert "hunter2" not in str(refused.value)
