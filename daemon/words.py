"""A run's outcome in one sentence, for people."""

from __future__ import annotations

from typing import Any


def outcome_words(summary: dict[str, Any]) -> str:
    """What became of the photos of a run, from its summary."""
    if summary["run"] is None:
        waiting = f"; {summary['deferred']} still wait" if summary["deferred"] else ""
        return f"Nothing to do{waiting}."
    duplicates = summary["duplicates"]
    parts = [
        f"{summary['successful']} filed",
        f"{summary['review']} to review",
        f"{duplicates} duplicate{'' if duplicates == 1 else 's'}",
        f"{summary['failed']} in quarantine",
        f"{summary['deferred']} still wait",
    ]
    return f"Run {summary['run']}: {', '.join(parts)}."
