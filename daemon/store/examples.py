"""Examples: what people's decisions teach, each with what the network saw of its photo.

A decision becomes an example in its own transaction, by triggers (`schema`), and one that is taken
back ends it; the row of a photo that goes takes its example along. What the network sees is noted
later, while the photo still lies there; from then on the photo may go.
"""

# ruff: noqa: S608 - what is put into statements is this package's own text, never a value

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from daemon.domain.examples import (
    Brought,
    Counted,
    Kept,
    LastLesson,
    LookedAt,
    Occasion,
    Stock,
    Unseen,
)
from daemon.store.changes import note_change
from daemon.store.database import Part
from daemon.store.facts import LESSON, set_fact
from daemon.store.rows import utc

# The newest of each label; each takes 2.4 kB of the database.
MOST_OF_A_LABEL = 1000
_SINCE_VERSION = 10  # of the schema
_IS_USABLE = "examples.is_unseen = 0 AND examples.problem = '' AND examples.network = ?"


class Examples(Part):
    """All examples of an instance."""

    def look_again(self, network: str) -> None:
        """Note that all that another network looked at is to be looked at by this one."""
        others = "network NOT IN ('', ?) AND photo IS NOT NULL AND problem = ''"
        with self._db.transaction():
            self._tell(f"{others} AND is_unseen = 0", network)
            self._db.execute(
                f"UPDATE examples SET is_unseen = 1, problem = '' WHERE {others}", (network,)
            )

    def unseen(self, limit: int, after: int = 0) -> list[Unseen]:
        """Some that the network has to look at, beyond that number."""
        rows = self._db.execute(
            "SELECT examples.id, coalesce(place, target),"
            " coalesce(edited_sha256, photos.sha256, '') FROM examples"
            " JOIN photos ON photos.id = photo WHERE is_unseen = 1 AND examples.id > ?"
            " ORDER BY examples.id LIMIT ?",
            (after, limit),
        )
        return [Unseen(number, os.fsdecode(place), sha256) for number, place, sha256 in rows]

    def saw(self, seen: Iterable[LookedAt], network: str) -> None:
        """Keep what a network saw; of each label the newest only."""
        with self._db.transaction():
            for one in seen:
                self._keep(one.id, one.features)
                self._db.execute(
                    "UPDATE examples SET is_unseen = 0, problem = '', network = ?, sha256 = ?"
                    " WHERE id = ?",
                    (network, one.sha256, one.id),
                )
                self._tell("id = ?", one.id)
            self._trim()

    def could_not_see(self, example: int, problem: str) -> None:
        """Note that a photo cannot be looked at, and why; another word on it asks again."""
        with self._db.transaction():
            self._db.execute(
                "UPDATE examples SET is_unseen = 0, problem = ? WHERE id = ?", (problem, example)
            )
            self._tell("id = ?", example)

    def bring(self, brought: Iterable[Brought], person: str, at: datetime, network: str) -> Counted:
        """Keep what somebody brings; returns how many are new, and how many changed their label."""
        with self._db.transaction():
            before = [self._bring(one, person, utc(at), network) for one in brought]
            self._trim()
        return Counted(before.count(None), before.count(False))

    def usable(self, network: str) -> list[Kept]:
        """All that can be learnt from over this network, oldest word first."""
        rows = self._db.execute(
            "SELECT photo, name, label, source, person, at, examples.return_id,"
            " examples.sha256, features, coalesce(place, target, x'')"
            " FROM examples JOIN example_features ON example = examples.id"
            " LEFT JOIN photos ON photos.id = photo"
            f" WHERE {_IS_USABLE} ORDER BY at, examples.id",
            (network,),
        )
        return [_kept(*row) for row in rows]

    def labels(self) -> list[str]:
        """All that photos are said to show; none in a database of an older nightsort."""
        if self._db.require_known_version() < _SINCE_VERSION:
            return []
        rows = self._db.execute("SELECT DISTINCT label FROM examples ORDER BY label")
        return [label for (label,) in rows]

    def said(self) -> list[str]:
        """What people said that photos of the history show, known to any model or not."""
        if self._db.require_known_version() < _SINCE_VERSION:
            return []
        rows = self._db.execute(
            "SELECT DISTINCT label FROM examples WHERE photo IS NOT NULL ORDER BY label"
        )
        return [label for (label,) in rows]

    def labels_since(self, at: str, network: str) -> dict[str, int]:
        """How many of each label that can be learnt from were said after that."""
        rows = self._db.execute(
            f"SELECT label, count(*) FROM examples WHERE {_IS_USABLE} AND at > ? GROUP BY label",
            (network, at),
        )
        return dict(rows.fetchall())

    def by_occasion(self) -> dict[str, dict[str, int]]:
        """How many there are of each label, by how they came; looked at yet or not."""
        if self._db.require_known_version() < _SINCE_VERSION:
            return {}
        rows = self._db.execute(
            "SELECT label, source, count(*) FROM examples GROUP BY label, source ORDER BY label"
        )
        found: dict[str, dict[str, int]] = {}
        for label, source, count in rows:
            found.setdefault(label, {})[source] = count
        return found

    def remove_brought(self, photos: Collection[str] | None, label: str | None) -> int:
        """Let go of what was brought; returns how many that were. What people decided stays.

        photos: by the hashes of their files; label: what they are said to show; None: whichever.
        """
        with self._db.transaction():
            rows = self._db.execute("SELECT id, sha256, label FROM examples WHERE photo IS NULL")
            gone = [
                (number,)
                for number, sha256, said in rows.fetchall()
                if (photos is None or sha256 in photos) and label in (None, said)
            ]
            self._db.executemany("DELETE FROM examples WHERE id = ?", gone)
        return len(gone)

    def stock(self, network: str) -> Stock:
        """How many there are; none in a database of an older nightsort."""
        if self._db.require_known_version() < _SINCE_VERSION:
            return Stock({}, 0, 0)
        labels = self._db.execute(
            f"SELECT label, count(*) FROM examples WHERE {_IS_USABLE} GROUP BY label", (network,)
        )
        usable = dict(labels.fetchall())
        every, unseen = self._db.execute(
            "SELECT count(*), coalesce(sum(is_unseen), 0) FROM examples"
        ).fetchone()
        return Stock(usable, unseen, every - unseen - sum(usable.values()))

    def count_since(self, at: str, network: str) -> tuple[int, str]:
        """How many that can be learnt from were said after that, and when the newest was.

        at: as `Kept.at`; empty: ever.
        """
        count, newest = self._db.execute(
            f"SELECT count(*), coalesce(max(at), '') FROM examples WHERE {_IS_USABLE} AND at > ?",
            (network, at),
        ).fetchone()
        return int(count), str(newest)

    def last_lesson(self) -> LastLesson | None:
        """The last lesson that was held."""
        row = self._db.execute("SELECT value FROM facts WHERE key = ?", (LESSON,)).fetchone()
        found: LastLesson | None = None if row is None else json.loads(row[0])
        return found

    def learnt(
        self, document: Mapping[str, Any], until: str, now: datetime, *, by_itself: bool
    ) -> LastLesson:
        """Remember a lesson. document: as `learn --json`; until: `Kept.at` of its newest."""
        with self._db.transaction():
            last = self.last_lesson()
            (new,) = self._db.execute(
                "SELECT count(*) FROM examples WHERE is_unseen = 0 AND problem = ''"
                " AND at > ? AND at <= ?",
                (last["until"] if last else "", until),
            ).fetchone()
            held: LastLesson = {
                "at": utc(now),
                "until": max(until, last["until"]) if last else until,
                "new": new,
                "examples": sum(document["examples"].values()),
                "new_labels": list(document["new_labels"]),
                "version": document["version"],
                "judgement": document["judgement"],
                "why": document["why"],
                "adopted": document["adopted"],
                "by_itself": by_itself,
            }
            set_fact(self._db, LESSON, held)
        return held

    def _bring(self, one: Brought, person: str, at: str, network: str) -> bool | None:
        """Whether it was known under this label; None: it was not known at all."""
        known = self._db.execute(
            "SELECT label, network FROM examples WHERE photo IS NULL AND sha256 = ?", (one.sha256,)
        ).fetchone()
        if known == (one.label, network):
            return True
        (number,) = self._db.execute(
            "INSERT INTO examples (label, source, person, at, return_id, name, sha256, network,"
            " is_unseen) VALUES (?, 'upload', ?, ?, ?, ?, ?, ?, 0)"
            " ON CONFLICT (sha256) WHERE photo IS NULL DO UPDATE SET label = excluded.label,"
            " person = excluded.person, at = excluded.at, name = excluded.name,"
            " network = excluded.network RETURNING id",
            (one.label, person, at, one.return_id, one.name, one.sha256, network),
        ).fetchone()
        self._keep(number, one.features)
        return None if known is None else known[0] == one.label

    def _tell(self, condition: str, value: int | str) -> None:
        """Tell in the feed that photos are examples from now on, or are none any more."""
        photos = self._db.execute(
            f"SELECT photo FROM examples WHERE {condition} AND photo IS NOT NULL", (value,)
        )
        for (photo,) in photos.fetchall():
            note_change(self._db, "detail", photo)

    def _keep(self, example: int, features: bytes) -> None:
        self._db.execute(
            "INSERT INTO example_features VALUES (?, ?)"
            " ON CONFLICT (example) DO UPDATE SET features = excluded.features",
            (example, zlib.compress(features)),
        )

    def _trim(self) -> None:
        surplus = (
            "id IN (SELECT id FROM (SELECT id, row_number() OVER"
            " (PARTITION BY label ORDER BY at DESC, id DESC) AS place FROM examples)"
            " WHERE place > ?)"
        )
        self._tell(surplus, MOST_OF_A_LABEL)
        self._db.execute(f"DELETE FROM examples WHERE {surplus}", (MOST_OF_A_LABEL,))


def _kept(*row: Any) -> Kept:
    photo, name, label, source, person, at, return_id, sha256, features, place = row
    seen = zlib.decompress(features)
    known = Occasion(source)
    return Kept(photo, name, label, known, person, at, return_id, sha256, seen, os.fsdecode(place))
