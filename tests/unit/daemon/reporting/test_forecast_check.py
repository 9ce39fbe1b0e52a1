"""Whether a forecast held, as the report says it."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.reporting.forecast_check import forecast_words


def expected(will_not_fit: int = 0) -> dict[str, Any]:
    return {
        "opens": "2025-10-13T02:00:00+02:00",
        "closes": "2025-10-13T06:00:00+02:00",
        "waiting": 4180,
        "will_not_fit": will_not_fit,
        "done_by": "2025-10-13T04:20:00+02:00",
    }


def summary(finished: str, deferred: int = 0) -> dict[str, Any]:
    return {"finished": f"2025-10-13T{finished}+02:00", "deferred": deferred, "arrived": 210}


@pytest.mark.parametrize(
    ("foretold", "came", "said"),
    [
        (expected(), summary("04:05:00"), "4,180 photos done by 04:20: kept"),
        (expected(), summary("04:24:59"), "done by 04:20: kept"),
        (expected(), summary("04:50:00"), "30 min later, 210 came meanwhile"),
        (expected(), summary("06:00:00", 12), "not kept, 12 photos left"),
        (expected(900), summary("06:00:00", 880), "900 would not fit: kept, 880 were left"),
        (expected(900), summary("06:00:00", 950), "900 would not fit: not kept, 950 were left"),
    ],
)
def test_a_forecast_is_kept_or_not(foretold: Any, came: Any, said: str) -> None:
    ((label, text),) = forecast_words(foretold, came)
    assert label == "Forecast"
    assert text.startswith("at 02:00, 4,180 photos")
    assert said in text


def test_without_a_forecast_nothing_is_said() -> None:
    assert forecast_words(None, summary("04:05:00")) == []
