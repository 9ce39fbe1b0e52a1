"""When things happen: the window, and the times and days that other tables name, too."""

from __future__ import annotations

import re
from datetime import time
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from config.section import Section

Mode = Literal["window", "continuous", "manual"]

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

ALL_DAYS: tuple[Day, ...] = get_args(Day)


def _known_timezone(name: str | None) -> str | None:
    try:
        return None if name is None else ZoneInfo(name).key
    except (OSError, ValueError, LookupError) as exc:  # a folder, a bad name, an unknown one
        raise ValueError(
            "is no known time zone; write one such as Europe/Berlin, or leave it out"
        ) from exc


def _clock_time(value: object) -> object:
    """Times are written as people say them; pydantic alone would read 2 as two seconds past 0."""
    if isinstance(value, time) and value.tzinfo is None:
        return value
    if isinstance(value, str) and re.fullmatch(r"([01]?\d|2[0-3]):[0-5]\d", value):
        return time.fromisoformat(value.zfill(5))
    raise ValueError('must be a local time in quotes, such as "02:00"')


ClockTime = Annotated[time, BeforeValidator(_clock_time)]


class WindowSettings(Section):
    """When the queue is drained."""

    mode: Mode = Field(
        "window",
        description="When the queue is drained: in the nightly window, continuous "
        "(as photos come), or manual (only when somebody asks).",
    )
    start: ClockTime = Field(time(2, 0), description="Local time at which the window opens.")
    end: ClockTime = Field(
        time(6, 0),
        description="Local time at which it closes; before start means the next morning.",
    )
    timezone: Annotated[str | None, AfterValidator(_known_timezone)] = Field(
        None,
        description="Time zone of start and end. Default: the system's.",
        examples=["Europe/Berlin"],
    )
    quiet_minutes: float = Field(
        15.0,
        gt=0,
        le=1440,
        description="In continuous mode, minutes without a photo after which a run is closed.",
    )
    days: tuple[Day, ...] = Field(
        ALL_DAYS, min_length=1, description="Days on which a window opens (the day of its start)."
    )

    @model_validator(mode="after")
    def _is_a_window(self) -> WindowSettings:
        if self.start == self.end:
            raise ValueError("start and end are the same time; set them apart")
        return self

    def zone(self) -> ZoneInfo | None:
        """The time zone of the window; None means the system's."""
        return None if self.timezone is None else ZoneInfo(self.timezone)
