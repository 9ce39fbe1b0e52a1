"""The audit chain for whoever has to believe it: looked through, exported, looked through again."""

from __future__ import annotations

import csv
import hmac
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from config.errors import NamedWrongly, RefusedError
from daemon.folders.os_errors import printable
from daemon.folders.writing import BOM, csv_lines, replacing, unguarded
from daemon.store import Store
from daemon.store.audit import FIRST_LINK, Kind, Row, digest_of, digest_of_person, link_of

COLUMNS = (
    "seq", "at", "kind", "told", "person", "salt", "person_salt", "person_digest", "digest", "link",
)  # fmt: skip
_LONGEST_CELL = 1 << 24


def _quietly(_rows: int) -> None:
    """Say nothing of how far it is."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look through a chain found."""

    rows: int  # up to the first that does not fit
    forgotten: int  # rows that tell nothing any more
    head: str  # the last link, in hexadecimal: noted elsewhere, it binds all of them
    bad_row: int | None = None
    why: str = ""  # it does not fit


class _Chain:
    """Follows a chain, and says what does not fit."""

    def __init__(self) -> None:
        self.rows = self.forgotten = self.accounted = 0
        self.link = FIRST_LINK

    def take(self, row: Row) -> str:
        """Why a row does not fit; empty where it does."""
        why = _problem(row, self.rows + 1, self.link)
        if not why:
            self.rows += 1
            self.link = row.link
            self.forgotten += row.salt is None
            if row.kind == Kind.FORGOTTEN and row.told:
                self.accounted += int(json.loads(row.told)["rows"])
        return why


def look_through(rows: Iterable[Row], advance: Callable[[int], None] = _quietly) -> Looked:
    """Look through a chain from its first row on. advance: called with how many were looked at."""
    chain = _Chain()
    for row in rows:
        advance(row.seq)
        if why := chain.take(row):
            return Looked(chain.rows, chain.forgotten, chain.link.hex(), row.seq, why)
    if chain.forgotten != chain.accounted:
        why = (
            f"{chain.forgotten} rows tell nothing any more, and only {chain.accounted} were "
            "forgotten in order"
        )
        return Looked(chain.rows, chain.forgotten, chain.link.hex(), chain.rows, why)
    return Looked(chain.rows, chain.forgotten, chain.link.hex())


def look_through_store(store: Store, advance: Callable[[int], None] = _quietly) -> Looked:
    """Look through the box's own chain, and for what is told and not in it."""
    looked = look_through(store.audit.rows(), advance)
    if looked.bad_row is not None:
        return looked
    for what, numbers in (
        ("verdict on photo", store.audit.unbound_verdicts()),
        ("word", store.audit.unbound_words()),
    ):
        if numbers:
            why = f"the {what} #{numbers[0]} is in the history, and not in the chain"
            return Looked(looked.rows, looked.forgotten, looked.head, looked.rows + 1, why)
    return looked


def export(store: Store, file: Path, advance: Callable[[int], None] = _quietly) -> Looked:
    """Write the chain to a CSV, in place of any other. Raises TransientError, NamedWrongly."""
    name = printable(str(file))
    if os.path.isdir(file):  # noqa: PTH112 - Path's own raises where a folder may not be entered
        raise NamedWrongly(f"{name}: is a folder; name a file, such as audit.csv")
    if not file.parent.is_dir():
        raise NamedWrongly(f"{name}: its folder is not there; make it, or name another file")
    chain = _Chain()
    bad: Looked | None = None
    with replacing(file) as written:
        written.write((BOM + csv_lines([COLUMNS])).encode("utf-8"))
        for row in store.audit.rows():
            advance(row.seq)
            written.write(csv_lines([_cells(row)]).encode("utf-8"))
            if bad is None and (why := chain.take(row)):
                bad = Looked(chain.rows, chain.forgotten, chain.link.hex(), row.seq, why)
    return bad or Looked(chain.rows, chain.forgotten, chain.link.hex())


def exported(file: Path) -> Iterator[Row]:
    """The rows of an export. Raises NamedWrongly for what is none, RefusedError for damage."""
    csv.field_size_limit(_LONGEST_CELL)
    name = printable(str(file))
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            lines = csv.reader(opened, strict=True)
            if tuple(next(lines, ())) != COLUMNS:
                raise NamedWrongly(f"{name}: is no export; make one with `nightsort audit export`")
            for number, cells in enumerate(lines, start=1):
                yield _row(name, number, cells)
    except FileNotFoundError:
        raise NamedWrongly(f"{name}: there is no such file; check the path") from None
    except OSError as exc:
        why = exc.strerror
        raise NamedWrongly(
            f"{name}: cannot be read ({why}); check the path and its rights"
        ) from exc
    except (UnicodeDecodeError, csv.Error) as exc:
        raise RefusedError(f"{name}: is damaged ({exc}); export it again") from exc


def _problem(row: Row, seq: int, before: bytes) -> str:
    if row.seq != seq:
        return f"row {seq} is missing"
    if not hmac.compare_digest(row.link, link_of(before, row.seq, row.at, row.kind, row.digest)):
        return "it does not follow from the row before"
    return "" if row.salt is None else _wrongly_told(row, row.salt)


def _wrongly_told(row: Row, salt: bytes) -> str:
    if row.told is None:
        return "what it tells is gone, and was not forgotten in order"
    if not hmac.compare_digest(row.digest, digest_of(salt, row.told, row.person_digest)):
        return "what it tells was changed"
    if row.person_salt is not None and row.person_digest != digest_of_person(
        row.person_salt, row.person or ""
    ):
        return "who it names was changed"
    return ""


def _cells(row: Row) -> list[str]:
    return [
        str(row.seq),
        row.at,
        row.kind,
        row.told or "",
        row.person or "",
        *(
            (one or b"").hex()
            for one in (row.salt, row.person_salt, row.person_digest, row.digest, row.link)
        ),
    ]


def _row(name: str, number: int, cells: list[str]) -> Row:
    try:
        seq, at, kind, told, person, *digests = map(unguarded, cells)
        salt, person_salt, person_digest, digest, link = map(bytes.fromhex, digests)
        return Row(
            int(seq),
            at,
            kind,
            told or None,
            person or None,
            salt or None,
            person_salt or None,
            person_digest or None,
            digest,
            link,
        )
    except ValueError:
        raise RefusedError(f"{name}: row {number} is none of an export") from None
