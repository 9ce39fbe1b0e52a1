"""The copier: brings one station's rows in PostgreSQL to what the store says, batch by batch.

Each batch is one transaction there. Before it, the token that it will leave behind is noted here;
after it, that it is done. So the tokens of both sides say at the next meeting whether all is as it
was left: if not (one side was put back to an earlier state), everything is compared and copied.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import get_args
from uuid import UUID, uuid4

from typing_extensions import TypedDict

from daemon.mirror import tables
from daemon.mirror.postgres import MirrorFailed, MirrorRefused, NameTaken, Postgres
from daemon.mirror.saying import StationStatus
from daemon.store import Store
from daemon.store.changes import Kind
from daemon.store.facts import PRESENCE
from daemon.store.mirrored import MIRROR, MIRROR_FILL, Key, Row, Table

BATCH = 1000
_KINDS: tuple[Kind, ...] = get_args(Kind)
_TABLES: tuple[Table, ...] = get_args(Table)


class Filling(TypedDict):
    """How far it is with copying everything."""

    table: Table
    after: Key | None  # the last id that was copied
    rows: int  # so far


class State(TypedDict):
    """What the store remembers of the mirror."""

    instance: str  # by which this box is known there
    token: str  # of the last batch that came there
    next: str  # of the one that is on its way, or was the last
    filling: Filling | None


@dataclass(frozen=True, slots=True)
class _Batch:
    """What one transaction writes, and what holds once it is done."""

    rows: Mapping[Table, list[Row]]
    filling: Filling | None = None
    passed: int = 0
    gone: list[tuple[Table, tuple[Key | None, Key | None], list[Key]]] = field(default_factory=list)
    forgotten: Mapping[Table, list[Key]] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(map(len, self.rows.values()))


class Copier:
    """Copies for one station over one connection; both sides belong to the thread that made it."""

    def __init__(self, store: Store, postgres: Postgres, station: str, batch: int = BATCH) -> None:
        """Meet the other side, and see what there is to do.

        Raises MirrorFailed; MirrorRefused where the station's name is another box's.
        """
        self._store = store
        self._postgres = postgres
        self._station = station
        self._size = batch
        tables.prepare(postgres)
        self._state = self._meet()

    @property
    def filling(self) -> Filling | None:
        """How far it is with copying everything; None where it only follows what happens."""
        return self._state["filling"]

    def step(self) -> bool:
        """Copy the next batch; False when there is nothing to copy."""
        if self._store.facts.get(MIRROR_FILL):
            self._begin_filling()
        filling = self.filling
        batch = self._changed() if filling is None else self._next_of(filling)
        if batch is None:
            return False
        self._copy(batch)
        return True

    def say(self, status: StationStatus) -> None:
        """Say how this station is."""
        with self._postgres.transaction():
            tables.say(self._postgres, self._station, self._state["instance"], status)

    # --- meeting ---------------------------------------------------------------------------------

    def _meet(self) -> State:
        """Know each other again, or begin from the start."""
        state = state_of(self._store)
        there = self._postgres.row(
            "SELECT instance::text, token::text FROM nightsort.stations WHERE name = %s",
            (self._station,),
        )
        self._state = state or _new_state(self._store)
        if there is None:
            self._begin_filling(is_new=True)
        elif there[0] != self._state["instance"]:
            raise _taken(self._station)
        else:
            self._recognise(there[1])
        return self._state

    def _recognise(self, token: str) -> None:
        state = self._state
        is_followed = not self._store.changes.follow(MIRROR)
        if not is_followed or token not in (state["token"], state["next"]):
            self._begin_filling()
        else:
            # A batch whose end was not heard of did come there; done again, it changes nothing.
            self._state = {**state, "token": token, "next": token}

    def _begin_filling(self, *, is_new: bool = False) -> None:
        """Compare and copy everything; what changes meanwhile comes after that."""
        self._store.changes.follow(MIRROR)
        newest, token = self._store.changes.newest(), str(uuid4())
        state: State = {
            "instance": self._state["instance"],
            "token": self._state["token"],
            "next": token,
            "filling": {"table": _TABLES[0], "after": None, "rows": 0},
        }
        self._store.mirrored.note(state, passed=newest, is_filling=True)
        with self._postgres.transaction():
            if is_new:
                self._enlist(token)
            else:
                self._postgres.execute(
                    "UPDATE nightsort.stations SET token = %s, nightsort = %s, copied_at = now()"
                    " WHERE name = %s",
                    (token, version("nightsort"), self._station),
                )
        self._state = {**state, "token": token}
        self._store.mirrored.note(self._state)

    def _enlist(self, token: str) -> None:
        try:
            self._postgres.execute(
                "INSERT INTO nightsort.stations (name, instance, token, nightsort)"
                " VALUES (%s, %s, %s, %s)",
                (self._station, self._state["instance"], token, version("nightsort")),
            )
        except NameTaken:
            raise _taken(self._station) from None

    # --- copying ---------------------------------------------------------------------------------

    def _changed(self) -> _Batch | None:
        changes = self._store.changes.after_cursor(MIRROR, _KINDS, self._size)
        if not changes:
            return None
        touched = self._store.mirrored.touched(changes)
        rows = {table: self._store.mirrored.rows(table, ids) for table, ids in touched.items()}
        forgotten = {
            table: sorted(ids - {row["id"] for row in rows[table]}, key=str)
            for table, ids in touched.items()
        }
        return _Batch(rows, passed=changes[-1].seq, forgotten=forgotten)

    def _next_of(self, filling: Filling) -> _Batch:
        table, after = filling["table"], filling["after"]
        rows = self._store.mirrored.rows_after(table, after, self._size)
        keys: list[Key] = [row["id"] for row in rows]
        has_more = len(rows) == self._size
        last = keys[-1] if has_more else None
        gone = [(table, (after, last), keys)]
        copied = filling["rows"] + len(rows)
        following: Filling | None = {"table": table, "after": last, "rows": copied}
        if not has_more:
            rest = _TABLES[_TABLES.index(table) + 1 :]
            following = {"table": rest[0], "after": None, "rows": copied} if rest else None
        return _Batch({table: rows}, filling=following, gone=gone)

    def _copy(self, batch: _Batch) -> None:
        before, token = self._state["token"], str(uuid4())
        self._state = {**self._state, "next": token}
        self._store.mirrored.note(self._state)
        with self._postgres.transaction():
            known = self._postgres.execute(
                "UPDATE nightsort.stations SET token = %s, nightsort = %s, copied_at = now()"
                " WHERE name = %s AND instance = %s AND token = %s",
                (token, version("nightsort"), self._station, self._state["instance"], before),
            )
            if not known:
                raise MirrorFailed(
                    f"somebody else wrote as station {self._station} meanwhile; all is compared"
                )
            for table, between, keys in batch.gone:
                tables.remove_others(self._postgres, self._station, table, between, keys)
            for table, ids in batch.forgotten.items():
                tables.remove(self._postgres, self._station, table, ids)
            for table, rows in batch.rows.items():
                tables.write(self._postgres, self._station, table, rows)
        self._state = {**self._state, "token": token, "filling": batch.filling}
        self._store.mirrored.note(self._state, passed=batch.passed)


def state_of(store: Store) -> State | None:
    """What the store remembers of the mirror; None where there was none yet."""
    state: State | None = store.facts.get(MIRROR)
    return state


def _new_state(store: Store) -> State:
    token = str(uuid4())
    return {"instance": instance_of_box(store), "token": token, "next": token, "filling": None}


def instance_of_box(store: Store) -> str:
    """What this box is known by in its folders: a backup from before the mirror knows it, too."""
    presence = store.facts.get(PRESENCE) or {}
    try:
        return str(UUID(presence["instance"]))
    except (KeyError, ValueError):
        return str(uuid4())


def _taken(station: str) -> MirrorRefused:
    return MirrorRefused(
        f"another box is station {station} in PostgreSQL already; give this one a name of its own "
        "([mirror] station)"
    )
