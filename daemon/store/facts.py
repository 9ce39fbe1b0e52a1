"""Facts: what is remembered under a name; and the names that more than one part uses."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from daemon.store.database import Database, Part

PRESENCE = "presence"  # whose the folders are, and where: `daemon.folders.presence`
RESTORED = "database_restored"  # a backup took the place of a damaged database
MASS_REMOVAL = "mass_removal"  # photos gone all at once, by since when, until that is believed
WEEK_TOLD = "week_told"  # the newest week that has its page
MONTH_TOLD = "month_told"  # the newest month that has its page
ATTENDED = "attended_at"  # when the service was last seen to do what it is there for
WINDOWS_MISSED = "windows_missed"  # when those opened in which it was not, newest last, since then
LEFT_ALONE = "left_alone"  # what lay in incoming and was not sorted when which run was closed
WORKBOOKS_OWED = "workbooks_owed"  # runs whose workbook somebody had open, or had just saved
VERSIONS_ADOPTED = "versions_adopted"  # as the folder of versions says, for backups
LESSON = "lesson"  # the last one: `daemon.domain.examples.LastLesson`
PHOTO_NUMBER = "photo_number"  # the highest of those that were forgotten
FORGETTING = "forgetting"  # what is being forgotten, until that is done
FORGOTTEN_CAME = "forgotten_came"  # size of the list that is to be forgotten by again
UNFETCHED = "unfetched"  # since when files are to be brought back from the bucket, until all are
STRIPPED = "stripped"  # hashes, by place, of what came back without metadata and is not known yet
PAGE_PEOPLE = "page_people"  # of a restored backup: `daemon.store.page_people`
PROMOTED = "promoted"  # the newest version from head office: `daemon.domain.promotions.Promoted`
EXPORTS = "exports"  # where the history, or the chain, was exported to, and when the last time
ENDED_BY = "ended_by"  # the rule by which the service told why it ended, while it is down
EXAMINATION = "examination"  # the newest look of the doctor: `daemon.domain.inspection`

_EXPORTS_KNOWN = 100


class Facts(Part):
    """What survives a restart and is neither photo nor run nor alert."""

    def get(self, key: str) -> Any:
        """A remembered fact, or None."""
        row = self._db.execute("SELECT value FROM facts WHERE key = ?", (key,)).fetchone()
        return None if row is None else json.loads(row[0])

    def remember(self, key: str, value: Any) -> None:
        """Remember a fact; `value` is anything JSON can hold."""
        with self._db.transaction():
            set_fact(self._db, key, value)

    def note_export(self, where: str, now: datetime) -> None:
        """Remember an export, for the receipts of what is forgotten later: it may be in there."""
        with self._db.transaction():
            known = self.get(EXPORTS) or {}
            known.pop(where, None)
            known[where] = now.isoformat(timespec="seconds")
            set_fact(self._db, EXPORTS, dict([*known.items()][-_EXPORTS_KNOWN:]))


def set_fact(database: Database, key: str, value: Any) -> None:
    """Remember a fact within a transaction of another part."""
    database.execute(
        "INSERT INTO facts VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (key, json.dumps(value)),
    )
