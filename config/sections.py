"""The tables of the settings file: what each key means, its default and its bounds.

`config.settings` makes one tree of them and reads it; code elsewhere takes the table it needs.
"""

from __future__ import annotations

import re
from datetime import time
from pathlib import Path
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    model_validator,
)

from config.targets import AlertTarget, Section
from config.targets import Severity as Severity  # noqa: PLC0414 - meant for others too

Mode = Literal["window", "continuous", "manual"]
Observer = Literal["auto", "native", "polling"]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
ALL_DAYS: tuple[Day, ...] = get_args(Day)

# Written by file managers, by programs still copying, and by network storage: never photos.
JUNK = (
    ".*", "~$*", "Thumbs.db", "desktop.ini",
    "@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information",
    "*.part", "*.partial", "*.tmp", "*.temp", "*.crdownload", "*.filepart", "*.!ut",
)  # fmt: skip


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


def _octal_mode(value: object) -> object:
    """File modes are written as people say them ("0640"), because TOML's 640 would mean another."""
    if isinstance(value, str) and re.fullmatch(r"0?[0-7]{3,4}", value):
        return int(value, 8)
    raise ValueError('must be an octal mode in quotes, such as "0640"')


def _usable_layout(layout: str) -> str:
    unknown = set(re.findall(r"{([^}]*)}", layout)) - {"category", "year", "month", "day"}
    if unknown or "{category}" not in layout:
        raise ValueError("must hold {category}, and may hold {year}, {month} and {day}")
    if layout.startswith("/") or any(p in ("", ".", "..") for p in layout.split("/")):
        raise ValueError("must be a relative folder such as {category}/{year}-{month}-{day}")
    return layout


FileMode = Annotated[int, BeforeValidator(_octal_mode)]
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


class IntakeSettings(Section):
    """How photos are taken from the incoming folder."""

    settle_seconds: float = Field(
        5.0, ge=0.1, le=3600, description="Seconds a file must stay unchanged before it is taken."
    )
    rescan_seconds: float = Field(
        300.0, ge=1, le=86400, description="Seconds between two looks at the whole incoming folder."
    )
    observer: Observer = Field(
        "auto",
        description="How arrivals are noticed: native events, polling, or auto (by the mount).",
    )
    ignore: tuple[str, ...] = Field(
        JUNK, description="Name patterns that are never photos, upper and lower case alike."
    )
    max_file_mb: float = Field(
        40.0, gt=0, le=4096, description="Largest file that is taken for a photo, in MB."
    )
    max_megapixels: float = Field(
        100.0, gt=0, le=1000, description="Largest picture that is decoded, in millions of pixels."
    )
    remove_empty_folders_hours: float = Field(
        24.0,
        ge=0,
        le=8760,
        description="Hours after which a folder in incoming that nightsort emptied is removed; "
        "0 keeps them.",
    )
    truncated_minutes: float = Field(
        10.0,
        ge=0,
        le=1440,
        description="Minutes that a photo cut off in the middle may wait unchanged for its rest, "
        "before it goes to quarantine.",
    )


class BatchSettings(Section):
    """How photos go through the model."""

    size: int = Field(
        32,
        ge=1,
        le=256,
        description="Most photos in one micro-batch; fewer when they are large, or few are left.",
    )
    workers: int | None = Field(
        None,
        ge=1,
        le=64,
        description="Threads that decode and classify. Default: one per core.",
        examples=[2],
    )


class BandSettings(Section):
    """Confidences from which a verdict counts as sure."""

    auto: float | None = Field(
        None,
        gt=0,
        le=1,
        description="From this confidence on nobody looks. Default: what the model's card "
        "promises, else 0.85.",
        examples=[0.85],
    )
    review: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Below this confidence a person decides. Default: what the model's card "
        "promises, else 0.70.",
        examples=[0.70],
    )

    @model_validator(mode="after")
    def _in_order(self) -> BandSettings:
        if self.auto is not None and self.review is not None and self.review > self.auto:
            raise ValueError("review must not be above auto")
        return self


class FilingSettings(Section):
    """Where and how photos are filed."""

    layout: Annotated[str, AfterValidator(_usable_layout)] = Field(
        "{category}",
        description="Folder of a filed photo in sorted_dir; {year}, {month} and {day} add dates.",
    )
    review_folder: bool = Field(
        True,
        description="Put photos that a person must decide under _review/; false puts them with "
        "those filed as they were guessed, where `nightsort correct` confirms it.",
    )
    group: str | None = Field(
        None,
        description="Group that owns filed photos. Default: as the operating system decides.",
        examples=["warehouse"],
    )
    file_mode: FileMode | None = Field(
        None, description="Mode of filed photos. Default: as they came.", examples=["0640"]
    )
    folder_mode: FileMode | None = Field(
        None,
        description="Mode of folders that are made. Default: by the umask.",
        examples=["2770"],
    )
    min_free_mb: int | None = Field(
        None,
        ge=0,
        examples=[512],
        description="Free space, in MB, below which nothing is filed. Default: 1 % of the disk, "
        "512 at most.",
    )


def _usable_pattern(pattern: str) -> str:
    try:
        groups = re.compile(pattern).groups
    except re.error as exc:
        raise ValueError(f"is not a regular expression ({exc})") from exc
    if groups < 1:
        raise ValueError("must hold a group, such as ([0-9]{4,}), that is the return id")
    return pattern


class ResultSettings(Section):
    """What is written beside the photos."""

    return_id: Annotated[str, AfterValidator(_usable_pattern)] = Field(
        "([0-9]{4,})",
        description="Regular expression whose first group is the return id in a file's name.",
    )


class ReportSettings(Section):
    """What is told of more than one run."""

    weekly: bool = Field(
        True,
        description="Write a report of each week that is over, on Monday, by itself.",
    )


class CorrectionSettings(Section):
    """How people's corrections are noticed."""

    look_back: int = Field(
        2000,
        ge=0,
        le=100_000,
        description="After each run, how many of the newest filed photos are looked at for ones "
        "that somebody moved to another category's folder; 0 looks at none.",
    )
    look_minutes: float = Field(
        2.0,
        ge=0,
        le=1440,
        description="Minutes between two looks for photos that somebody dragged out of _review, so "
        "that pick lists follow in the morning; 0 waits for the next run.",
    )


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
        description="Minutes that a target may fail before the other targets are told.",
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


class CategorySettings(Section):
    """What the warehouse knows of a category."""

    code: str = Field("", description="The warehouse's code for it.")
    location: str = Field("", description="Where it is stored.")


def _absolute(folder: Path | None) -> Path | None:
    if folder is not None and not folder.is_absolute():
        raise ValueError("must be an absolute path")
    return folder


def _web_address(url: SecretStr | None) -> SecretStr | None:
    if url is not None and not re.match(r"https?://\S+$", url.get_secret_value()):
        raise ValueError("must be an http:// or https:// address")
    return url


class MetricsSettings(Section):
    """For whoever watches this machine from outside."""

    textfile_dir: Annotated[Path | None, AfterValidator(_absolute)] = Field(
        None,
        description="Where the textfile collector of Prometheus' node exporter looks; a file "
        "nightsort.prom is kept there.",
        examples=["/var/lib/prometheus/node-exporter"],
    )
    heartbeat_url: Annotated[SecretStr | None, AfterValidator(_web_address)] = Field(
        None,
        description="Called after each window that ended well (in other modes, after each run).",
        examples=["https://hc.example.com/ping/..."],
    )


class BackupSettings(Section):
    """Copies of nightsort's own memory: queue and history."""

    nightly: bool = Field(
        True, description="Make one by itself every day, after the run, when it is quiet."
    )
    folder: Annotated[Path | None, AfterValidator(_absolute)] = Field(
        None,
        description="Where they are kept; best on another disk than state_dir. Default: backups/ "
        "in state_dir.",
        examples=["/mnt/backup/nightsort"],
    )
    keep_days: float = Field(
        14.0, ge=0, le=36_500, description="Days that one is kept; 0 keeps them for ever."
    )


class RetentionSettings(Section):
    """How long files are kept. Nothing is removed unless it is said here; the history never is."""

    compress_results_days: float = Field(
        30.0,
        ge=0,
        le=36_500,
        description="Days after which the CSV of a run is compressed (.csv.gz); 0 never does.",
    )
    results_days: float = Field(
        0.0,
        ge=0,
        le=36_500,
        description="Days that results for programs are kept: CSV, summary, inventory, "
        "corrections; 0 keeps them for ever.",
    )
    reports_days: float = Field(
        0.0,
        ge=0,
        le=36_500,
        description="Days that reports, workbooks and pick lists are kept; 0 keeps them for ever. "
        "`nightsort report` can write them again.",
    )
    filed_days: float = Field(
        0.0,
        ge=0,
        le=36_500,
        description="Days that filed photos are kept; 0 keeps them for ever. Photos in review are "
        "always kept.",
    )
    duplicates_days: float = Field(
        0.0,
        ge=0,
        le=36_500,
        description="Days that photos in _duplicates are kept; 0 keeps them for ever.",
    )
    quarantine_days: float = Field(
        0.0,
        ge=0,
        le=36_500,
        description="Days that files in _quarantine are kept; 0 keeps them for ever.",
    )


class LinkSettings(Section):
    """How people reach the folders, for links in results and reports."""

    sorted: str | None = Field(
        None, description="How people reach sorted_dir.", examples=[r"\\box\photos"]
    )
    results: str | None = Field(
        None, description="How people reach results_dir.", examples=[r"\\box\results"]
    )
