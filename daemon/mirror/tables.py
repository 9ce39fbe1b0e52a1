"""Making the tables in PostgreSQL, and writing rows to them so that nothing is there twice."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from daemon.mirror import schema
from daemon.mirror.postgres import MirrorRefused, NotAllowed, Postgres
from daemon.store.mirrored import Key, Row, Table

# Of the whole database server, as long as one of us changes tables; any number that is ours.
LOCK = 7_044_251_963

# Looked up as rows: a name that was not there is remembered for the rest of a transaction, though
# the one who held the lock before has made it.
_SCHEMA_IS_THERE = (
    "SELECT EXISTS (SELECT 1 FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace"
    " WHERE nspname = 'nightsort' AND relname = 'schema_version')"
)
_VERSION = "SELECT version FROM nightsort.schema_version"
_ROLES_ARE_THERE = "SELECT count(*) = 2 FROM pg_roles WHERE rolname IN (%s, %s)"
_ROLE_IS_THERE = "SELECT count(*) = 1 FROM pg_roles WHERE rolname = %s"
_IS_NEWER = (
    "the tables in PostgreSQL are of a newer nightsort (schema {theirs}, this one knows {ours}); "
    "upgrade this station"
)
_IS_OLDER = (
    "the tables in PostgreSQL are of an older nightsort (schema {theirs}, this one needs {ours}); "
    "their owner brings them up to date: nightsort mirror schema --from {theirs}"
)
_IN_THE_WAY = (
    "public.{name} is there already in PostgreSQL, and is not nightsort's; rename it, and the "
    "mirror makes its view of that name"
)


def prepare(postgres: Postgres) -> None:
    """Make the tables, or bring those of an older nightsort up to date.

    Raises MirrorRefused where they are of a newer one, or of an older one and another role's, or
    something else is in their way.
    """
    version = version_of(postgres)
    if version == schema.VERSION:
        return
    try:
        _make(postgres)
    except NotAllowed as exc:
        if version < 0:
            raise
        raise MirrorRefused(_IS_OLDER.format(theirs=version, ours=schema.VERSION)) from exc


def _make(postgres: Postgres) -> None:
    with postgres.transaction():
        postgres.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        version = version_of(postgres)
        if version == schema.VERSION:
            return  # another box has made them meanwhile
        if version > schema.VERSION:
            raise MirrorRefused(_IS_NEWER.format(theirs=version, ours=schema.VERSION))
        if version < 0:
            postgres.execute(schema.BEGIN)
            _require_free_names(postgres)
        for step in schema.STEPS[max(version, 0) :]:
            postgres.execute(step)
        postgres.execute(schema.SET_VERSION, (schema.VERSION,))
        if _one(postgres, _ROLES_ARE_THERE, schema.STATION_ROLE, schema.READER_ROLE):
            postgres.execute(schema.RIGHTS)
        if _one(postgres, _ROLE_IS_THERE, schema.PROMOTER_ROLE):
            postgres.execute(schema.PROMOTER_RIGHTS)


def require_readable(postgres: Postgres) -> None:
    """Raise MirrorRefused unless all that this nightsort reads is there; more may be."""
    version = version_of(postgres)
    if version < 0:
        raise MirrorRefused("there are no tables of a mirror in this database (docs/mirror.md)")
    if version < schema.VERSION:
        raise MirrorRefused(_IS_OLDER.format(theirs=version, ours=schema.VERSION))


def write(postgres: Postgres, station: str, table: Table, rows: Sequence[Row]) -> None:
    """Write rows as they are now, whether they were there before or not."""
    if rows:
        was = ", ".join(f"was.{name}" for name in rows[0])
        now = ", ".join(f"excluded.{name}" for name in rows[0])
        # What is equal is not written: a copy of everything would leave twice as much behind.
        _write(postgres, station, table, "id", rows, f"({was}) IS DISTINCT FROM ({now})")


def write_calls(postgres: Postgres, station: str, rows: Sequence[Row]) -> None:
    """Write what calls of the API came to, one or more hours; as many as were there, or more."""
    # Of an hour that began before the page let go of its oldest calls there are fewer here.
    _write(postgres, station, "api_calls", "hour, path, status", rows, "excluded.calls > was.calls")


def _write(
    postgres: Postgres, station: str, table: str, key: str, rows: Sequence[Row], condition: str
) -> None:
    """Write rows; those that are there by that key only where the condition holds."""
    columns = ", ".join(rows[0])
    now = ", ".join(f"excluded.{name}" for name in rows[0])
    postgres.execute(
        f"INSERT INTO nightsort.{table} AS was (station, {columns})"  # noqa: S608 - our own text
        f" SELECT %s, {columns} FROM json_populate_recordset(NULL::nightsort.{table}, %s::json)"
        f" ON CONFLICT (station, {key}) DO UPDATE SET ({columns}) = ROW({now}) WHERE {condition}",
        (station, _as_json(rows)),
    )


def say(postgres: Postgres, station: str, instance: str, status: Mapping[str, object]) -> None:
    """Say how a station is, as long as it is still that box."""
    postgres.execute(
        "INSERT INTO nightsort.states (station, seen_at, status)"
        " SELECT name, now(), %s::jsonb FROM nightsort.stations WHERE name = %s AND instance = %s"
        " ON CONFLICT (station) DO UPDATE SET (seen_at, status) = (now(), excluded.status)",
        (_as_json(status), station, instance),
    )


def remove(postgres: Postgres, station: str, table: Table, ids: Sequence[Key]) -> None:
    """Remove rows that are in the history no more; with a photo all that was said of it."""
    if not ids:
        return
    kind = "text" if table == "runs" else "bigint"
    removals = [(table, "id")] + ([("corrections", "photo")] if table == "photos" else [])
    for where, column in removals:
        postgres.execute(
            f"DELETE FROM nightsort.{where}"  # noqa: S608 - our own text
            f" WHERE station = %s AND {column} = ANY(%s::{kind}[])",
            (station, [*ids]),
        )


def remove_others(
    postgres: Postgres,
    station: str,
    table: Table,
    between: tuple[Key | None, Key | None],
    keep: Sequence[Key],
) -> None:
    """Remove a station's rows but those to keep, of the ids after the first up to the second.

    None: from the beginning (alerts: from where the kept ones begin, as what is older went here by
    its age and stays there), or to the end.
    """
    after, last = between
    begin = keep[0] if table == "alerts" and after is None and keep else None
    postgres.execute(_REMOVE[table], (station, after, after, begin, begin, last, last, [*keep]))


def _removing(table: Table) -> str:
    kind = "text" if table == "runs" else "bigint"
    return (
        f"DELETE FROM nightsort.{table} WHERE station = %s"  # noqa: S608 - our own text
        f" AND (%s::{kind} IS NULL OR id > %s) AND (%s::{kind} IS NULL OR id >= %s)"
        f" AND (%s::{kind} IS NULL OR id <= %s) AND NOT id = ANY(%s::{kind}[])"
    )


_REMOVE = {table: _removing(table) for table in get_args(Table)}


def version_of(postgres: Postgres) -> int:
    """The version of the tables; -1 where there are none. Raises MirrorFailed."""
    return int(_one(postgres, _VERSION)) if _one(postgres, _SCHEMA_IS_THERE) else -1


def _require_free_names(postgres: Postgres) -> None:
    for name in schema.VIEWS:
        if _one(postgres, "SELECT to_regclass(%s) IS NOT NULL", f"public.{name}"):
            raise MirrorRefused(_IN_THE_WAY.format(name=name))


def _one(postgres: Postgres, statement: str, *values: Any) -> Any:
    row = postgres.row(statement, values or None)
    return None if row is None else row[0]


def _as_json(rows: Sequence[Row] | Mapping[str, object]) -> str:
    """The rows without what PostgreSQL's text cannot hold: the character 0, halves of others."""
    text = json.dumps(rows, ensure_ascii=False)
    if "\\u0000" in text:  # or somebody wrote just that
        text = json.dumps(_without_zeros(rows), ensure_ascii=False)
    return text.encode("utf-8", "replace").decode("utf-8")


def _without_zeros(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\0", "\N{REPLACEMENT CHARACTER}")
        case dict():
            return {_without_zeros(key): _without_zeros(inner) for key, inner in value.items()}
        case list():
            return [_without_zeros(inner) for inner in value]
    return value
