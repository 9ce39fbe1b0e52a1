"""What is said of learning, in the status and elsewhere."""

from __future__ import annotations

from datetime import datetime

from daemon.domain.again import said_again
from daemon.domain.effects import Effect
from daemon.domain.examples import LastLesson, LearningStatus
from daemon.domain.phrases import count
from daemon.domain.speech import ENGLISH, Speech


def learning_words(learning: LearningStatus) -> str:
    """How much was said since the last lesson, what came of that, what the model in use brought.

    "" where nothing was said or learnt.
    """
    if not learning["examples"] and learning["last"] is None:
        return ""
    new = f"{count(learning['new'], 'new example')}"
    last = learning["last"]
    said = f"{new} since the last lesson: {lesson_words(last)}" if last else f"{new}, no lesson yet"
    effect = learning["effect"]
    return f"{said}; {effect_words(effect)}" if effect else said


def why_words(why: str, say: Speech) -> str:
    """Why a lesson, or a comparison, ended as it did: each part of it in the language of `say`."""
    return "; ".join(said_again(part, say, "lessons.why") for part in why.split("; "))


def effect_words(effect: Effect, say: Speech = ENGLISH) -> str:
    """How many photos people must decide on since the model in use judges, and before."""
    since = say.when("short_day", datetime.fromisoformat(effect["since"]))
    after, before = (say.number(100 * effect[side], 1) for side in ("after", "before"))
    shares = say("phrases.effect.shares", after=after, before=before)
    fewer = round(abs(effect.get("fewer_a_night", 0.0)))
    if not effect.get("is_certain") or not fewer:  # an older nightsort did not say
        return say("phrases.effect.plain", since=since, shares=shares)
    how = "fewer" if effect["fewer_a_night"] > 0 else "more"
    return say.many(f"phrases.effect.{how}", fewer, since=since, shares=shares)


def lesson_words(last: LastLesson) -> str:
    """What came of a lesson, and what to do."""
    on = f"{datetime.fromisoformat(last['at']).astimezone():%a %d %b %H:%M}"
    if last["version"] is None:
        return f"{on}, refused"
    said = f"{on}, {last['version']} is {last['judgement']}"
    if last["adopted"]:
        return f"{said} and was adopted"
    if last["judgement"] == "worse":
        return f"{said} and was not adopted"
    return f"{said}; to use it: nightsort models adopt {last['version']}"
