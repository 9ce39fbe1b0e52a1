"""The doctor at head office, over a real PostgreSQL: who may do what, and who was heard of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import NamedTuple

import pytest

from config.mirror import FleetSettings
from config.settings import Settings
from daemon.domain.clock import SystemClock
from daemon.health.doctor.checks import examine
from daemon.health.doctor.findings import Finding, Level, in_words
from daemon.health.doctor.fleets import of_fleet
from daemon.mirror import schema
from tests.support.fleet import DATABASE, Stations, fleet_of
from tests.support.postgres import Cluster, cluster
from web.roles import Role

pytestmark = pytest.mark.servers
ROLES = {"reads": schema.READER_ROLE, "box": schema.STATION_ROLE}


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with cluster() as running:
        for role in (schema.STATION_ROLE, schema.READER_ROLE, schema.PROMOTER_ROLE):
            running.ask("postgres", f"CREATE ROLE {role}")
        for role, group in ROLES.items():
            running.ask("postgres", f"CREATE ROLE {role} LOGIN IN ROLE {group}")
        running.ask("postgres", "CREATE ROLE nobody LOGIN")
        yield running


class Office(NamedTuple):
    """A head office, and the stations of which it reads."""

    fleet: Stations
    folder: Path

    def found(self, role: str = "reads") -> list[Finding]:
        """What the doctor says of the mirror, to who connects as that role."""
        address = self.fleet.server.address(DATABASE, role)
        settings = Settings.model_validate(
            {"state_dir": self.folder / "office", "fleet": {"postgres": address}}
        )
        every = [*examine(settings, SystemClock(UTC))]
        assert {one.subject for one in every} >= {"settings", "fleet", "clock"}
        return [one for one in every if one.subject not in ("settings", "clock")]


@pytest.fixture
def office(tmp_path: Path, server: Cluster) -> Iterator[Office]:
    with fleet_of(tmp_path, server, "reads") as fleet:
        yield Office(fleet, tmp_path)


def two_stations(fleet: Stations) -> None:
    for station in ("berlin", "hamburg"):
        fleet.shop(station).drop("a.png", b"")
        fleet.copy(station)
        fleet.say(station)


def said(findings: list[Finding], level: Level) -> str:
    return "\n".join(in_words(one) for one in findings if one.level is level)


def test_where_all_is_well_it_is_told_with_when_each_station_was_heard_of(office: Office) -> None:
    two_stations(office.fleet)
    found = office.found()
    assert {one.level for one in found} == {Level.OK}
    text = said(found, Level.OK)
    assert "fleet: PostgreSQL answers" in text
    assert "fleet: the role reads reads, and changes nothing of what stations wrote" in text
    assert f"fleet: its tables are nightsort's, schema {schema.VERSION}" in text
    assert [one.subject for one in found[3:]] == ["station berlin", "station hamburg"]
    assert "was heard of" in found[3].text


def test_stations_that_are_silent_are_told_with_what_to_do(office: Office) -> None:
    fleet = office.fleet
    two_stations(fleet)
    fleet.shop("aachen").drop("a.png", b"")
    fleet.copy("aachen")
    fleet.unheard("berlin", 2 * 3600.0)
    fleet.unheard("hamburg", 50 * 3600.0)
    found = office.found()
    assert "station hamburg: was heard of 50 h 00 min ago" in said(found, Level.WRONG)
    assert "nightsort mirror status" in said(found, Level.WRONG)
    assert "station berlin: was heard of 2 h 00 min ago" in said(found, Level.ADVICE)
    assert "station aachen: has never said how it is" in said(found, Level.ADVICE)


def test_a_role_that_may_write_is_told(office: Office) -> None:
    two_stations(office.fleet)
    text = said(office.found("box"), Level.ADVICE)
    assert "fleet: the role box may also write to alerts, api_calls, corrections, examples," in text
    assert f"→ let the page connect as a role of its own that reads: GRANT {ROLES['reads']}" in text
    assert "promotions" not in text


def test_a_role_that_may_not_read_is_told_what_to_grant(office: Office) -> None:
    two_stations(office.fleet)
    text = said(office.found("nobody"), Level.WRONG)
    assert "fleet: the role nobody may not read alerts, api_calls, corrections" in text
    assert text.endswith("→ GRANT nightsort_reader TO nobody")


def test_tables_of_another_version_or_none_are_told(office: Office) -> None:
    assert "there are no tables of a mirror in this database" in said(office.found(), Level.WRONG)
    two_stations(office.fleet)
    ask = office.fleet.server.ask
    ask(DATABASE, "UPDATE nightsort.schema_version SET version = 1")
    older = said(office.found(), Level.WRONG)
    assert f"of an older nightsort (schema 1, this one needs {schema.VERSION})" in older
    assert "nightsort mirror schema --from 1" in older
    ask(DATABASE, f"UPDATE nightsort.schema_version SET version = {schema.VERSION + 1}")
    assert "of a newer nightsort" in said(office.found(), Level.ADVICE)


def test_a_mirror_without_a_station_is_told(office: Office) -> None:
    two_stations(office.fleet)
    office.fleet.server.ask(DATABASE, "DELETE FROM nightsort.stations")
    assert "no station has copied anything yet" in said(office.found(), Level.ADVICE)


def test_without_the_pages_credential_that_is_left_to_the_page() -> None:
    settings = FleetSettings(postgres_credential="fleet-postgres")
    (alone,) = of_fleet(settings)
    assert (alone.level, "its check-up says more" in alone.text) == (Level.OK, True)
    (at_page,) = of_fleet(settings, is_page=True)
    assert (at_page.level, "fleet-postgres" in at_page.text) == (Level.WRONG, True)


def test_the_page_says_the_same_to_a_lead(office: Office) -> None:
    two_stations(office.fleet)
    desk = office.fleet.desk
    assert desk.get("/page/doctor").status_code == 403
    lead = {"x-api-key": desk.site.store.keys.add("lead", Role.LEAD)}
    page = desk.ask("GET", "/page/doctor", headers=lead).text
    assert "<strong>station hamburg</strong> was heard of" in page
    assert "In order: 5" in page
    german = desk.ask("GET", "/page/doctor", headers={**lead, "accept-language": "de"}).text
    assert "von einer Rolle, die lesen darf" in german
    office.fleet.server.stop()
    try:
        page = desk.ask("GET", "/page/doctor", headers=lead).text
        assert "Wrong: 1" in page
        assert "<strong>fleet</strong> PostgreSQL: " in page
    finally:
        office.fleet.server.start()
