"""The page's accounts and keys in the daemon's database, where a backup was restored."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from config.errors import NightsortError
from daemon.store import Store
from daemon.store.facts import PAGE_PEOPLE
from daemon.store.page_people import PagePeople

__all__ = ["PagePeople", "restored_people"]


def restored_people(state_dir: Path) -> PagePeople | None:
    """Those that the restored backup had; None where there are none, or they cannot be read yet."""
    try:
        with closing(Store(state_dir, reading=True)) as store:
            # The daemon may just be making it, or bringing it to its newest form.
            kept = store.facts.get(PAGE_PEOPLE) if store.is_of_today() else None
    except NightsortError:
        return None
    return None if kept is None else PagePeople(**kept)
