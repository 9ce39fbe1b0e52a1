"""What became of photos, in the words that all of nightsort has for it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from classifier.verdict import Band
from daemon.domain.speech import ENGLISH, Speech

BAND_MEANS = {
    Band.AUTO: "filed, nobody looks",
    Band.CHECK: "filed, a quick look",
    Band.REVIEW: "a person decides",
}


def outcome_words(summary: Mapping[str, Any], say: Speech = ENGLISH) -> str:
    """What became of the photos of a run, from its summary: a sentence."""
    deferred = summary["deferred"]
    waiting = say.many("phrases.outcome.waiting", deferred)
    if summary["run"] is not None:
        outcome = outcomes(summary, say)
        return say("phrases.outcome.run", run=summary["run"], outcomes=outcome, waiting=waiting)
    if not deferred:
        return say("phrases.outcome.nothing")
    return say("phrases.outcome.nothing_now", waiting=waiting)


def outcomes(counts: Mapping[str, Any], say: Speech = ENGLISH) -> str:
    """How many went where, of a run or of more."""
    return say(
        "phrases.outcome.outcomes",
        filed=say.number(counts["successful"]),
        review=say.number(counts["review"]),
        duplicates=say.count(counts["duplicates"], "duplicate"),
        failed=say.number(counts["failed"]),
    )


def count(number: int, noun: str) -> str:
    """So many of something in English, such as "1 duplicate" or "1,200 duplicates"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def undecided_words(photos: int, oldest: str | None, say: Speech = ENGLISH) -> str:
    """How many photos wait for a person, of all nights: a part of a sentence; empty for none."""
    if not photos or oldest is None:
        return ""
    since = say.when("short_day", datetime.fromisoformat(oldest))
    return say.many("phrases.undecided", photos, since=since)
