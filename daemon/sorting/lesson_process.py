"""The process that holds a lesson for the daemon: reads it on stdin, answers with lines of JSON.

A process of its own, so that its memory goes with it, and that it can be ended at once when there
is something to sort. It has the lowest priority. Each line says how far it is, the last what came.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from classifier.classifier import Classifier
from classifier.threads import ask_for_one_thread
from config.errors import NightsortError, RefusedError
from config.learning import LearningSettings
from config.sections import BandSettings
from daemon.domain.examples import Kept
from daemon.domain.lessons import Wanted
from daemon.domain.promotions import Promoted
from daemon.sorting.lessons import Change, hold_lesson
from daemon.sorting.promoted import hold_promoted
from daemon.sorting.versions import Versions, load_usable
from daemon.store import Store

_LOWEST_PRIORITY = 19
# How far it is once the examples are read; what is left is the lesson itself.
_READ = 0.3
_OVER = "it was withdrawn meanwhile, or another version was promoted"


class Task(BaseModel):
    """The settings that a lesson depends on."""

    state_dir: Path
    model_dir: Path | None
    bands: BandSettings
    learning: LearningSettings
    wanted: Wanted = Wanted()


def main() -> None:
    """Hold the lesson that stdin asks for."""
    os.nice(_LOWEST_PRIORITY)
    ask_for_one_thread()
    # Only the answer goes to stdout, whatever a library prints.
    answer_to = os.dup(sys.stdout.fileno())
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def say(said: dict[str, Any]) -> None:
        os.write(answer_to, json.dumps(said).encode("ascii") + b"\n")

    try:
        task = Task.model_validate_json(sys.stdin.buffer.read())
        answer = _held(task, lambda progress: say({"progress": progress}))
    except NightsortError as exc:
        answer = {"error": str(exc)}
    say(answer)


def _held(task: Task, advance: Callable[[float], None]) -> dict[str, Any]:
    """The document of the lesson, with its photos by their names, and how new its examples are."""
    versions = Versions(task.state_dir)
    with versions.held():
        classifier, _ = load_usable(task)
        with closing(Store(task.state_dir, reading=True)) as store:
            kept = store.examples.usable(classifier.network)
            stock = store.examples.stock(classifier.network)
        advance(_READ)
        until = kept[-1].at if kept else ""
        wanted = task.wanted
        if wanted.promoted:
            return _compared(task, classifier, kept) | {"until": until}
        change = Change(frozenset(wanted.without), {one.label: one.into for one in wanted.merged})
        held = hold_lesson(
            classifier, versions, task.learning, kept, stock, is_only=wanted.only, change=change
        )
    document = held.named({}) | {"left_out": {"too_few": [*held.too_few]}}
    return {"document": document, "until": until}


def _compared(task: Task, classifier: Classifier, kept: Sequence[Kept]) -> dict[str, Any]:
    """What came of a version that was promoted, in place of a lesson; and which file that was."""
    promoted = _offered(task)

    def require_offered() -> None:
        if _offered(task)["sha256"] != promoted["sha256"]:
            raise RefusedError(_OVER)

    held = hold_promoted(classifier, task, task.learning, kept, promoted, require_offered)
    return {"document": held.named({}), "sha256": promoted["sha256"]}


def _offered(task: Task) -> Promoted:
    """What head office offers now. Raises RefusedError where that is not what is to be compared."""
    with closing(Store(task.state_dir, reading=True)) as store:
        promoted = store.promoted.known()
    if promoted is None or (promoted["name"], promoted["state"]) != (task.wanted.promoted, "came"):
        raise RefusedError(_OVER)
    return promoted
