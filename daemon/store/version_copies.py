"""Copies of the learnt versions, so that a backup of the database has them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from daemon.store.audit import Kind, append
from daemon.store.database import Part
from daemon.store.facts import VERSIONS_ADOPTED, set_fact
from daemon.store.rows import utc


class VersionCopies(Part):
    """What lay in the folder of versions when it was last looked at."""

    def names(self) -> set[str]:
        """Of all that there are."""
        return {name for (name,) in self._db.execute("SELECT name FROM versions")}

    def adopted(self) -> list[str]:
        """Those adopted, one after the other; empty where none ever was."""
        row = self._db.execute(
            "SELECT value FROM facts WHERE key = ?", (VERSIONS_ADOPTED,)
        ).fetchone()
        found: Any = [] if row is None else json.loads(row[0])
        return list(found)

    def content(self, name: str) -> bytes:
        """The bytes of one's file."""
        (content,) = self._db.execute(
            "SELECT content FROM versions WHERE name = ?", (name,)
        ).fetchone()
        return bytes(content)

    def renew(self, name: str, content: bytes) -> None:
        """Take the bytes of one whose file was written anew, where there is a copy of it."""
        with self._db.transaction():
            self._db.execute("UPDATE versions SET content = ? WHERE name = ?", (content, name))

    def keep(
        self,
        new: Mapping[str, bytes],
        gone: set[str],
        adopted: Sequence[str],
        at: datetime,
        person: str,
    ) -> None:
        """Take in those that are new, let go of those that are gone.

        person: who did that, or had it done, for the audit chain.
        """
        with self._db.transaction():
            if adopted[-1:] != self.adopted()[-1:]:
                told = {"version": adopted[-1] if adopted else "shipped"}
                append(self._db, Kind.ADOPTION, utc(at), told, person=person)
            for name in gone:
                self._db.execute("DELETE FROM versions WHERE name = ?", (name,))
            for name, content in new.items():
                self._db.execute("INSERT OR REPLACE INTO versions VALUES (?, ?)", (name, content))
            set_fact(self._db, VERSIONS_ADOPTED, list(adopted))
