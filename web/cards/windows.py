"""When photos are sorted, in words for people."""

from __future__ import annotations

from config.catalogue import Texts
from config.timing import ALL_DAYS, WindowSettings


def sorted_when(window: WindowSettings, t: Texts) -> str:
    """One sentence."""
    if window.mode == "continuous":
        return t("cards.when_continuous")
    if window.mode == "manual":
        return t("cards.when_manual")
    hours = {"start": f"{window.start:%H:%M}", "end": f"{window.end:%H:%M}"}
    if window.days == ALL_DAYS:
        return t("cards.when_window", **hours)
    days = t("cards.days").split()
    chosen = ", ".join(days[ALL_DAYS.index(day)] for day in ALL_DAYS if day in window.days)
    return t("cards.when_days", **hours, days=chosen)
