"""What became of photos, in the words that all of nightsort has for it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from classifier.verdict import Band

BAND_MEANS = {
    Band.AUTO: "filed, nobody looks",
    Band.CHECK: "filed, a quick look",
    Band.REVIEW: "a person decides",
}


def outcome_words(summary: Mapping[str, Any]) -> str:
    """What became of the photos of a run, from its summary: a sentence."""
    if summary["run"] is None:
        waiting = f"; {_waiting(summary['deferred'])}" if summary["deferred"] else ""
        return f"Nothing to do{waiting}."
    return f"Run {summary['run']}: {outcomes(summary)}, {_waiting(summary['deferred'])}."


def _waiting(number: int) -> str:
    return f"{number:,} still wait{'s' if number == 1 else ''}"


def outcomes(counts: Mapping[str, Any]) -> str:
    """How many went where, of a run or of more."""
    return (
        f"{counts['successful']:,} filed, {counts['review']:,} to review, "
        f"{count(counts['duplicates'], 'duplicate')}, {counts['failed']:,} in quarantine"
    )


def count(number: int, noun: str) -> str:
    """So many of something, such as "1 duplicate" or "1,200 duplicates"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def undecided_words(photos: int, oldest: str | None) -> str:
    """How many photos wait for a person, of all nights: a part of a sentence; empty for none."""
    if not photos or oldest is None:
        return ""
    waits = "waits" if photos == 1 else "wait"
    since = datetime.fromisoformat(oldest)
    return f"{count(photos, 'photo')} {waits} for a decision in all, since {since:%a %d %b}"
