"""What became of photos, in the words that all of nightsort has for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def outcome_words(summary: Mapping[str, Any]) -> str:
    """What became of the photos of a run, from its summary: a sentence."""
    if summary["run"] is None:
        waiting = f"; {summary['deferred']:,} still wait" if summary["deferred"] else ""
        return f"Nothing to do{waiting}."
    return f"Run {summary['run']}: {outcomes(summary)}, {summary['deferred']:,} still wait."


def outcomes(counts: Mapping[str, Any]) -> str:
    """How many went where, of a run or of more."""
    return (
        f"{counts['successful']:,} filed, {counts['review']:,} to review, "
        f"{count(counts['duplicates'], 'duplicate')}, {counts['failed']:,} in quarantine"
    )


def count(number: int, noun: str) -> str:
    """So many of something, such as "1 duplicate" or "1,200 duplicates"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
