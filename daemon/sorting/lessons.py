"""A lesson from kept examples: chosen, learnt, compared, and kept as a version."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from classifier.classifier import Classifier
from classifier.learning.base import load_base
from classifier.learning.document import LessonDocument
from classifier.learning.lesson import LessonError, Request, learn
from config.learning import LearningSettings
from daemon.domain.examples import Kept, Stock
from daemon.domain.speech import ENGLISH
from daemon.sorting.kept_examples import Chosen, choose
from daemon.sorting.versions import Versions


@dataclass(frozen=True, slots=True)
class Held:
    """A lesson that was held. document: what `learn --json` prints, examples by their ids."""

    document: LessonDocument
    names: Mapping[str, str] = field(default_factory=dict)  # how people know the examples
    too_few: tuple[str, ...] = ()

    @property
    def version(self) -> str | None:
        """The candidate; None where the lesson is refused."""
        return self.document["version"]

    def named(self, places: Mapping[str, str]) -> LessonDocument:
        """The document with names in place of ids: nobody knows a photo by its hash.

        places: names that go before those that are known.
        """
        document, names = self.document.copy(), {**self.names, **places}
        document["became_right"] = [names.get(one, one) for one in document["became_right"]]
        document["became_wrong"] = [names.get(one, one) for one in document["became_wrong"]]
        document["doubtful"] = [
            {**one, "photo": names.get(one["photo"], one["photo"])} for one in document["doubtful"]
        ]
        return document


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of categories: some are none any longer, some are part of others."""

    removed: frozenset[str] = frozenset()
    merged: Mapping[str, str] = field(default_factory=dict)

    def after(self, earlier: Change) -> Change:
        """With what was changed before, as far as this does not say otherwise."""
        kept = {one for one in earlier.removed if one not in self.merged}
        merged = {one: into for one, into in earlier.merged.items() if one not in self.removed}
        return Change(self.removed | kept, merged | dict(self.merged))

    def __bool__(self) -> bool:
        """Whether anything is changed."""
        return bool(self.removed or self.merged)

    @classmethod
    def of(cls, classifier: Classifier) -> Change:
        """What the version that judges has changed of the network's and the examples' labels."""
        if classifier.version is None:
            return cls()
        card = classifier.version.card
        own = set() if card.only else {*classifier.bundle.card.categories}
        owners = dict(zip(card.rows, card.owners, strict=True))
        removed = {one for one in own if owners.get(one, 0) < 0} | {*card.removed}
        return cls(frozenset(removed - {*card.categories}), card.merged)


def hold_lesson(
    classifier: Classifier,
    versions: Versions,
    settings: LearningSettings,
    kept: Sequence[Kept],
    stock: Stock,
    *,
    is_only: bool = False,
    change: Change | None = None,
) -> Held:
    """Learn from what is kept; the version is kept, too, and what judges is as before.

    classifier: what judges now. is_only: without the categories of the network; so it stays where
    what judges has none of them either, and is then compared with that. change: of categories,
    beside those that what judges has; for its sake no example is needed. To be called while
    `versions` is held. Raises ModelError when nothing can be learnt over this network,
    TransientError when the disk refuses.
    """
    goes_on = not is_only and classifier.version is not None and classifier.version.card.only
    is_only = is_only or goes_on
    fewest = 0 if change else settings.examples_per_label
    change = (change or Change()).after(Change.of(classifier))
    kept = [one for one in kept if one.label not in change.removed]
    known = (*change.merged, *(() if is_only else known_to(classifier)))
    chosen = choose(kept, known, settings.examples_per_label)
    bundle = classifier.bundle
    counts = Counter(one.label for one in chosen.examples)
    if why := _too_little(chosen, stock, fewest):
        return Held(refused(bundle.card.title, why, counts), chosen.names, chosen.too_few)
    now = datetime.now().astimezone()
    request = Request(
        name=versions.new_name(now),
        learnt=now.isoformat(timespec="seconds"),
        only=is_only,
        compared=goes_on,
        removed=change.removed,
        merged=change.merged,
    )
    began = time.perf_counter()
    try:
        lesson = learn(load_base(bundle), bundle, chosen.examples, request, classifier)
    except LessonError as exc:
        return Held(refused(bundle.card.title, str(exc), counts), chosen.names, chosen.too_few)
    seconds = time.perf_counter() - began
    if lesson.version is not None:
        versions.add(lesson.version, settings.keep_versions)
    return Held(lesson.as_json(seconds, adopted=False), chosen.names, chosen.too_few)


def known_to(classifier: Classifier) -> tuple[str, ...]:
    """Categories that the network knows, or that photos are filed into now."""
    return tuple(dict.fromkeys((*classifier.bundle.card.categories, *classifier.categories)))


def _too_little(chosen: Chosen, stock: Stock, fewest: int) -> str:
    """Why there is nothing to be learnt yet, or ""."""
    count = len(chosen.examples)
    if count >= fewest:
        return ""
    whys = [ENGLISH.many("lessons.why.too_little", count, fewest=fewest)]
    if stock.unseen:
        whys.append(ENGLISH.many("lessons.why.unseen", stock.unseen))
    if stock.lost:
        whys.append(ENGLISH.many("lessons.why.lost", stock.lost))
    return "; ".join((*whys, ENGLISH("lessons.why.come_from")))


def refused(base: str, why: str, examples: Mapping[str, int] | None = None) -> LessonDocument:
    """The document of a lesson that was not begun. examples: photos by label."""
    return {
        "version": None,
        "base": base,
        "examples": dict(sorted((examples or {}).items())),
        "new_labels": [],
        "seconds": 0.0,
        "before": None,
        "after": None,
        "became_right": [],
        "became_wrong": [],
        "judgement": "refused",
        "why": why,
        "doubtful": [],
        "adopted": False,
    }
