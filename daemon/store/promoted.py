"""The newest version from head office: the mirror's thread and the loop both say what is of it."""

from __future__ import annotations

import json
from datetime import datetime

from daemon.domain.promotions import Promoted
from daemon.store.audit import Kind, append
from daemon.store.database import Part
from daemon.store.facts import PROMOTED, set_fact
from daemon.store.rows import utc


class PromotedVersion(Part):
    """What is known of it."""

    def known(self) -> Promoted | None:
        """As it stands now; None while there was none yet."""
        row = self._db.execute("SELECT value FROM facts WHERE key = ?", (PROMOTED,)).fetchone()
        found: Promoted | None = None if row is None else json.loads(row[0])
        return found

    def replace(self, known: Promoted | None, by: Promoted, at: datetime) -> bool:
        """Say what is of it now; False, and as it was, where others have said something meanwhile.

        known: what that was made of. One that came is in the audit chain.
        """
        with self._db.transaction():
            if self.known() != known:
                return False
            set_fact(self._db, PROMOTED, by)
            if by["state"] == "came":
                told = {"version": by["name"], "sha256": by["sha256"]}
                append(self._db, Kind.FETCHED, utc(at), told, person=by["person"])
        return True
