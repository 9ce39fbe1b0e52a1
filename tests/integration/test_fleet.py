"""The fleet's page over a real PostgreSQL to which several stations copy."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.value import ValueSettings
from daemon.domain.status_words import problem
from daemon.mirror import schema
from daemon.mirror.fleet import REST, Snapshot
from tests.support.fleet import DATABASE, Stations, fleet_of
from tests.support.german import english_in
from tests.support.postgres import Cluster, cluster

pytestmark = pytest.mark.servers

HOUR = 3600.0


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


@pytest.fixture
def fleet(tmp_path: Path, server: Cluster) -> Iterator[Stations]:
    with fleet_of(tmp_path, server) as stations:
        yield stations


def two_stations(fleet: Stations) -> None:
    fleet.night("berlin", 1, 2, 3)
    fleet.night("berlin", 4, category="review")
    fleet.say("berlin", ValueSettings(seconds_by_hand=3600.0))
    fleet.night("hamburg", 11, 12, category="Tops")
    fleet.say("hamburg")
    fleet.look()


def rows(text: str) -> list[dict[str, str]]:
    return [*csv.DictReader(io.StringIO(text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")))]


def test_stations_stand_side_by_side_and_in_sum(fleet: Stations) -> None:
    two_stations(fleet)
    document = fleet.desk.get("/fleet?days=7").json()
    berlin, hamburg = document["stations"]
    assert (berlin["station"], berlin["photos"], berlin["review_share"]) == ("berlin", 4, 25.0)
    assert berlin["undecided"]["photos"] == 1
    assert berlin["undecided"]["oldest"] is not None
    assert berlin["hours_saved"] == pytest.approx(4 - 46 / 3600, abs=0.01)
    assert berlin["behind"] == 0
    assert (hamburg["station"], hamburg["photos"], hamburg["health"]) == ("hamburg", 2, "healthy")
    page = fleet.desk.get("/?days=7").text
    assert "of 2 stations are well" in page
    assert "<dd>6</dd>" in page
    assert 'href="/page/stations/hamburg"' in page
    assert "return-60" not in page


def test_each_table_is_a_file_too(fleet: Stations) -> None:
    two_stations(fleet)
    berlin, hamburg = rows(fleet.desk.get("/page/fleet/stations.csv?days=7").text)
    assert (berlin["station"], berlin["photos"], hamburg["photos"]) == ("berlin", "4", "2")
    days = rows(fleet.desk.get("/page/fleet/days.csv?days=7").text)
    assert sum(int(day["photos"]) for day in days) == 6
    for name in ("weeks", "accuracy"):
        assert fleet.desk.get(f"/page/fleet/{name}.csv").status_code == 200
    for name in ("runs", "days", "weeks", "accuracy", "versions", "worth"):
        assert fleet.desk.get(f"/page/stations/berlin/{name}.csv").status_code == 200
    runs = rows(fleet.desk.get("/page/stations/berlin/runs.csv").text)
    assert [run["photos"] for run in runs] == ["1", "3"]
    assert fleet.desk.get("/page/stations/berlin/photos.csv").status_code == 404


def test_a_station_has_a_page_of_its_own(fleet: Stations) -> None:
    two_stations(fleet)
    fleet.say("berlin", problems=["a disk is nearly full"])
    fleet.look()
    page = fleet.desk.get("/page/stations/berlin").text
    assert "<h1>berlin: something needs a look</h1>" in page
    assert "a disk is nearly full" in page
    assert "fashion 2026.11.4" in page
    assert fleet.desk.get("/page/stations/munich").status_code == 404
    german = fleet.desk.get("/page/stations/berlin", **{"accept-language": "de"}).text
    assert "etwas braucht einen Blick" in german


def test_stations_that_are_silent_stand_in_front(fleet: Stations) -> None:
    two_stations(fleet)
    fleet.night("aachen", 21)
    fleet.unheard("hamburg", 25 * HOUR)
    fleet.unheard("berlin", HOUR)
    fleet.look()
    found = fleet.desk.get("/fleet").json()["stations"]
    assert [(one["station"], one["health"]) for one in found] == [
        ("aachen", "silent"), ("hamburg", "silent"), ("berlin", "quiet"),
    ]  # fmt: skip
    page = fleet.desk.get("/").text
    assert page.index("not heard of for a day, since") < page.index("not heard of for a while")
    health = fleet.desk.get("/health").json()
    assert health["status"] == "degraded"
    assert "hamburg is silent" in health["problems"]


def test_spot_checks_are_told_as_a_station_tells_them(fleet: Stations) -> None:
    fleet.night("berlin", *range(1, 9))
    shop = fleet.shop("berlin")
    (run,) = shop.store.runs.summaries(limit=1)
    shop.store.spot_checks.choose(run["run"], 1.0, 8)
    for number in range(1, 5):
        shop.corrector.correct(f"60{number:03}", "Shirts", "anna")
    shop.corrector.correct("60005", "Tops", "anna")
    fleet.say("berlin")
    fleet.look()
    (found,) = fleet.desk.get("/fleet").json()["stations"]
    assert (found["accuracy"]["right"], found["accuracy"]["checked"]) == (4, 5)
    assert found["accuracy"]["low"] == pytest.approx(0.3755, abs=1e-3)
    assert "80.0" in fleet.desk.get("/page/stations/berlin").text


def test_while_postgresql_is_away_what_was_read_stays_and_it_is_said(fleet: Stations) -> None:
    two_stations(fleet)
    fleet.server.stop()
    try:
        fleet.look()
        page = fleet.desk.get("/").text
        assert "The mirror cannot be read just now" in page
        assert "hamburg" in page
        answer = fleet.desk.get("/fleet").json()
        assert answer["problem"].startswith("PostgreSQL: ")
        assert len(answer["stations"]) == 2
        assert fleet.desk.get("/health").json()["status"] == "degraded"
    finally:
        fleet.server.start()
    fleet.look()
    assert fleet.desk.get("/fleet").json()["problem"] is None


def test_where_nothing_could_be_read_yet_it_says_why(fleet: Stations) -> None:
    assert "is being read for the first time" in fleet.desk.get("/").text
    assert fleet.desk.get("/fleet").status_code == 503
    fleet.look()
    assert "there are no tables of a mirror" in fleet.desk.get("/").text
    assert fleet.desk.get("/page/stations/berlin").status_code == 503
    assert fleet.desk.get("/health").status_code == 503
    assert fleet.desk.get("/health/live").json() == {"status": "alive"}


def test_tables_of_before_are_told_with_what_to_do(fleet: Stations) -> None:
    fleet.night("berlin", 1)
    fleet.server.ask(DATABASE, "UPDATE nightsort.schema_version SET version = 1")
    fleet.look()
    assert "nightsort mirror schema --from 1" in fleet.desk.get("/").text


def test_without_psycopg_it_says_how_to_get_it(
    fleet: Stations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.mirror.postgres.is_installed", lambda: False)
    fleet.look()
    assert "psycopg[binary]" in fleet.desk.get("/").text


def test_what_one_station_writes_wrongly_spoils_no_other(fleet: Stations) -> None:
    two_stations(fleet)
    odd = '{"started": "never", "successful": "many", "categories": [1], "failed": 1e300}'
    fleet.server.ask(
        DATABASE,
        "INSERT INTO nightsort.runs SELECT 'berlin', 'odd' || number, now(), now(), 'm', summary"
        f" FROM unnest(ARRAY['{odd}', '{{}}', '[]']::jsonb[]) WITH ORDINALITY"
        " AS one(summary, number)",
    )
    fleet.server.ask(DATABASE, """UPDATE nightsort.states SET status = '{"state": 1}'""")
    fleet.look()
    berlin, hamburg = fleet.desk.get("/fleet").json()["stations"]
    assert (berlin["photos"], hamburg["photos"], hamburg["health"]) == (4, 2, "degraded")
    assert fleet.desk.get("/page/stations/berlin").status_code == 200


PLAUSIBLE = {
    "state": "waiting", "problems": [], "model": "m", "alerts": [], "waiting": 0,
    "queue": {"waiting": 0, "settling": 0, "retrying": 0},
    "undecided": {"photos": 0, "oldest": None},
    "accuracy": {"until": "2026-11-27", "weeks": {"2026-W48": [1, 1, 1]}, "versions": {}},
    "seconds": {"by_hand": 30.0, "review": 46.0, "check": 10.0},
}  # fmt: skip
IMPLAUSIBLE: list[dict[str, object]] = [
    {"undecided": {"photos": 1, "oldest": "long ago"}},
    {"undecided": {"photos": 1, "oldest": "2026-11-27T02:00:00"}},
    {"undecided": {"photos": 1, "oldest": "0001-01-01T00:00:00+14:00"}},
    {"accuracy": {"until": "", "weeks": {"2026-W48": [2, 1, 1]}, "versions": {}}},
    {"accuracy": {"until": "", "weeks": {}, "versions": {"m": [-5, 1, 1]}}},
    {"seconds": {}},
    {"seconds": {"by_hand": -1.0, "review": 46.0, "check": 10.0}},
    {"waiting": "huge"},
    {"problems": ["x" * 300_000]},
]


def said(fleet: Stations, document: str) -> None:
    fleet.server.ask(
        DATABASE,
        f"UPDATE nightsort.states SET status = '{document}' WHERE station = 'berlin'",
    )
    fleet.look()


def test_what_a_station_says_is_wrong_is_said_in_the_language_of_the_browser(
    fleet: Stations,
) -> None:
    two_stations(fleet)
    said(fleet, json.dumps(PLAUSIBLE | {"problems": [problem("hangs"), "the moon is full"]}))
    for path in ("/", "/page/stations/berlin"):
        german = fleet.desk.get(path, **{"accept-language": "de"}).text
        assert "das Sortieren steht seit einer Weile" in german
        assert english_in(german)[:1] == ["the moon is full"]  # marked as such
        assert problem("hangs") in fleet.desk.get(path).text


def test_a_status_that_no_station_would_say_spoils_no_page(fleet: Stations) -> None:
    two_stations(fleet)
    said(fleet, json.dumps(PLAUSIBLE))
    assert [one["health"] for one in fleet.desk.get("/fleet").json()["stations"]] == ["healthy"] * 2
    deep = "[" * 3000 + "]" * 3000
    told = [json.dumps(PLAUSIBLE | one).replace('"huge"', "9" * 4900) for one in IMPLAUSIBLE]
    for document in (*told, deep, f'{{"problems": {deep}}}'):
        said(fleet, document)
        found = fleet.desk.get("/fleet").json()
        assert found["problem"] is None
        health = {one["station"]: one["health"] for one in found["stations"]}
        assert health == {"berlin": "degraded", "hamburg": "healthy"}, document[:300]
        for page in ("/", "/page/stations/berlin", "/page/fleet/stations.csv"):
            assert fleet.desk.get(page).status_code == 200


def test_times_that_are_none_spoil_no_page(fleet: Stations) -> None:
    two_stations(fleet)
    of_runs = "started = 'infinity', finished = '20000-01-01Z'"
    learnt = "'', 'm', '0001-01-01T00:00:00+14:00', 1, 1, 'better', true, ''"
    for statement in (
        "UPDATE nightsort.stations SET copied_at = 'infinity' WHERE name = 'berlin'",
        "UPDATE nightsort.states SET seen_at = '-infinity' WHERE station = 'berlin'",
        f"UPDATE nightsort.runs SET {of_runs} WHERE station = 'berlin'",
        f"INSERT INTO nightsort.versions VALUES ('berlin', '2026-11-26.1', {learnt})",
    ):
        fleet.server.ask(DATABASE, statement)
        fleet.look()
        assert fleet.desk.get("/fleet").json()["problem"] is None, statement
        for page in ("/", "/page/stations/berlin", "/page/fleet/versions.csv"):
            assert fleet.desk.get(page).status_code == 200, statement


def test_however_many_versions_a_station_writes_the_newest_are_told_and_briefly(
    fleet: Stations,
) -> None:
    two_stations(fleet)
    fleet.server.ask(
        DATABASE,
        "INSERT INTO nightsort.versions SELECT station, '2026-11-26.' || n, '', repeat('m', 9999),"
        " '2026-11-26T20:00:' || lpad(n::text, 2, '0') || '+00:00', 2, 3, 'better', false, ''"
        " FROM unnest(ARRAY['berlin', 'hamburg']) AS station, generate_series(0, 130) AS n",
    )
    fleet.server.ask(DATABASE, "UPDATE nightsort.runs SET model = repeat('m', 9999)")
    fleet.look()
    assert fleet.desk.site.fleet is not None
    snapshot = fleet.desk.site.fleet.read.snapshot
    assert snapshot is not None
    names = [one.name for one in snapshot.versions if one.station == "hamburg"]
    assert len(snapshot.versions) == 2 * len(names) == 200
    assert names == sorted(names, key=lambda name: snapshot_age(snapshot, name), reverse=True)
    assert max(len(one.base) for one in snapshot.versions) == 200
    assert len(snapshot.stations["berlin"].runs[0].model) == 200


def test_however_many_categories_and_days_a_station_writes_few_are_read(fleet: Stations) -> None:
    two_stations(fleet)
    of_many = "jsonb_object_agg('c' || lpad(n::text, 4, '0'), n) || jsonb_build_object(%s, 9999)"
    for run, name in (("many", "'Vases'"), ("long", "repeat('x', 9999)")):
        fleet.server.ask(
            DATABASE,
            f"INSERT INTO nightsort.runs SELECT 'berlin', '{run}', now(), now(), 'm',"
            " jsonb_build_object('started', to_char(now(), 'YYYY-MM-DD'), 'categories',"
            f" {of_many % name}) FROM generate_series(1, 3000) AS n",
        )
    fleet.server.ask(
        DATABASE,
        "INSERT INTO nightsort.runs SELECT 'berlin', 'odd' || n, now(), now(), 'm',"
        " jsonb_build_object('started', (date '2026-01-01' + 400 * n)::text, 'successful', 1)"
        " FROM generate_series(2, 900) AS n",
    )
    fleet.look()
    assert fleet.desk.site.fleet is not None
    snapshot = fleet.desk.site.fleet.read.snapshot
    assert snapshot is not None
    days = snapshot.stations["berlin"].days
    assert len(days) <= 4
    categories = sum((day.categories for day in days.values()), Counter[str]())
    assert len(categories) == 101
    assert categories["Vases"] == categories["x" * 100] == 9999
    assert categories[REST] == 2 * sum(range(1, 2903)) + 4  # those of the nights
    assert snapshot.stations["hamburg"].days
    page = fleet.desk.get("/page/stations/berlin").text
    assert page.count("c2999") > 0 == page.count("c0001")


def snapshot_age(snapshot: Snapshot, name: str) -> tuple[str, str]:
    return next((one.learnt, one.name) for one in snapshot.versions if one.name == name)


def test_a_reader_sees_all_and_a_station_only_itself(tmp_path: Path, server: Cluster) -> None:
    for role in (schema.STATION_ROLE, schema.READER_ROLE):
        server.ask("postgres", f"CREATE ROLE {role}")
    for role, group in (
        ("berlin_box", schema.STATION_ROLE), ("hamburg_box", schema.STATION_ROLE),
        ("head_office", schema.READER_ROLE),
    ):  # fmt: skip
        server.ask("postgres", f"CREATE ROLE {role} LOGIN IN ROLE {group}")
    try:
        with fleet_of(tmp_path, server, "head_office") as fleet:
            server.run("psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", server.address(DATABASE),
                       "-c", schema.script())  # fmt: skip
            fleet.shop("berlin").drop("a.png", b"")
            fleet.copy("berlin", "berlin_box")
            fleet.copy("hamburg", "hamburg_box")
            fleet.say("berlin")
            fleet.say("hamburg")
            fleet.look()
            assert len(fleet.desk.get("/fleet").json()["stations"]) == 2
            seen = server.ask(DATABASE, "SELECT station FROM nightsort.states", "berlin_box")
            assert seen == [("berlin",)]
            with pytest.raises(Exception, match="row-level security"):
                server.ask(
                    DATABASE,
                    "INSERT INTO nightsort.states VALUES ('hamburg', now(), '{}')"
                    " ON CONFLICT (station) DO UPDATE SET status = '{}'",
                    "berlin_box",
                )
            with pytest.raises(Exception, match="permission denied"):
                server.ask(DATABASE, "DELETE FROM nightsort.states", "head_office")
    finally:
        server.ask("postgres", f"DROP DATABASE {DATABASE} WITH (FORCE)")
        for role in ("berlin_box", "hamburg_box", "head_office", *_ROLES):
            server.ask("postgres", f"DROP ROLE {role}")


_ROLES = (schema.STATION_ROLE, schema.READER_ROLE, schema.PROMOTER_ROLE)


def test_tables_that_are_there_are_brought_up_to_date_by_the_script(
    tmp_path: Path, server: Cluster
) -> None:
    server.ask("postgres", "DROP DATABASE IF EXISTS older WITH (FORCE)")
    server.ask("postgres", "CREATE DATABASE older")
    first = f"{schema.BEGIN}{schema.STEPS[0]}UPDATE nightsort.schema_version SET version = 1;"
    try:
        for text in (first, schema.script(1)):
            server.run("psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", server.address("older"),
                       "-c", text)  # fmt: skip
        assert server.ask("older", "SELECT version FROM nightsort.schema_version") == [
            (schema.VERSION,)
        ]
        assert server.ask("older", "SELECT count(*) FROM nightsort.states") == [(0,)]
    finally:
        server.ask("postgres", "DROP DATABASE older WITH (FORCE)")
        for role in _ROLES:
            server.ask("postgres", f"DROP ROLE IF EXISTS {role}")
