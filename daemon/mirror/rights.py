"""What a role may do in the mirror, and which stations it sees: for the doctor of a head office."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from daemon.mirror import schema
from daemon.mirror.fleet import STATIONS_SEEN
from daemon.mirror.postgres import Postgres

# An INSERT may be given for single columns; that a promoter adds to promotions is what it is for.
_MAY = (
    "SELECT relname, has_table_privilege(pg_class.oid, 'SELECT'),"
    " has_any_column_privilege(pg_class.oid, 'UPDATE') OR has_table_privilege(pg_class.oid,"
    " 'DELETE, TRUNCATE') OR has_any_column_privilege(pg_class.oid, 'INSERT')"
    " AND relname <> 'promotions' FROM pg_class JOIN pg_namespace ON pg_namespace.oid ="
    " relnamespace WHERE nspname = 'nightsort' AND relname = ANY(%s) ORDER BY relname"
)


@dataclass(frozen=True, slots=True)
class Rights:
    """Of the role that the connection string names."""

    role: str
    unreadable: Sequence[str]  # tables of the mirror
    writable: Sequence[str]


@dataclass(frozen=True, slots=True)
class Seen:
    """When a station was last heard of."""

    station: str
    at: datetime | None  # None: it has never said how it is
    age_seconds: float


def rights_of(postgres: Postgres) -> Rights:
    """What this connection's role may do. Raises MirrorFailed."""
    (role,) = postgres.row("SELECT current_user::text") or ("",)
    found = postgres.rows(_MAY, ([*schema.TABLES],))
    return Rights(
        role,
        [table for table, may_read, _ in found if not may_read],
        [table for table, _, may_write in found if may_write],
    )


def stations_seen(postgres: Postgres) -> list[Seen]:
    """All stations, by name. Raises MirrorFailed."""
    return [
        Seen(name, at, float(age_seconds or 0.0))
        for name, at, age_seconds in postgres.rows(STATIONS_SEEN)
    ]
