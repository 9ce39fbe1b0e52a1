"""Charts as the reports have them."""

from __future__ import annotations

from daemon.reporting.charts import (
    bar,
    column_chart,
    confidence_chart,
    level_chart,
    share_chart,
)

__all__ = ["bar", "column_chart", "confidence_chart", "level_chart", "share_chart"]
