"""Lessons, versions and examples: what there is of them, and what is asked of the daemon."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from classifier.bundle import Bands, Bundle, load_bundle
from classifier.version import BaseName, VersionCard
from config.errors import ModelError, RefusedError
from config.settings import Settings
from daemon.domain.effects import Effect
from daemon.domain.examples import Stock
from daemon.domain.learning_words import why_words
from daemon.domain.lessons import LearningCode, Lesson, LessonState, Merge, VersionAnswer, Wanted
from daemon.domain.order import A, Order
from daemon.domain.orders import Adopt, CancelLesson, GoBack, Learn
from daemon.domain.speech import speech
from daemon.reporting.comparison_figures import CategoryFigure, Figure, categories, figures
from daemon.sorting.version_list import (
    ShippedCard,
    VersionBrief,
    VersionList,
    card_of,
    listed,
    shipped_card,
)
from daemon.sorting.versions import SHIPPED, NoVersion, Versions, version_usable
from daemon.store import Store
from web.problems import Problem, busy
from web.reading.asking import give, require_daemon
from web.reading.photos import history
from web.roles import Caller

__all__ = [
    "SHIPPED",
    "Bands",
    "BaseName",
    "CategoryFigure",
    "Effect",
    "Figure",
    "Lesson",
    "LessonState",
    "Merge",
    "Stand",
    "VersionBrief",
    "VersionCard",
    "VersionList",
    "Wanted",
    "adopt",
    "ask_for_lesson",
    "back",
    "before",
    "cancel",
    "card",
    "categories",
    "figures",
    "lesson",
    "photo_of",
    "shipped",
    "stand",
    "versions",
    "would_judge",
]

_MOST_LESSONS = 20
# How examples that are photos of the history are called: `daemon.sorting.kept_examples.name_of`.
_NUMBERED = re.compile(r"#(\d{1,18}) ")


@dataclass(frozen=True, slots=True)
class Stand:
    """How far the learning is."""

    stock: Stock
    new: Mapping[str, int]  # examples since the last lesson, by label
    under_way: Lesson | None
    shown: Lesson | None  # the newest whose result compares something
    lessons: list[Lesson]  # that are over, the newest first
    verdicts: Mapping[str, int]  # by the model's title


def lesson(state_dir: Path, number: int) -> Lesson:
    """A lesson by its number. Raises Problem 404, 503."""
    with history(state_dir) as store:
        found = store.lessons.of_number(number)
    if found is None:
        raise Problem(404, "not_found", f"there is no lesson {number} (any more)")
    return found


def why_in(language: str, why: str) -> str:
    """Why a lesson ended as it did, for people of that language."""
    return why_words(why, speech(language))


def stand(settings: Settings, store: Store) -> Stand:
    """How far it is, in a history that is open. Raises Problem 503."""
    network, last = _bundle(settings).card.sha256, store.examples.last_lesson()
    return Stand(
        stock=store.examples.stock(network),
        new=store.examples.labels_since(last["until"] if last else "", network),
        under_way=store.lessons.under_way(),
        shown=store.lessons.newest_result(),
        lessons=[one for one in store.lessons.newest(_MOST_LESSONS) if one.state.is_over],
        verdicts=store.runs.verdicts_by_model(),
    )


def versions(settings: Settings) -> VersionList:
    """Which there are, and which is in use. Raises Problem 503."""
    try:
        found = listed(Versions(settings.state_dir), _bundle(settings))
    except (ModelError, RefusedError) as exc:
        raise busy(_plainly(settings, exc), 30, "no_model") from exc
    for one in found["versions"]:
        one["problem"] = _plainly(settings, one["problem"])
    return found


def would_judge(settings: Settings) -> str | None:
    """The model that judges once it is loaded; None: there is none that can be trusted."""
    try:
        bundle = _loaded(settings.model_dir)
    except ModelError:
        return None
    version = version_usable(settings, bundle)
    return bundle.card.title if version is None else version.title


def before(settings: Settings) -> str | None:
    """The version that judged before the one in use; None: none was adopted."""
    try:
        return Versions(settings.state_dir).before()
    except (ModelError, RefusedError):
        return None


def card(settings: Settings, version: str) -> VersionCard:
    """What a learnt version says of itself. Raises Problem 404, 409, 503."""
    try:
        return card_of(Versions(settings.state_dir), version, _bundle(settings))
    except NoVersion as exc:
        raise Problem(404, "not_found", str(exc)) from exc
    except ModelError as exc:
        raise Problem(409, LearningCode.UNTRUSTED, _plainly(settings, exc)) from exc
    except RefusedError as exc:
        raise busy(_plainly(settings, exc), 30, "no_model") from exc


def shipped(settings: Settings) -> ShippedCard:
    """What the model says of itself as it comes. Raises Problem 503."""
    return shipped_card(_bundle(settings))


def require_free(settings: Settings) -> None:
    """Raise Problem where no lesson could be asked for just now: 409, 503."""
    require_daemon(settings.state_dir, "nothing can be learnt or adopted")
    with history(settings.state_dir) as store:
        under_way = store.lessons.under_way()
    if under_way is not None and not under_way.by_itself:
        raise _not_over(under_way.id)


def ask_for_lesson(settings: Settings, wanted: Wanted, by: Caller) -> int:
    """Have a lesson held; returns its number. Raises Problem 409, and as `asking.ask`."""
    answer = _told(settings, Learn(wanted), by)
    if answer.code is not None:
        raise _not_over(answer.lesson)
    return answer.lesson


def _not_over(lesson: int) -> Problem:
    detail = f"the lesson {lesson} is not over; ask again when it is, or cancel it"
    return Problem(409, LearningCode.UNDER_WAY, detail, job=lesson)


def cancel(settings: Settings, number: int, by: Caller) -> Lesson:
    """Let go of a lesson; returns it. Raises Problem 404, 409, and as `asking.ask`."""
    answer = _told(settings, CancelLesson(number), by)
    if answer.code is LearningCode.NOT_FOUND:
        raise Problem(404, answer.code, f"there is no lesson {number} (any more)")
    if answer.code is not None:
        raise Problem(409, answer.code, f"the lesson {number} is over")
    return lesson(settings.state_dir, number)


def adopt(settings: Settings, version: str, by: Caller) -> str:
    """Have a version judge; returns its name. Raises Problem 404, 409, and as `asking.ask`."""
    return _changed(settings, _told(settings, Adopt(version), by))


def back(settings: Settings, by: Caller) -> str:
    """Have the version before judge again. As `adopt`."""
    return _changed(settings, _told(settings, GoBack(), by))


def photo_of(example: str) -> int | None:
    """The number of the photo that an example is, where it is one of the history."""
    found = _NUMBERED.match(example)
    return int(found[1]) if found else None


def _told(settings: Settings, order: Order[A], by: Caller) -> A:
    require_daemon(settings.state_dir, "nothing can be learnt or adopted")
    return give(settings.state_dir, order, by)


def _changed(settings: Settings, answer: VersionAnswer) -> str:
    if answer.code is None:
        return answer.in_use
    status = 404 if answer.code is LearningCode.NOT_FOUND else 409
    detail = _plainly(settings, answer.detail)
    raise Problem(status, answer.code, detail, in_use=answer.in_use or None)


def _plainly(settings: Settings, why: Exception | str) -> str:
    """Without the folders of the machine, which are nobody's business who asks from elsewhere."""
    return str(why).replace(f"{Versions(settings.state_dir).folder}/", "")


def _bundle(settings: Settings) -> Bundle:
    try:
        return _loaded(settings.model_dir)
    except ModelError as exc:
        raise busy("the model that comes with nightsort is damaged", 30, "no_model") from exc


@lru_cache(maxsize=2)
def _loaded(model: Path | None) -> Bundle:
    """A bundle is never written anew under its name."""
    return load_bundle(model)
