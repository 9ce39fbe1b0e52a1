"""What there is to know of a rule of alerting; and rules that tell of weeks, months, promotions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # `nightsort status` shall not wait for the settings' library
    from config.targets import Severity


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that people can be told."""

    severity: Severity
    when: str  # completes "told when …"
    facts: Mapping[str, str]  # what an alert of it carries, by name
    setting: str | None = None  # the key in [alerts] that holds its threshold
    subject: str | None = None  # the fact that tells apart what may hold several times at once
    is_news: bool = False  # told once; else a condition: raised, repeated daily, resolved


_PERIOD = {
    "first_day": "its first day, as date",
    "last_day": "its last day, as date",
    "runs": "how many",
    "total_processed": "photos",
    "total_processed_before": "photos in the one before, or null",
    "successful": "filed",
    "review": "for a person to decide",
    "duplicates": "photos that were filed before",
    "failed": "unreadable, in quarantine",
    "success_rate": "percent",
    "average_confidence": "0..1, or null",
    "categories": "{category: photos}, most first",
    "corrected": "photos whose category people corrected, or null",
    "value": "what was saved, as `nightsort value --json`, or null",
    "accuracy": "how right it was: {from, to, filed, decided}, each {right, checked, shown, "
    "share, low, high}; or null",
    "report": "name of its report in results_dir, or null",
}

OF_PERIODS: Mapping[str, Rule] = {
    "weekly_summary": Rule(
        "info",
        "a week is over in which there was something to do",
        {"week": "such as 2026-W47", **_PERIOD},
        setting="weekly_summary",
        is_news=True,
    ),
    "monthly_summary": Rule(
        "info",
        "a month is over in which there was something to do",
        {"month": "such as 2026-11", **_PERIOD},
        is_news=True,
    ),
}

OF_PROMOTIONS: Mapping[str, Rule] = {
    "promotion_compared": Rule(
        "info",
        "a version that head office offers was compared on this station's own photos",
        {
            "version": "what it is called here",
            "station": "which learnt it",
            "person": "who offered it",
            "judgement": "better, as good, worse or refused",
            "why": "one sentence",
            "adopted": "whether it judges photos now",
        },
        is_news=True,
    ),
}
