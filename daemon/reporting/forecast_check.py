"""Whether the forecast of a window held, in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from daemon.domain.speech import ENGLISH, Speech

# A forecast is kept when the run ends no later than this after it.
_GRACE = timedelta(minutes=5)


def forecast_words(
    expected: Mapping[str, Any] | None, summary: Mapping[str, Any], say: Speech = ENGLISH
) -> list[tuple[str, str]]:
    """What was expected when the window opened, and what came; nothing where nothing was."""
    if expected is None:
        return []
    opens = f"{datetime.fromisoformat(expected['opens']):%H:%M}"
    photos, not_fit = say.count(expected["waiting"], "photo"), expected["will_not_fit"]
    if not_fit:
        outcome, key = _fitted(expected, summary, say), "run.forecast.not_fit"
        text = say.many(key, not_fit, opens=opens, photos=photos, outcome=outcome)
    else:
        end = datetime.fromisoformat(expected["done_by"])
        given = {"opens": opens, "photos": photos, "done_by": f"{end:%H:%M}"}
        text = say("run.forecast.done_by", **given, outcome=_in_time(end, summary, say))
    return [(say("run.forecast.label"), text)]


def _fitted(expected: Mapping[str, Any], summary: Mapping[str, Any], say: Speech) -> str:
    left = summary["deferred"]
    kept = "kept_left" if left <= expected["will_not_fit"] else "not_kept_left"
    return say.many(f"run.forecast.{kept}", left)


def _in_time(done_by: datetime, summary: Mapping[str, Any], say: Speech) -> str:
    finished = datetime.fromisoformat(summary["finished"])
    if summary["deferred"]:
        return say("run.forecast.not_kept", photos=say.count(summary["deferred"], "photo"))
    if finished <= done_by + _GRACE:
        return say("run.forecast.kept")
    minutes = round((finished - done_by).total_seconds() / 60)
    arrived = say.number(summary["arrived"])
    return say("run.forecast.later", minutes=minutes, arrived=arrived)
