"""What became of photos, in the words that all of nightsort has for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


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


def certainty(confidence: float) -> str:
    """A confidence as people read it; never "100 %": that sounds like knowing."""
    return f"{min(100 * confidence, 99.9):.1f} %"
