"""Nights: each morning what came since the last one, against the shop's own last weeks.

The figures of the last weeks are kept as a fact, so that each night's photos are counted once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from config.settings import Settings
from daemon.alerting.conditions import Observation
from daemon.domain.drift import NIGHTS, Change, stability, unusual
from daemon.domain.nights import (
    Night,
    day_of_morning,
    judged_since,
    mix_of,
    model_of,
    night_of,
)
from daemon.domain.summaries import RunSummary
from daemon.store import Store

# Facts in the store.
NIGHTS_KEPT = "nights"  # in figures, oldest first
_NIGHT_JUDGED = "night_judged"  # the day of the newest of them

_DAY = timedelta(days=1)
_MOST_CHANGES = 8


def of_night(
    now: datetime, store: Store, settings: Settings, *, is_blind: bool
) -> tuple[list[Observation], dict[str, object]]:
    """What the night was like, once each morning, and what is to be remembered of it.

    is_blind: photos may be there that were not sorted, so that nothing can be said of none.
    """
    morning = datetime.combine(now.date(), settings.alerts.morning, now.tzinfo)
    day = morning.date() if now >= morning else morning.date() - _DAY
    if store.facts.get(_NIGHT_JUDGED) == day.isoformat():
        return [], {}
    kept = [Night.of_json(one) for one in store.facts.get(NIGHTS_KEPT) or ()]
    nights = _until(day, morning, store, kept)
    changes = unusual(nights, settings.alerts.days_off, is_waiting=is_blind)
    told: dict[str, object] = {
        _NIGHT_JUDGED: day.isoformat(),
        NIGHTS_KEPT: [night.as_json() for night in nights],
    }
    return [_observed(nights, changes)], told


def _until(day: date, morning: datetime, store: Store, kept: Sequence[Night]) -> list[Night]:
    """The nights until that day, counted anew where they are not known."""
    first = day - NIGHTS * _DAY
    known = {night.day: night for night in kept if first <= night.day < day}
    # Those that an older nightsort kept do not say which model judged.
    unnamed = {one for one, night in known.items() if night.judged and not night.model}
    lacking = [one for one in _days(first, day) if one not in known or one in unnamed]
    runs: dict[date, list[RunSummary]] = {one: [] for one in lacking}
    for summary in store.runs.summaries_of_days(lacking[0] - 2 * _DAY, day):
        ended = day_of_morning(datetime.fromisoformat(summary["finished"]), morning)
        runs.get(ended, []).append(summary)
    left = 0
    for one in _days(first, day):
        if one not in known:
            reasons = store.runs.reasons_of(run["run"] for run in runs[one])
            known[one] = night_of(one, runs[one], reasons, left)
        elif one in unnamed:
            known[one] = replace(known[one], model=model_of(runs[one]))
        left = known[one].left
    return [known[one] for one in _days(first, day)]


def _days(first: date, last: date) -> list[date]:
    return [first + number * _DAY for number in range((last - first).days + 1)]


def _observed(nights: Sequence[Night], changes: Sequence[Change] | None) -> Observation:
    """changes: None while too little is known to say."""
    night, before = nights[-1], nights[:-1]
    since = judged_since(nights)
    facts: Mapping[str, Any] = {
        "night": night.day.isoformat(),
        "photos": night.photos,
        "changes": [change.as_json() for change in (changes or ())[:_MOST_CHANGES]],
        "more": max(0, len(changes or ()) - _MOST_CHANGES),
        "mix_index": round(stability(night.categories, mix_of(before)), 3),
        "compared": sum(one.photos > 0 for one in before),
        "model": night.model,
        "model_since": since and since.isoformat(),
    }
    return Observation("unusual_night", None if changes is None else bool(changes), facts)
