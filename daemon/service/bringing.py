"""Examples that people send: looked at beside the daemon's work, in a thread of low priority.

With a network and a connection to the store of its own, so that nobody who sorts waits for it; one
order after the other, so that there is one of these at most.
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from functools import partial

import structlog

from config.settings import Settings
from daemon.domain.orders import AddExamples, Given
from daemon.domain.sent import ExamplesAnswer, NotTaken
from daemon.folders.names import label_problem
from daemon.folders.spooled import open_spooled, read_spooled
from daemon.folders.tree import Tree
from daemon.sorting.bringing import keep, looked_at
from daemon.sorting.labelled import Labelled, sent_archive, sent_photo
from daemon.sorting.lesson_photos import Taken
from daemon.sorting.lessons import known_to
from daemon.sorting.offline import NoPhotos
from daemon.sorting.versions import load_usable
from daemon.store import Store

log = structlog.get_logger()

# As a lesson that is held: a tenth of the weight of who sorts.
_NICENESS = 10
_one_at_a_time = threading.Lock()


def bring(settings: Settings, given: Given) -> ExamplesAnswer:
    """Make examples of what was sent; for a thread of its own, whose priority it lowers.

    Raises NoPhotos for an archive of which nothing can be taken, or a label that cannot be one.
    """
    assert isinstance(given.order, AddExamples)
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
    with _one_at_a_time, closing(Store(settings.state_dir)) as store, ExitStack() as held:
        classifier, _ = load_usable(settings)
        known = (*known_to(classifier), *settings.categories, *store.examples.labels())
        photos = _photos(settings, given.order, known, held)
        taken = looked_at(photos, classifier, settings)
        counted = keep(store, taken, given.by.person, classifier.network)
    added = counted.added + counted.relabelled
    double = len(taken.examples) - added + len(taken.double)
    log.info("examples_sent", by=given.by.person, via=given.by.via, added=added, double=double)
    return ExamplesAnswer(added, double, tuple(_refused(taken)))


def _photos(
    settings: Settings, order: AddExamples, known: Sequence[str], held: ExitStack
) -> list[Labelled]:
    """What was sent. held: closes the archive, once its photos are read."""
    state = Tree(settings.state_dir)
    if not order.label:
        (archive,) = order.files
        file = held.enter_context(io.FileIO(open_spooled(state, archive.spooled)))
        return sent_archive(file, archive.name, known, settings.intake.ignore)
    if problem := label_problem(order.label):
        raise NoPhotos(f"label: {problem}")
    return [
        sent_photo(order.label, one.name, partial(read_spooled, state, one.spooled), known)
        for one in order.files
    ]


def _refused(taken: Taken) -> Iterator[NotTaken]:
    yield from (NotTaken(one.place, code, one.why) for code, one in taken.refused)
