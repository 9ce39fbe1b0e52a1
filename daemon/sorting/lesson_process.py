"""The process that holds a lesson for the daemon: reads it on stdin, answers with a line of JSON.

A process of its own, so that its memory goes with it, and that it can be ended at once when there
is something to sort. It has the lowest priority.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from classifier.learning.lesson import LessonError
from classifier.threads import ask_for_one_thread
from config.errors import NightsortError
from config.learning import LearningSettings
from config.sections import BandSettings
from daemon.sorting.lessons import hold_lesson
from daemon.sorting.versions import Versions, load_usable
from daemon.store import Store

_LOWEST_PRIORITY = 19


class Task(BaseModel):
    """The settings that a lesson depends on."""

    state_dir: Path
    model_dir: Path | None
    bands: BandSettings
    learning: LearningSettings


def main() -> None:
    """Hold the lesson that stdin asks for."""
    os.nice(_LOWEST_PRIORITY)
    ask_for_one_thread()
    # Only the answer goes to stdout, whatever a library prints.
    answer_to = os.dup(sys.stdout.fileno())
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    try:
        answer = _held(Task.model_validate_json(sys.stdin.buffer.read()))
    except NightsortError as exc:
        answer = {"error": str(exc)}
    os.write(answer_to, json.dumps(answer).encode("ascii") + b"\n")


def _held(task: Task) -> dict[str, Any]:
    versions = Versions(task.state_dir)
    with versions.held():
        classifier, _ = load_usable(task)
        with closing(Store(task.state_dir, reading=True)) as store:
            kept = store.examples.usable(classifier.network)
            stock = store.examples.stock(classifier.network)
        try:
            document = hold_lesson(classifier, versions, task.learning, kept, stock).document
        except LessonError as exc:
            document = {"version": None, "judgement": "refused", "why": str(exc), "examples": {}}
    told = {key: document[key] for key in ("version", "judgement", "why", "examples")}
    return told | {"is_compared": document.get("before") is not None}
