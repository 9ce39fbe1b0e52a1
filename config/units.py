"""Numbers as people read them, one way everywhere: time spans and confidences."""

from __future__ import annotations


def duration(seconds: float, digits: int = 1) -> str:
    """A time span; `digits` of the seconds, where it is under a minute."""
    if round(seconds, digits) < 60:
        return f"{seconds:.{digits}f} s"
    minutes, rest = divmod(round(seconds), 60)
    return in_hours(minutes) if minutes >= 60 else f"{minutes} min {rest:02} s"


def in_hours(minutes: int) -> str:
    """A time span of an hour and more."""
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest:02} min"


def certainty(confidence: float) -> str:
    """A confidence; never "100 %": that sounds like knowing."""
    return f"{min(100 * confidence, 99.9):.1f} %"


def certainty_unbroken(confidence: float) -> str:
    """The same for text that flows: no line ends before the sign."""
    return certainty(confidence).replace(" ", "\N{NO-BREAK SPACE}")
