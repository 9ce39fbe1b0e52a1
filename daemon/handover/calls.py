"""What another system is told: makes calls of what the change feed says."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime, tzinfo
from typing import Any

from daemon.domain.clock import Clock
from daemon.domain.corrections import Correction
from daemon.domain.photos import Story, as_text
from daemon.domain.returns import ReturnState, state_of
from daemon.domain.summaries import without_money
from daemon.store import Change, Store
from daemon.store.handovers import FOLLOWER, Call

Codes = Mapping[str, tuple[str, str]]  # category: (code, location)

_AT_ONCE = 200


class Calls:
    """Follows the feed; what happened is kept as calls, each thing in one of them."""

    def __init__(self, store: Store, codes: Codes, clock: Clock) -> None:
        self._store = store
        self._codes = codes
        self._clock = clock

    def collect(self) -> int:
        """Take in some of what happened since the last time; how much. 0: that was all."""
        changes = self._store.changes.after_cursor(
            FOLLOWER, {"run", "photo", "correction"}, _AT_ONCE
        )
        if not changes:
            return 0
        calls = [call for change in changes if (call := self._call(change)) is not None]
        self._store.handovers.put(calls, changes[-1].seq)
        return len(changes)

    # --- inside ----------------------------------------------------------------------------------

    def _call(self, change: Change) -> Call | None:
        if change.kind == "run":
            return self._of_run(str(change.id))
        assert isinstance(change.id, int)
        if change.kind == "photo":
            story, said = self._story(change.id), None
        else:
            said = self._store.corrections.get(change.id)
            story = self._story(said.photo_id) if said else None
        if story is None or self._store.runs.summary(story.run) is None:
            return None
        if change.seq < self._store.changes.closing(story.run):
            return None  # it is in the call for the run
        return self._of_change(story, said)

    def _of_run(self, run: str) -> Call | None:
        summary = self._store.runs.summary(run)
        if summary is None:
            return None
        states = (state_of(photos) for photos in self._store.returns.of_run(run))
        told = {"run": run, "summary": without_money(summary), "returns": self._rows(states)}
        return self._made(f"run-{run}", "run", told)

    def _of_change(self, story: Story, said: Correction | None) -> Call:
        photos = self._store.returns.of_photo(story.id)
        what = said.word if said else "removed" if story.state == "removed" else "back"
        told = {
            "run": story.run,
            "what": what,
            "by": said.person if said else None,
            "photo": {
                "id": story.id,
                "filename": story.filename,
                "return_id": story.return_id,
                "state": story.state,
                "category": story.category_now,
                "path": as_text(story.place),
                "sha256": story.sha256,
            },
            "return": next(iter(self._rows([state_of(photos)])), None) if photos else None,
        }
        return self._made(f"change-{uuid.uuid4()}", "change", told)

    def _rows(self, states: Iterable[ReturnState]) -> list[dict[str, object]]:
        zone = self._clock.now().tzinfo
        return [_row(one, self._codes, zone) for one in states]

    def _made(self, key: str, event: str, told: Mapping[str, Any]) -> Call:
        now: datetime = self._clock.now()
        at = now.isoformat(timespec="seconds")
        body = json.dumps({"id": key, "event": event, "at": at, **told}, ensure_ascii=False)
        return Call(key, now, body)

    def _story(self, photo: int) -> Story | None:
        found = self._store.history.stories(f"#{photo}")
        return next((story for story in found if story.id == photo), None)


def _row(one: ReturnState, codes: Codes, zone: tzinfo | None) -> dict[str, object]:
    code, location = codes.get(one.category, ("", ""))
    return {
        "return_id": one.return_id,
        "status": one.status,
        "category": one.category,
        "category_code": code,
        "location": location,
        "photos": one.photos,
        "confidence": None if one.confidence is None else round(one.confidence, 4),
        "decided_by": one.decided_by or None,
        "updated": one.updated.astimezone(zone).isoformat(timespec="seconds"),
    }
