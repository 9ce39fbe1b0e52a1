"""News of weeks and months: what is told of each once it is over. Pure, as the rules are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from daemon.domain.alerts import Alert, news


def weekly_summary(told: Mapping[str, Any], at: datetime, report: Path | None) -> Alert | None:
    """Tell of a week; None when there was nothing to do.

    told: `week`, `page` and `figures` as the periodical remembers them.
    """
    return _period_summary("weekly_summary", "week", told, at, report)


def monthly_summary(told: Mapping[str, Any], at: datetime, report: Path | None) -> Alert | None:
    """The same of a month; told: `month`, `page` and `figures`."""
    return _period_summary("monthly_summary", "month", told, at, report)


def _period_summary(
    rule: str, key: str, told: Mapping[str, Any], at: datetime, report: Path | None
) -> Alert | None:
    figures = told["figures"]
    if figures is None or not figures["total_processed"]:
        return None
    counts = ("runs", "total_processed", "successful", "review", "duplicates", "failed")
    facts = {
        key: told[key],
        "first_day": figures["from"],
        "last_day": figures["to"],
        **{count: figures[count] for count in counts},
        "total_processed_before": figures.get("total_processed_before"),
        "success_rate": figures["success_rate"],
        "average_confidence": figures["average_confidence"],
        "categories": figures["categories"],
        "corrected": figures.get("corrected"),
        "value": figures.get("value"),
        "accuracy": figures.get("accuracy"),
        "report": told["page"],
    }
    return news(rule, told[key], at, facts, (report,) if report else ())
