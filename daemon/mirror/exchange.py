"""The exchange of versions: those of this station go to PostgreSQL, what was promoted there comes.

What came lies in the folder of versions under a name that is none of a version's, until it was
compared: `daemon.service.promotions` has that done, and this only fetches.
"""

from __future__ import annotations

import hashlib
import time
from datetime import UTC, datetime
from pathlib import Path

import structlog

from daemon.domain.promotions import (
    Promoted,
    PromotedState,
    is_name_elsewhere,
    name_elsewhere,
    origin_of,
)
from daemon.folders.os_errors import trouble
from daemon.folders.writing import replacing
from daemon.mirror import promotions
from daemon.mirror.postgres import Postgres
from daemon.mirror.promotions import Promotion
from daemon.sorting.promoted import file_of_promoted
from daemon.sorting.versions import Versions
from daemon.store import Store

log = structlog.get_logger()

EXCHANGE_SECONDS = 10.0


class Exchange:
    """Of one station; for the thread that has the connection."""

    def __init__(self, station: str, state_dir: Path, *, is_wanted: bool) -> None:
        """is_wanted: what was promoted is fetched."""
        self._station = station
        self._state_dir = state_dir
        self._is_wanted = is_wanted
        self._at = float("-inf")

    def step(self, postgres: Postgres, store: Store) -> None:
        """Look at both sides, where that is due. Raises MirrorFailed, TransientError."""
        if time.monotonic() - self._at < EXCHANGE_SECONDS:
            return
        promotions.copy_versions(postgres, self._station, Versions(self._state_dir))
        if self._is_wanted:
            self._fetch(postgres, store)
        self._at = time.monotonic()

    def _fetch(self, postgres: Postgres, store: Store) -> None:
        found, known = promotions.newest(postgres), promoted_of(store)
        if found is None:
            if known is not None and known["state"] == "came":
                over: Promoted = {**known, "state": "over", "why": "withdrawn"}
                store.promoted.replace(known, over, datetime.now(UTC))
            return
        path = file_of_promoted(self._state_dir)
        # A database that was made anew counts from one again.
        if known is None or (known["id"], known["sha256"]) != (found.id, found.sha256):
            self._take(found, known, postgres, store)
        elif known["state"] != "came":
            path.unlink(missing_ok=True)  # it was compared, or refused: never fetched over and over
        elif not path.exists():  # a backup that was restored has no file of it
            self._take(found, known, postgres, store)

    def _take(
        self, found: Promotion, known: Promoted | None, postgres: Postgres, store: Store
    ) -> None:
        if (origin_of(found.version) or found.station) == self._station:
            _note(store, known, found, "own")
            return
        content, why = _content(found, postgres)
        if why:
            if _note(store, known, found, "over", why):
                log.error(
                    "promotion_refused", version=found.version, station=found.station, why=why
                )
            return
        path = file_of_promoted(self._state_dir)
        try:
            path.parent.mkdir(mode=0o750, exist_ok=True)
            with replacing(path) as file:
                file.write(content)
        except OSError as exc:
            raise trouble(exc, str(path)) from exc
        if _note(store, known, found, "came"):
            log.info("promotion_fetched", version=found.version, station=found.station,
                     person=found.person)  # fmt: skip


def _note(
    store: Store, known: Promoted | None, found: Promotion, state: PromotedState, why: str = ""
) -> bool:
    """Say what is of it; False where the loop said something meanwhile: then all is seen anew."""
    noted: Promoted = {
        "id": found.id,
        "station": found.station,
        "name": name_elsewhere(found.version, found.station),
        "sha256": found.sha256,
        "person": found.person,
        "state": state,
        "judgement": "refused" if why else "",
        "why": why,
        "adopted": False,
    }
    return store.promoted.replace(known, noted, datetime.now(UTC))


def _content(found: Promotion, postgres: Postgres) -> tuple[bytes, str]:
    """Its file, and why it is refused; empty: it is not."""
    if not is_name_elsewhere(name_elsewhere(found.version, found.station)):
        return b"", "it is not called as a version of a station is"
    content = promotions.content_of(postgres, found.id)
    if content is None:
        return b"", "it is larger than a version is"
    is_it = hashlib.sha256(content).hexdigest() == found.sha256
    return content, "" if is_it else "its bytes are not those that were promoted"


def promoted_of(store: Store) -> Promoted | None:
    """The newest promotion that is known here."""
    return store.promoted.known()
