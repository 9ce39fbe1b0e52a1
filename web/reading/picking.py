"""Pick lists of a run as its photos lie now, and what of them changed since they were printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from config.settings import Settings
from daemon.domain.photos import ToPick
from daemon.reporting.picking import (
    Codes,
    Filed,
    Item,
    PickList,
    Waiting,
    key_of,
    pick_lists,
    still_waits,
)
from daemon.store import Store

__all__ = ["Gone", "Item", "Lists", "PickList", "Waiting", "lists_of", "runs_with_lists"]

_RUNS = 30


@dataclass(frozen=True, slots=True)
class Gone:
    """A photo that lay in a category when the list was printed, and does so no more."""

    filename: str
    return_id: str
    before: str
    state: str  # as it is now
    category: str  # where it is filed now; empty: in none


class Lists:
    """The pick lists of one run."""

    def __init__(self, photos: Sequence[ToPick], codes: Codes) -> None:
        self._by_number = {one.id: one for one in photos}
        self._codes = codes
        self.lying = {one.id: one.category_now for one in photos if one.state == "filed"}
        self.waiting = [
            Waiting(one.status, one.filename, one.return_id, one.category, one.reason)
            for one in photos
            if still_waits(one.state, one.status)
        ]

    def all(self, lying: Mapping[int, str] | None = None) -> list[PickList]:
        """A list for each category, by place. lying: as it was then; None: as it is now."""
        there = self.lying if lying is None else lying
        photos = (self._filed(number, category) for number, category in there.items())
        return pick_lists((one for one in photos if one is not None), self._codes)

    def changed(self, before: Mapping[int, str], lying: Mapping[int, str]) -> list[PickList]:
        """The items alone of which a photo came into their list since."""
        wanted = {
            (category, self._key(number))
            for number, category in lying.items()
            if before.get(number) != category
        }
        if not wanted:
            return []
        narrowed = [_narrowed(one, wanted) for one in self.all(lying)]
        return [one for one in narrowed if one.items]

    def gone(self, before: Mapping[int, str], lying: Mapping[int, str]) -> list[Gone]:
        """What left its list since, by category; what was forgotten is no more told of."""
        found = []
        for number, category in before.items():
            story = self._by_number.get(number)
            if story is not None and lying.get(number) != category:
                now = lying.get(number, "")
                found.append(Gone(story.filename, story.return_id, category, story.state, now))
        return sorted(found, key=lambda one: (one.before, one.return_id, one.filename))

    def _key(self, number: int) -> str:
        story = self._by_number.get(number)
        return "" if story is None else key_of(story.return_id, story.filename)

    def _filed(self, number: int, category: str) -> Filed | None:
        story = self._by_number.get(number)
        if story is None:
            return None
        doubtful = story.band == "check" and not story.decided
        return Filed(story.filename, story.return_id, category, None, bool(story.decided), doubtful)


def _narrowed(whole: PickList, wanted: set[tuple[str, str]]) -> PickList:
    items = [
        item
        for item in whole.items
        if (whole.category, key_of(item.return_id, item.photos[0].filename)) in wanted
    ]
    return PickList(whole.category, whole.code, whole.location, items)


def lists_of(store: Store, settings: Settings, run: str) -> Lists | None:
    """The lists of a run that has ended; None where there is none such."""
    if store.runs.summary(run) is None:
        return None
    return Lists(store.history.to_pick(run), settings.codes)


def runs_with_lists(store: Store) -> list[str]:
    """The newest runs that have ended, newest first."""
    return [str(one["run"]) for one in store.runs.summaries(limit=_RUNS)]
