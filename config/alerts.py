"""The table [alerts]: whom to tell, and from when on."""

from __future__ import annotations

from datetime import time
from typing import Annotated, Literal

from pydantic import Field, model_validator

from config.section import Section
from config.targets import AlertTarget
from config.timing import ClockTime, Day

_EXAMPLE_TARGETS = [
    {
        "type": "email",
        "host": "mail.example.com",
        "user": "nightsort@example.com",
        "password_credential": "mail-password",
        "from": "nightsort@example.com",
        "to": ["it@example.com"],
        "severities": ["warning", "error", "critical"],
    },
    {
        "type": "slack",
        "webhook_credential": "slack-webhook",
        "severities": ["info", "error", "critical"],
    },
    {"url": "json://monitor.example.com/alerts", "severities": ["critical"]},
]

_A_DAY = r"^([0-9]{4}-)?(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"


class AlertSettings(Section):
    """Whom to tell, and from when on."""

    targets: tuple[AlertTarget, ...] = Field(
        (),
        description="Whom to tell, and what each wants to hear: docs/alerts.md has more. A secret "
        "is best kept in a systemd credential, named by password_credential, webhook_credential "
        "or url_credential. Or the whole list is one, as JSON: NIGHTSORT_ALERTS__TARGETS.",
        examples=[_EXAMPLE_TARGETS],
    )
    attach_max_mb: float = Field(
        10.0,
        ge=0,
        le=100,
        description="Largest file attached to an alert, in MB; 0 attaches none. Where to find it "
        "is always said.",
    )
    failing_minutes: float = Field(
        2.0, ge=0, le=1440, description="Minutes that sorting may fail before somebody is told."
    )
    share_minutes: float = Field(
        5.0, ge=0, le=1440, description="Minutes that a folder may be away before somebody is told."
    )
    error_rate: float = Field(
        0.10, gt=0, le=1, description="Share of unreadable photos in a run above which it is told."
    )
    rate_photos: int = Field(
        10, ge=1, le=100_000, description="Photos below which a run's share of errors says nothing."
    )
    low_confidence: int = Field(
        50, ge=1, description="Photos in review above which a run deserves a warning."
    )
    low_disk_gb: float = Field(
        5.0, ge=0, description="Free space, in GB, below which a disk deserves a warning."
    )
    slow_run_minutes: float = Field(
        15.0, gt=0, le=10_080, description="Minutes of work above which a run deserves a warning."
    )
    held_minutes: float = Field(
        60.0,
        ge=1,
        le=10_080,
        description="Minutes that a photo may be written to, held by another program, or tried "
        "again and again, before somebody is told its name.",
    )
    undecided_days: float = Field(
        3.0,
        ge=1,
        le=30,
        description="Days that a photo may wait for a person's decision before that is told.",
    )
    accuracy_promise: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="Share of the photos filed without a look that must be right, by spot checks. "
        "Default: what the card of the model or version in use promises; nothing where [bands] "
        "auto is lower than the card's.",
        examples=[0.98],
    )
    days_off: tuple[Annotated[str, Field(pattern=_A_DAY)], ...] = Field(
        (),
        description="Days on which nobody photographs, beside those that most countries have: "
        "nothing is concluded of what does not come then (unusual_night). MM-DD is of every year.",
        examples=[["10-03", "2026-08-03"]],
    )
    missed_window_hours: float = Field(
        36.0,
        ge=1,
        le=240,
        description="Hours after which it is told that a window passed without the service.",
    )
    undeliverable_minutes: float = Field(
        30.0,
        gt=0,
        le=1440,
        description="Minutes that a target, or the webhook of [handover], may fail before that "
        "is told.",
    )
    mirror_minutes: float = Field(
        30.0,
        ge=0,
        le=10_080,
        description="Minutes that the mirror may fail before somebody is told.",
    )
    morning: ClockTime = Field(
        time(7, 0),
        description="Local time of what is told once a day or week: the weekly summary, and in "
        "continuous mode what was sorted since yesterday.",
    )
    weekly_summary: Day | Literal["never"] = Field(
        "mon", description='Day on which the week before is summed up; "never" leaves it out.'
    )

    @model_validator(mode="after")
    def _names_differ(self) -> AlertSettings:
        names = [target.name for target in self.targets if target.name is not None]
        if len(names) != len({*names}):
            raise ValueError("two targets have the same name; give each its own")
        return self
