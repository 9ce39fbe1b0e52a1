"""Bringing examples: labelled photos are shown to the network, and what it sees is kept of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from classifier.classifier import Classifier
from config.settings import Settings
from daemon.domain.examples import Brought, Counted
from daemon.domain.return_ids import reader_of
from daemon.folders.photo_files import Limits
from daemon.sorting.labelled import Labelled
from daemon.sorting.lesson_photos import Taken, Taking, take
from daemon.store import Store


def looked_at(
    photos: Sequence[Labelled],
    classifier: Classifier,
    settings: Settings,
    advance: Callable[[int, int], None] = lambda _done, _all: None,
) -> Taken:
    """Which of them are examples, and why others are not."""
    taking = Taking(
        return_id=reader_of(settings.returns.pattern),
        limits=Limits.from_settings(settings.intake),
        said=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    return take(photos, classifier, taking, advance)


def keep(store: Store, taken: Taken, person: str, network: str) -> Counted:
    """Keep them, as `person` says."""
    names = taken.places
    brought = [
        Brought(one.id, names[one.id][0], one.label, one.group, one.features.tobytes())
        for one in taken.examples
    ]
    return store.examples.bring(brought, person, datetime.now(UTC), network)
