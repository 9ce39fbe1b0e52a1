"""What was unusual in a night, in words and with bars, for every target alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from daemon.domain.speech import Speech

_LONGEST_BAR = 12
_BAR = "\N{LOWER SEVEN EIGHTHS BLOCK}"
_OF_PHOTOS = ("volume", "no_arrivals")
_CODES = ("reason", "unknown")


def change_named(change: Mapping[str, Any], say: Speech, named: Callable[[Any], str]) -> str:
    """What changed: the category, the reason, or the figure."""
    what, name = str(change["what"]), str(change["name"])
    if what in _CODES:
        words = say.or_else(f"reasons.words.{name or what}", "")
        return f"{words[:1].upper()}{words[1:]}" or named(name)
    return named(name) if what == "mix" else say.or_else(f"alerts.change.{what}", "") or named(what)


def change_told(change: Mapping[str, Any], say: Speech) -> str:
    """Such as `11.4 % instead of 5.9 % (usual: 4.1 % to 8.2 %)`."""
    if change["what"] == "no_arrivals":  # whatever came would have been usual
        return change_short(change, say)
    now, usual, low, high = (
        _written(change, change[key], say) for key in ("now", "usual", "low", "high")
    )
    told = say("alerts.instead", now=now, usual=usual, low=low, high=high)
    if change["nights"] == 1:
        return told
    how = "in_nights_each" if change["what"] in _OF_PHOTOS else "in_nights"
    return say(f"alerts.{how}", told=told, nights=say.number(change["nights"]))


def change_short(change: Mapping[str, Any], say: Speech) -> str:
    """Such as `11.4 % instead of 5.9 %`, for a headline."""
    now, usual = (_written(change, change[key], say) for key in ("now", "usual"))
    return say("alerts.instead_short", now=now, usual=usual)


def change_drawn(change: Mapping[str, Any], say: Speech) -> str:
    """Two bars, of now and of what is usual."""
    most = max(change["now"], change["usual"]) or 1
    now, usual = (
        _BAR * max(1, round(_LONGEST_BAR * change[key] / most)) if change[key] else "0"
        for key in ("now", "usual")
    )
    return say("alerts.bars", now=now, usual=usual)


def _written(change: Mapping[str, Any], value: float, say: Speech) -> str:
    if change["what"] in _OF_PHOTOS:
        return say.number(value)
    return f"{say.number(100 * value, 1)}\N{NO-BREAK SPACE}%"
