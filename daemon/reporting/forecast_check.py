"""Whether the forecast of a window held, in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from daemon.domain.phrases import count

# A forecast is kept when the run ends no later than this after it.
_GRACE = timedelta(minutes=5)


def forecast_words(
    expected: Mapping[str, Any] | None, summary: Mapping[str, Any]
) -> list[tuple[str, str]]:
    """What was expected when the window opened, and what came; nothing where nothing was."""
    if expected is None:
        return []
    opens = datetime.fromisoformat(expected["opens"])
    foretold = f"at {opens:%H:%M}, {count(expected['waiting'], 'photo')}"
    if expected["will_not_fit"]:
        foretold += f", {expected['will_not_fit']:,} would not fit"
        return [("Forecast", f"{foretold}: {_fitted(expected, summary)}")]
    done_by = datetime.fromisoformat(expected["done_by"])
    return [("Forecast", f"{foretold} done by {done_by:%H:%M}: {_in_time(done_by, summary)}")]


def _fitted(expected: Mapping[str, Any], summary: Mapping[str, Any]) -> str:
    left = summary["deferred"]
    if left <= expected["will_not_fit"]:
        return f"kept, {left:,} were left"
    return f"not kept, {left:,} were left"


def _in_time(done_by: datetime, summary: Mapping[str, Any]) -> str:
    finished = datetime.fromisoformat(summary["finished"])
    if summary["deferred"]:
        return f"not kept, {count(summary['deferred'], 'photo')} left"
    if finished <= done_by + _GRACE:
        return "kept"
    minutes = round((finished - done_by).total_seconds() / 60)
    return f"{minutes} min later, {summary['arrived']:,} came meanwhile"
