"""The audit chain: what was judged, said and adopted, who signed in and who may; row by row bound.

A row's digest is over a salt and what is told, in the transaction that records it; its link is over
the link before and that digest. So whatever is changed later does not fit any more, nor does what
comes after a row that was taken out. Verdicts and words are told by their own rows, which stand in
their tables: nothing is kept twice. Who spoke is bound by a digest of its own with its own salt.
To forget a row, its salts and what it tells go, and the chain still holds.
"""

# ruff: noqa: S608 - what is put into statements is this package's own text, never a value

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from daemon.domain.page_acts import Doing, PageAct
from daemon.domain.photos import as_text
from daemon.store.database import Database, Part
from daemon.store.rows import utc

_SALT_BYTES = 16
FIRST_LINK = bytes(32)
_VERDICT = (
    "id, run, path, status, category, confidence, band, reason, sha256, recorded_at,"
    " return_id, model"
)
_WORD = "id, photo, word, before, category, via, at"


class Kind(StrEnum):
    """What a row is about."""

    BEGUN = "begun"  # the chain
    VERDICT = "verdict"
    WORD = "word"  # a decision, a correction, an undo: whatever people say of a photo
    ADOPTION = "adoption"  # of a version
    FETCHED = "fetched"  # a version that was promoted; the person is who did that
    SIGN_IN = "sign_in"
    ACCESS = "access"  # accounts and keys: who may use the page from now on
    FORGOTTEN = "forgotten"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the chain, with what it tells, as it stands there now."""

    seq: int
    at: str
    kind: str
    told: str | None  # JSON; None where that was forgotten, or is not there any more
    person: str | None
    salt: bytes | None
    person_salt: bytes | None
    person_digest: bytes | None
    digest: bytes
    link: bytes


class Audit(Part):
    """Reads the chain; `append` makes it longer."""

    def rows(self) -> Iterator[Row]:
        """All of it, from the first."""
        if not self._is_there():
            return
        found = self._db.execute(
            "SELECT seq, at, kind, about, told, person, salt, person_salt, person_digest, digest,"
            " link FROM audit ORDER BY seq"
        )
        for seq, at, kind, about, *itself, salt, person_salt, bound, digest, link in found:
            told, person = itself if about is None else _told_of(self._db, kind, about)
            yield Row(seq, at, kind, told, person, salt, person_salt, bound, digest, link)

    def unbound_words(self) -> list[int]:
        """What people said, by its numbers, of which the chain knows nothing though it should."""
        first = self._begun()
        if first is None:
            return []
        rows = self._db.execute(
            "SELECT id FROM corrections WHERE is_done = 1 AND id > ? AND id NOT IN"
            " (SELECT about FROM audit WHERE kind = 'word' AND about IS NOT NULL) ORDER BY id",
            (first["words"],),
        )
        return [number for (number,) in rows]

    def unbound_verdicts(self) -> list[int]:
        """Photos of whose verdicts the chain knows nothing though it should."""
        first = self._begun()
        if first is None:
            return []
        rows = self._db.execute(
            "SELECT id FROM photos WHERE result_number IS NOT NULL AND id > ? AND id NOT IN"
            " (SELECT about FROM audit WHERE kind = 'verdict' AND about IS NOT NULL) ORDER BY id",
            (first["photos"],),
        )
        return [number for (number,) in rows]

    def note_page_acts(self, page: str, acts: Iterable[PageAct]) -> int:
        """Take in what a page noted; returns the number there of the last that is known.

        One that is known already changes nothing.
        """
        with self._db.transaction():
            last = self._last_act(page)
            for act in acts:
                if act.number > last:
                    append(self._db, *_act(page, act), person=act.person)
                    last = act.number
        return last

    def note(self, kind: Kind, at: datetime, told: Mapping[str, Any], person: str) -> None:
        """Bind something that is told nowhere else."""
        with self._db.transaction():
            append(self._db, kind, utc(at), told, person=person)

    def _is_there(self) -> bool:
        """Whether there is a chain; none in a database of an older nightsort."""
        table = self._db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'audit'").fetchone()
        return table is not None

    def _last_act(self, page: str) -> int:
        (last,) = self._db.execute(
            "SELECT coalesce(max(json_extract(told, '$.number')), 0) FROM audit"
            " WHERE kind IN ('sign_in', 'access') AND json_extract(told, '$.page') = ?",
            (page,),
        ).fetchone()
        return int(last)

    def _begun(self) -> dict[str, int] | None:
        if not self._is_there():
            return None
        row = self._db.execute("SELECT told FROM audit WHERE kind = 'begun'").fetchone()
        return json.loads(row[0]) if row and row[0] else None


@dataclass(frozen=True, slots=True)
class _Unbound:
    """What is to be bound: as `Row`, but not yet a part of the chain."""

    at: str
    kind: Kind
    told: str
    person: str | None = None
    about: int | None = None


def append(
    database: Database,
    kind: Kind,
    at: str,
    told: Mapping[str, Any] | None = None,
    *,
    about: int | None = None,
    person: str | None = None,
) -> None:
    """Bind one more row, within a transaction of another part.

    about: the photo or word that tells it itself; told: what else there is to tell. at: as `utc`.
    """
    if about is not None:
        text, person = _told_of(database, kind, about)
    else:
        text = _json(told)
    assert text is not None
    _bind(database, [_Unbound(at, kind, text, person, about)])


def append_verdicts(database: Database, photos: Mapping[int, str]) -> None:
    """Bind the verdicts on these photos in their order, as `append` does. photos: when, by number.

    One by one takes half again as long.
    """
    rows = database.execute(
        f"SELECT {_VERDICT} FROM photos WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps([*photos]),),
    )
    told = {row[0]: _told_by(_VERDICT, row) for row in rows}
    verdicts = (
        _Unbound(at, Kind.VERDICT, told[photo], about=photo) for photo, at in photos.items()
    )
    _bind(database, verdicts)


def _bind(database: Database, unbound: Iterable[_Unbound]) -> None:
    last = database.execute("SELECT seq, link FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    number, link = (last[0], bytes(last[1])) if last else (0, FIRST_LINK)
    rows = []
    for one in unbound:
        number += 1
        salt, person = secrets.token_bytes(_SALT_BYTES), one.person
        person_salt = None if person is None else secrets.token_bytes(_SALT_BYTES)
        person_digest = None if person is None else digest_of_person(person_salt or b"", person)
        digest = digest_of(salt, one.told, person_digest)
        link = link_of(link, number, one.at, one.kind, digest)
        itself = (one.told, person) if one.about is None else (None, None)
        bound = salt, person_salt, person_digest, digest, link
        rows.append((number, one.at, one.kind, one.about, *itself, *bound))
    database.executemany("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)


def begin_chain(database: Database) -> None:
    """Begin the chain, where there is none; for what is there already it cannot vouch."""
    if _is_begun(database):
        return
    with database.transaction():
        if not _is_begun(database):  # by nobody meanwhile
            photos, words = database.execute(
                "SELECT (SELECT coalesce(max(id), 0) FROM photos WHERE result_number IS NOT NULL),"
                " (SELECT coalesce(max(id), 0) FROM corrections)"
            ).fetchone()
            told = {"photos": photos, "words": words}
            append(database, Kind.BEGUN, utc(datetime.now(UTC)), told)


def _is_begun(database: Database) -> bool:
    return database.execute("SELECT 1 FROM audit LIMIT 1").fetchone() is not None


def forget_rows(database: Database, photos: str) -> int:
    """Take away what rows about these photos tell, within a transaction of another part; how many.

    photos: their numbers as JSON; to be called while their words are still there.
    """
    these = "(SELECT value FROM json_each(?))"
    forgotten = database.execute(
        "UPDATE audit SET about = NULL, salt = NULL, person_salt = NULL, person_digest = NULL"
        f" WHERE (kind = 'verdict' AND about IN {these}) OR (kind = 'word' AND about IN"
        f" (SELECT id FROM corrections WHERE photo IN {these}))",
        (photos, photos),
    )
    return forgotten.rowcount


def forget_people(database: Database, until: str, at: str, by: str) -> None:
    """Let nobody be found out who is named in rows of before `until`; their names are gone already.

    Within a transaction of another part. What was done to somebody's account is told with that
    name: such a row goes as a whole. at: as `utc`; by: at whose word.
    """
    database.execute(
        "UPDATE audit SET person_salt = NULL WHERE at < ? AND person_salt IS NOT NULL", (until,)
    )
    forgotten = database.execute(
        "UPDATE audit SET told = NULL, person = NULL, salt = NULL, person_digest = NULL"
        " WHERE kind = 'access' AND at < ? AND salt IS NOT NULL",
        (until,),
    ).rowcount
    if forgotten:
        append(database, Kind.FORGOTTEN, at, {"photos": 0, "rows": forgotten}, person=by)


def digest_of(salt: bytes, told: str, person_digest: bytes | None) -> bytes:
    """What binds a row to what it tells."""
    return hashlib.sha256(salt + (person_digest or b"") + told.encode()).digest()


def digest_of_person(salt: bytes, person: str) -> bytes:
    """What binds a row to who spoke."""
    return hashlib.sha256(salt + person.encode("utf-8", "surrogatepass")).digest()


def link_of(before: bytes, seq: int, at: str, kind: str, digest: bytes) -> bytes:
    """What binds a row to all that came before it."""
    return hashlib.sha256(before + f"{seq}|{at}|{kind}|".encode() + digest).digest()


def _act(page: str, act: PageAct) -> tuple[Kind, str, Mapping[str, object]]:
    """What the chain tells of an act at a page."""
    told: dict[str, object] = {"page": page, "number": act.number}
    if act.doing is Doing.SIGN_IN:
        return Kind.SIGN_IN, act.at, told
    told |= {"doing": act.doing, "whom": act.whom} | ({"role": act.role} if act.role else {})
    return Kind.ACCESS, act.at, told


def _told_of(database: Database, kind: str, about: int) -> tuple[str | None, str | None]:
    """What a photo or word tells, and who spoke; None where it is not there."""
    if kind == Kind.VERDICT:
        row = database.execute(f"SELECT {_VERDICT} FROM photos WHERE id = ?", (about,)).fetchone()
        names, person = _VERDICT, None
    else:
        row = database.execute(
            f"SELECT {_WORD}, person FROM corrections WHERE id = ?", (about,)
        ).fetchone()
        names, person = _WORD, row and row[-1]
    if row is None:
        return None, None
    return _told_by(names, row), person


def _told_by(names: str, row: Iterable[Any]) -> str:
    return _json(dict(zip(names.split(", "), map(_plain, row), strict=False)))


def _plain(value: Any) -> Any:
    return as_text(os.fsdecode(value)) if isinstance(value, bytes) else value


def _json(told: Any) -> str:
    return json.dumps(told, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
