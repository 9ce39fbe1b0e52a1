"""What the doctor says of the mirror that a head office reads, and of the stations in it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from config.errors import ConfigError, NightsortError
from config.mirror import FleetSettings
from config.readable import plain
from config.units import duration
from daemon.health.doctor.findings import Finding, Findings, advice, ok, wrong
from daemon.mirror import postgres, schema, tables
from daemon.mirror.fleet import QUIET, SILENT
from daemon.mirror.rights import Rights, Seen, rights_of, stations_seen
from daemon.mirror.thread import address_of

_MORE = "docs/fleet.md says more"
_READER = f"GRANT {schema.READER_ROLE} TO"
_MOST_STATIONS = 200


def of_fleet(settings: FleetSettings, *, is_page: bool = False) -> Findings:
    """Whether the mirror can be read, and which stations it has; where it is to be read.

    is_page: whoever asks is who reads it, and has the credential for that.
    """
    if not settings.has_postgres:
        return
    if not postgres.is_installed():
        yield wrong("fleet", "psycopg is not installed", postgres.how_to_install())
        return
    try:
        address = address_of(settings)
    except ConfigError as exc:
        if is_page:
            yield wrong("fleet", str(exc), f"put the connection string there; {_MORE}")
        else:
            yield ok(
                "fleet", "the mirror is read with the page's credential; its check-up says more"
            )
        return
    yield from _of_mirror(address)


def _of_mirror(address: str) -> Findings:
    try:
        with closing(postgres.connect(address)) as connection:
            yield ok("fleet", "PostgreSQL answers")
            with connection.transaction():
                rights = rights_of(connection)
                yield of_rights(rights)
                if rights.unreadable:
                    return
                version = tables.version_of(connection)
                yield of_schema(version)
                if version >= schema.VERSION:
                    yield from of_stations(stations_seen(connection))
    except NightsortError as exc:
        yield wrong("fleet", str(exc), _MORE)


def of_rights(rights: Rights) -> Finding:
    """What the role may do; a promoter may add to what is offered."""
    role = rights.role
    if rights.unreadable:
        text = f"the role {role} may not read {', '.join(rights.unreadable)}"
        return wrong("fleet", text, f"{_READER} {role}")
    if rights.writable:
        text = f"the role {role} may also write to {', '.join(rights.writable)}"
        remedy = f"let the page connect as a role of its own that reads: {_READER} head_office"
        return advice("fleet", text, remedy)
    return ok("fleet", f"the role {role} reads, and changes nothing of what stations wrote")


def of_schema(version: int) -> Finding:
    """version: of the tables; -1 where there are none."""
    ours = schema.VERSION
    if version < 0:
        remedy = "let a station copy, or correct the connection string: it may be another database"
        return wrong("fleet", "there are no tables of a mirror in this database", remedy)
    if version < ours:
        text = f"its tables are of an older nightsort (schema {version}, this one needs {ours})"
        return wrong(
            "fleet", text, f"let their owner run: nightsort mirror schema --from {version}"
        )
    if version > ours:
        text = f"its tables are of a newer nightsort (schema {version}, this one knows {ours})"
        return advice("fleet", text, "upgrade nightsort here; it reads what it knows")
    return ok("fleet", f"its tables are nightsort's, schema {version}")


def of_stations(stations: Sequence[Seen]) -> Findings:
    """Which were last heard of when."""
    if not stations:
        yield advice("fleet", "no station has copied anything yet", "docs/mirror.md says how")
    for one in stations[:_MOST_STATIONS]:
        yield _of_station(one)
    if more := stations[_MOST_STATIONS:]:
        yield advice("fleet", f"there are {len(more)} more stations", "the fleet's page shows all")


def _of_station(one: Seen) -> Finding:
    subject = f"station {plain(one.station)}"
    remedy = "see there: nightsort status, nightsort mirror status"
    if one.at is None:
        return advice(subject, "has never said how it is", "let its service run, or upgrade it")
    text = f"was heard of {duration(one.age_seconds, 0)} ago, at {one.at:%Y-%m-%d %H:%M %Z}"
    if one.age_seconds > SILENT.total_seconds():
        return wrong(subject, text, f"{remedy}; if it is no more, docs/fleet.md removes it")
    if one.age_seconds > QUIET.total_seconds():
        return advice(subject, text, remedy)
    return ok(subject, text)
