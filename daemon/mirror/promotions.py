"""Versions in PostgreSQL: those of each station, and which one is promoted to all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from classifier.version import read_card
from config.errors import ModelError, NightsortError, RefusedError
from daemon.mirror.postgres import Postgres
from daemon.sorting.versions import SHIPPED, Versions


@dataclass(frozen=True, slots=True)
class Promotion:
    """A version that is offered to all stations."""

    id: int
    station: str  # empty: nothing is promoted any more
    version: str
    sha256: str
    base: str
    person: str
    at: datetime

    @property
    def is_withdrawal(self) -> bool:
        """Whether it only ends the one before."""
        return not self.version


class KnownVersion(NamedTuple):
    """A version of some station."""

    station: str
    name: str
    sha256: str
    base: str
    learnt: str
    categories: int
    examples: int
    judgement: str | None
    is_in_use: bool


# Several times what a version of a thousand labels takes.
LARGEST_BYTES = 64_000_000
_LARGEST_INTEGER = 2**31 - 1
_COLUMNS = "station, name, sha256, base, learnt, categories, examples, judgement, is_in_use"
MOST_OF_EACH = 100
_TEXTS = ", ".join(
    f"left({one}, 200) AS {one}" for one in ("name", "sha256", "base", "learnt", "judgement")
)
_KNOWN = (
    f"SELECT stations.name, one.name, sha256, base, learnt, categories, examples, judgement,"  # noqa: S608
    f" is_in_use FROM nightsort.stations CROSS JOIN LATERAL (SELECT {_TEXTS}, categories,"
    " examples, is_in_use FROM nightsort.versions WHERE station = stations.name"
    " ORDER BY versions.learnt DESC, versions.name DESC LIMIT %s) AS one"
    " ORDER BY stations.name, learnt DESC, one.name DESC"
)
_NEWEST = (
    "SELECT id, station, version, sha256, base, person, at FROM nightsort.promotions"
    " ORDER BY id DESC LIMIT 1"
)


def known_versions(postgres: Postgres) -> list[KnownVersion]:
    """Of all stations, the newest of each first, and no more of each than a page can tell."""
    return [KnownVersion(*row) for row in postgres.rows(_KNOWN, (MOST_OF_EACH,))]


def newest(postgres: Postgres) -> Promotion | None:
    """The promotion that counts; None while there was none, or it was withdrawn."""
    row = postgres.row(_NEWEST)
    found = None if row is None else Promotion(*row)
    return None if found is None or found.is_withdrawal else found


def content_of(postgres: Postgres, promotion: int) -> bytes | None:
    """Its file; None where that is larger than any version, and would only fill the memory."""
    row = postgres.row(
        "SELECT content FROM nightsort.promotions WHERE id = %s AND octet_length(content) <= %s",
        (promotion, LARGEST_BYTES),
    )
    return None if row is None else bytes(row[0])


def promote(postgres: Postgres, station: str, version: str, person: str) -> Promotion:
    """Offer a version to all stations; once more changes nothing.

    Raises RefusedError where there is none such, MirrorFailed.
    """
    with postgres.transaction():
        done = postgres.execute(
            "INSERT INTO nightsort.promotions (station, version, sha256, base, content, person)"
            " SELECT station, name, sha256, base, content, %s FROM nightsort.versions AS one"
            " WHERE station = %s AND name = %s AND NOT EXISTS (SELECT 1 FROM (SELECT station,"
            " version, sha256 FROM nightsort.promotions ORDER BY id DESC LIMIT 1) AS last"
            " WHERE last.station = one.station AND last.version = one.name"
            " AND last.sha256 = one.sha256)",
            (person, station, version),
        )
        found = newest(postgres)
    is_it = found is not None and (found.station, found.version) == (station, version)
    if found is None or not (done or is_it):
        raise RefusedError(f"there is no version {version} of station {station} in the mirror")
    return found


def withdraw(postgres: Postgres, person: str) -> None:
    """Offer none any more; what stations have adopted stays."""
    with postgres.transaction():
        if newest(postgres) is not None:
            postgres.execute(
                "INSERT INTO nightsort.promotions (station, version, sha256, base, content, person)"
                " VALUES ('', '', '', '', '', %s)",
                (person,),
            )


def copy_versions(postgres: Postgres, station: str, versions: Versions) -> None:
    """Bring a station's rows to what lies in its folder of versions. Raises MirrorFailed."""
    try:
        here = {one.name: (one, content) for one, content in _found(station, versions)}
    except (RefusedError, OSError):
        return  # somebody spoilt the rights of the folder: the history is copied all the same
    there = {
        name: (sha256, is_in_use)
        for name, sha256, is_in_use in postgres.rows(
            "SELECT name, sha256, is_in_use FROM nightsort.versions WHERE station = %s", (station,)
        )
    }
    if there == {name: (one.sha256, one.is_in_use) for name, (one, _) in here.items()}:
        return
    with postgres.transaction():
        postgres.execute(
            "DELETE FROM nightsort.versions WHERE station = %s AND NOT name = ANY(%s::text[])",
            (station, [*here]),
        )
        for one, content in here.values():
            _write(postgres, one, content)


def _write(postgres: Postgres, one: KnownVersion, content: bytes) -> None:
    names = f"{_COLUMNS}, content"
    now = ", ".join(f"excluded.{name}" for name in names.split(", "))
    postgres.execute(
        f"INSERT INTO nightsort.versions ({names}) VALUES ({', '.join(['%s'] * 10)})"  # noqa: S608
        f" ON CONFLICT (station, name) DO UPDATE SET ({names}) = ROW({now})",
        (*one, content),
    )


def _found(station: str, versions: Versions) -> Iterator[tuple[KnownVersion, bytes]]:
    """Those that can be read; one that is damaged is nobody's to promote."""
    in_use = SHIPPED
    with suppress(ModelError, RefusedError):
        in_use = versions.in_use()
    for name in versions.names():
        with suppress(NightsortError, OSError):
            path = versions.file(name)
            card, content = read_card(path), path.read_bytes()
            judgement = card.figures.get("judgement")
            yield (
                KnownVersion(
                    station, name, hashlib.sha256(content).hexdigest(),
                    _text(f"{card.base.name} {card.base.version}"), _text(card.learnt),
                    len(card.categories),
                    max(0, min(sum(card.examples.values()), _LARGEST_INTEGER)),
                    _text(judgement) if isinstance(judgement, str) else None, name == in_use,
                ),
                content,
            )  # fmt: skip


def _text(said: str) -> str:
    """What a card says, as a column can hold it: one from elsewhere must not stop all copying."""
    return said.replace("\0", "\N{REPLACEMENT CHARACTER}")
