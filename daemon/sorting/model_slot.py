"""The model slot: who judges photos now, in as many copies as there are workers.

A newer one can take the place at any time. It has to pass its self-test before it judges anything;
whoever is at work with the one before finishes with it; one that is refused changes nothing. Where
it is refused at the start, another that can be trusted judges instead, and people are told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Protocol

import structlog

from classifier.features import Features
from classifier.pixels import Picture
from classifier.verdict import Thresholds, Verdict
from config.errors import ModelError, SelfTestFailed
from daemon.domain.status_words import NO_PROBLEM, Problem, problem

log = structlog.get_logger()


class Classifying(Protocol):
    """What the daemon needs of a classifier. Not for two threads at a time."""

    @property
    def title(self) -> str:
        """What results name as their model."""

    @property
    def mark(self) -> str:
        """By what one knows another that judges otherwise."""

    @property
    def network(self) -> str:
        """Which network it is: by this one knows whether features fit."""

    @property
    def categories(self) -> tuple[str, ...]:
        """What photos are filed into."""

    @property
    def given_up(self) -> frozenset[str]:
        """Labels that were categories, and into which it files nothing any more."""

    @property
    def thresholds(self) -> Thresholds:
        """From which confidence on each band is."""

    @property
    def promise(self) -> float | None:
        """The share that is to be right of what is filed without a look; None: it says none."""

    @property
    def input_size(self) -> tuple[int, int]:
        """Width and height of the pixels it takes."""

    def classify(self, pictures: Sequence[Picture]) -> list[Verdict]:
        """Judge pictures, one verdict each."""

    def examine(self, pictures: Sequence[Picture]) -> list[tuple[Verdict, Features]]:
        """Judge pictures; with each verdict what the network saw."""

    def self_test(self) -> None:
        """Raise ModelError unless it answers as it should."""

    def spare(self) -> Classifying:
        """Another one for another thread."""


# Loads the model that is to be used now; raises ModelError when it cannot be trusted.
Load = Callable[[], Classifying]


class _Copies:
    """One model, a copy for each worker."""

    def __init__(self, model: Classifying, count: int) -> None:
        self.model = model  # for what it says of itself; at work it is one of the copies
        self.all = [model, *(model.spare() for _ in range(count - 1))]
        self.free: SimpleQueue[Classifying] = SimpleQueue()
        for copy in self.all:
            self.free.put(copy)

    def self_test(self) -> None:
        """Raises ModelError unless every copy answers as it should; none may be at work."""
        for copy in self.all:
            copy.self_test()


class ModelSlot:
    """Holds the model in use. Workers lease copies; one thread tests and changes it."""

    def __init__(self, load: Load, count: int, instead: Load | None = None) -> None:
        """count: of workers. instead: loads what is to judge where the first cannot be trusted.

        Raises ModelError when nothing can be.
        """
        self._load = load
        self._count = count
        self.problem = NO_PROBLEM  # why another is in use than the one that is to be, in a sentence
        self._copies = _Copies(self._first(instead), count)

    @property
    def model(self) -> Classifying:
        """The one in use, for what it says of itself; from any thread."""
        return self._copies.model

    @contextmanager
    def lease(self) -> Iterator[Classifying]:
        """A copy, for the calling thread until the end of the `with` block."""
        copies = self._copies
        copy = copies.free.get()
        try:
            yield copy
        finally:
            copies.free.put(copy)

    def self_test(self) -> None:
        """Have every copy take its self-test; none may be at work.

        Raises SelfTestFailed when one of them does not answer as it should.
        """
        try:
            self._copies.self_test()
        except ModelError as exc:
            log.critical("self_test_failed", why=str(exc))
            raise SelfTestFailed(str(exc)) from exc

    def take(self, load: Load) -> None:
        """From now on this loads the model, which is loaded at once."""
        self._load = load
        self.change()

    def change(self) -> Problem:
        """Put the model that is to be used now in place of the one in use; returns what was wrong.

        Then the one in use goes on.
        """
        before = self.model
        try:
            copies = _Copies(self._load(), self._count)
            copies.self_test()
        except ModelError as exc:
            self._refuse(problem("new_model", problem=exc), exc, before)
            return self.problem
        self._copies, self.problem = copies, NO_PROBLEM
        if copies.model.mark != before.mark:
            log.info("model_changed", before=before.title, model=copies.model.title)
        return NO_PROBLEM

    def _first(self, instead: Load | None) -> Classifying:
        try:
            return self._load()
        except ModelError as exc:
            if instead is None:
                raise
            found = instead()
            self._refuse(problem("other_model", model=found.title, problem=exc), exc, found)
            return found

    def _refuse(self, why: Problem, error: ModelError, in_use: Classifying) -> None:
        self.problem = why
        log.error("model_refused", in_use=in_use.title, why=str(error))
