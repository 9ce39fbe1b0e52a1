"""A lesson as a command has it: what is kept is gathered, learnt from, compared and shown."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from config.errors import RefusedError, TransientError
from config.readable import plain
from daemon.cli.common import print_json
from daemon.cli.progress import progress

if TYPE_CHECKING:
    from classifier.classifier import Classifier
    from config.settings import Settings
    from daemon.domain.examples import Counted, Kept, Stock
    from daemon.sorting.labelled import Labelled
    from daemon.sorting.lesson_photos import Taken
    from daemon.sorting.lessons import Held
    from daemon.sorting.versions import Versions
    from daemon.store import Store

NICE = 10  # the night's work goes first
SHOWN = 10  # lines of one kind


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of a lesson."""

    only: frozenset[str] | None  # these labels alone; empty: all that there are
    adopt: bool  # unless it is worse
    without: tuple[str, ...]  # categories that are none any longer
    merged: tuple[tuple[str, str], ...]  # a category, and what it is part of from now on
    as_json: bool


@dataclass(frozen=True, slots=True)
class School:
    """What all commands about learning need."""

    settings: Settings
    versions: Versions
    classifier: Classifier

    @classmethod
    def opened(cls, settings: Settings, versions: Versions) -> School:
        """With what judges now. Raises ModelError when nothing can be trusted."""
        from daemon.sorting.versions import load_usable

        classifier, problem = load_usable(settings)
        if problem:
            click.echo(plain(problem), err=True)
        return cls(settings, versions, classifier)

    @property
    def known(self) -> tuple[str, ...]:
        """Categories that the network knows, or that photos are filed into now."""
        from daemon.sorting.lessons import known_to

        return known_to(self.classifier)

    @property
    def fewest(self) -> int:
        """Photos that a new category needs."""
        return self.settings.learning.examples_per_label

    def stock(self) -> Mapping[str, int]:
        """Examples that are kept, by label."""
        from daemon.store import Store

        with (
            suppress(RefusedError),  # there is no database yet
            closing(Store(self.settings.state_dir, reading=True)) as store,
        ):
            return store.examples.stock(self.classifier.network).labels
        return {}

    def labels(self) -> tuple[str, ...]:
        """All labels that are spelt in one way already."""
        from daemon.store import Store

        kept: list[str] = []
        with (
            suppress(RefusedError),  # there is no database yet
            closing(Store(self.settings.state_dir, reading=True)) as store,
        ):
            kept = store.examples.labels()
        return (*self.known, *self.settings.categories, *kept)

    @contextmanager
    def store(self) -> Iterator[Store]:
        """The examples: beside a daemon, or as one who owns the state folder for a moment."""
        from daemon.domain.clock import SystemClock
        from daemon.folders.locks import is_held, prepare
        from daemon.service.state import owned
        from daemon.store import Store

        state_dir = self.settings.state_dir
        prepare(state_dir)
        if is_held(state_dir):
            with closing(Store(state_dir)) as store:
                yield store
            return
        clock = SystemClock.of(self.settings)
        with owned(self.settings, clock) as store:
            yield store


def look_at(school: School, photos: Sequence[Labelled]) -> Taken:
    """Show labelled photos to the network."""
    from daemon.sorting.bringing import looked_at

    with progress("looking") as advance:
        return looked_at(photos, school.classifier, school.settings, advance)


def require_some(taken: Taken) -> Taken:
    """The same. Raises NoPhotos when none can be learnt from."""
    from daemon.sorting.offline import NoPhotos

    if not taken.examples:
        why = "; ".join(line for lines in taken.left_out.values() for line in lines[:SHOWN])
        raise NoPhotos(f"no photo there can be learnt from: {why}")
    return taken


def keep(school: School, store: Store, taken: Taken) -> Counted:
    """Keep them as examples."""
    from daemon.folders.locks import user_name
    from daemon.sorting import bringing

    return bringing.keep(store, taken, user_name(os.getuid()), school.classifier.network)


def gather(school: School, store: Store) -> None:
    """Look at the photos that people spoke about and nobody looked at yet."""
    from daemon.folders.photo_files import Limits
    from daemon.folders.tree import Tree
    from daemon.sorting.gathering import Gathering
    from daemon.sorting.model_slot import ModelSlot

    gathering = Gathering(
        store.examples,
        Tree(school.settings.sorted_dir),
        Limits.from_settings(school.settings.intake),
        ModelSlot(lambda: school.classifier, 1),
    )
    try:
        gathering.gather(lambda: True)
    except TransientError as exc:
        click.echo(plain(f"Photos that people spoke about cannot be looked at: {exc}"), err=True)


def run(school: School, wanted: Wanted, photos: Sequence[Labelled] | None) -> None:
    """Learn from all that is kept, with what is brought now; show it, keep it, adopt it."""
    from daemon.sorting.lessons import Change, hold_lesson

    settings = school.settings
    _require_known(school, (*wanted.without, *(one for one, _ in wanted.merged)))
    taken = None if photos is None else require_some(look_at(school, photos))
    only = wanted.only
    if taken is not None and only is not None:
        only = frozenset(one.label for one in taken.examples)
    kept, stock = _all_kept(school, taken)
    until = kept[-1].at if kept else ""
    if only:
        kept = [one for one in kept if one.label in only]
    click.echo(f"Learning from what is kept: {len(kept)} photos ...", err=True)
    held = hold_lesson(
        school.classifier,
        school.versions,
        settings.learning,
        kept,
        stock,
        is_only=only is not None,
        change=Change(frozenset(wanted.without), dict(wanted.merged)),
    )
    left_out = {**(taken.left_out if taken else {}), "too_few": [*held.too_few]}
    for line in left_out_words(left_out):
        click.echo(plain(line), err=True)
    held.document["adopted"] = _adopted(school, wanted, held)
    places = {one: place for one, (_, place) in taken.places.items()} if taken else {}
    document = held.named(places) | {"left_out": left_out}
    if held.document["after"] is not None:
        _note(school, held, document, until)
    if wanted.as_json:
        print_json(document)
        return
    for line in _lesson_words(document):
        click.echo(plain(line))


def _all_kept(school: School, taken: Taken | None) -> tuple[list[Kept], Stock]:
    """All examples, with what is brought now and what people said lately; and their number."""
    with school.store() as store:
        if taken is not None:
            keep(school, store, taken)
        gather(school, store)
        network = school.classifier.network
        return store.examples.usable(network), store.examples.stock(network)


def _note(school: School, held: Held, document: Mapping[str, Any], until: str) -> None:
    """Keep what came of a lesson. until: when the newest of all examples was said."""
    from daemon.domain.orders import Speaker
    from daemon.folders.locks import user_name

    now, by = datetime.now(UTC), Speaker(user_name(os.getuid()))
    with school.store() as store:
        store.examples.learnt(held.document, until, now=now, by_itself=False)
        store.lessons.note(document, by, now)


def _require_known(school: School, labels: Sequence[str]) -> None:
    known = school.labels()
    for label in labels:
        if label not in known:
            raise click.BadParameter(f"{label}: there is no such category")


def _adopted(school: School, wanted: Wanted, held: Held) -> bool:
    """Adopt the candidate, if that is asked for: now, or by the settings where it is better."""
    from daemon.cli.models import adopt_here

    judgement = held.document["judgement"]
    is_auto = school.settings.learning.adopt == "auto" and judgement == "better"
    is_asked = wanted.adopt and judgement not in ("worse", "refused")
    if held.version is None or not (is_auto or is_asked):
        return False
    adopt_here(school.settings, school.versions, held.version)
    return True


def left_out_words(left_out: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """What was not taken and why, for people."""
    for lines in left_out.values():
        yield from (f"Left out: {line}" for line in lines[:SHOWN])
        if len(lines) > SHOWN:
            yield f"Left out: {len(lines) - SHOWN} more like these"


def _lesson_words(document: Mapping[str, Any]) -> Iterator[str]:
    if document["after"] is None:
        yield f"Nothing was learnt: {document['why']}"
        return
    count = sum(document["examples"].values())
    yield f"Learnt from {count} photos in {document['seconds']:.1f} s"
    if document["new_labels"]:
        yield f"New categories: {', '.join(document['new_labels'])}"
    yield from comparison_words(document)
    for one in document["doubtful"][:SHOWN]:
        yield f"Doubtful: {one['photo']}: said {one['said']}, looks like {one['looks_like']}"
    name = document["version"]
    if name is None:
        yield "Nothing is kept; what judges is as before."
    elif document["adopted"]:
        yield f"Version {name} is kept and in use; the way back: nightsort models back"
    else:
        yield f"Version {name} is kept, not in use; to use it: nightsort models adopt {name}"


def comparison_words(figures: Mapping[str, Any]) -> Iterator[str]:
    """A comparison, as a lesson and a version's card have it, in lines for people."""
    for name in ("before", "after"):
        if found := figures.get(name):
            low, high = figures["intervals"][name]
            yield (
                f"{name.capitalize():7} {found['accuracy']:.1%} of {figures['photos']} photos "
                f"right ({low:.1%} to {high:.1%}), {found['review_share']:.1%} to review"
            )
    if old := figures.get("old"):
        yield (
            f"Old categories: {old['before']['accuracy']:.1%} before, "
            f"{old['after']['accuracy']:.1%} after, of {old['after']['photos']} photos"
        )
    yield f"Judgement: {figures.get('judgement', 'none')}: {figures.get('why', '')}"
