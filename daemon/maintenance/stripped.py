"""Photos that came back without metadata: their bytes are others than the history says."""

from __future__ import annotations

import structlog

from daemon.domain.photos import as_text
from daemon.folders.tree import Tree
from daemon.store import Store
from daemon.store.facts import STRIPPED

log = structlog.get_logger()


def note_stripped(store: Store, tree: Tree, place: str, sha256: str) -> bool:
    """Note that the photo at a place has that hash now; False where none is known to lie there.

    Raises TransientError when the folder does not answer.
    """
    stories, mark = store.history.lying_at(place), tree.seen(place)
    for story in stories:
        if mark is not None and story.sha256_now != sha256:
            store.removals.put(story.id, place, mark, sha256)
            log.info("photo_without_metadata", photo=story.id, place=as_text(place))
    return bool(stories)


def note_all_stripped(store: Store, tree: Tree) -> None:
    """The same of those that nobody knew as they came back, now that results told of them."""
    for place, sha256 in (store.facts.get(STRIPPED) or {}).items():
        note_stripped(store, tree, place, sha256)
    store.facts.remember(STRIPPED, None)
