"""A practice share: what is asked of whoever practises, and how much of it is done."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from daemon.domain.corrections import Word
from daemon.domain.photos import Story
from daemon.domain.return_ids import keys_meant, return_id
from daemon.store import Store
from web.reading.photos import history

# Written by `nightsort practice`.
_FILE = "practice.json"


@dataclass(frozen=True, slots=True)
class Plan:
    """The photos of the tasks, by their names."""

    right: str
    wrong: str
    dark: str
    broken: str
    twice: str
    category: str  # what the wrong one is


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to do."""

    key: str
    photo: str  # its name; empty where it is about no photo alone
    number: int  # of that photo, to go there; 0: there is none
    is_done: bool


def plan_in(state_dir: Path) -> Plan | None:
    """What is asked here; None: this is no practice."""
    try:
        return Plan(**json.loads((state_dir / _FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def tasks(plan: Plan, state_dir: Path, answer: str) -> list[Task]:
    """All of them, in order. answer: the return that was said to be the damaged one's."""
    with history(state_dir) as store:
        right, wrong, dark = (_story(store, name) for name in (plan.right, plan.wrong, plan.dark))
        is_taken_back = any(
            word.word is Word.TAKEN_BACK
            for story in store.history.stories_of_run(right.run if right else "")
            for word in store.corrections.of(story.id)
        )
    is_right = right is not None and right.decided == right.category
    is_corrected = wrong is not None and wrong.decided == plan.category
    return [
        Task("right", plan.right, _number(right), is_right),
        Task("wrong", plan.wrong, _number(wrong), is_corrected),
        Task("dark", plan.dark, _number(dark), dark is not None and dark.state == "retake"),
        Task("undo", "", 0, is_taken_back),
        Task("broken", "", 0, is_answer(plan, answer)),
    ]


def is_answer(plan: Plan, answer: str) -> bool:
    """Whether that names the return whose photo could not be read."""
    return bool(answer) and return_id(plan.broken) in keys_meant(answer)


def _number(story: Story | None) -> int:
    return story.id if story else 0


def _story(store: Store, name: str) -> Story | None:
    return next(iter(store.history.stories(name)), None)
