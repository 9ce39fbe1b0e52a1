"""The tables of the settings file that say how photos are taken, judged, filed and corrected.

What each key means, its default and its bounds; `config.settings` makes one tree of these and of
the other tables and reads it; code elsewhere takes the table it needs.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from config.catalogue import Language
from config.junk import JUNK
from config.section import Section

Observer = Literal["auto", "native", "polling"]


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
    look_ahead: bool = Field(
        True,
        description="Judge waiting photos while no run is under way, so that the run only files "
        "them. Nothing is moved before; never on a laptop's battery.",
    )
    look_ahead_share: float = Field(
        0.5,
        ge=0.01,
        le=1,
        description="The most of one core that looking ahead takes, at the lowest priority.",
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


class ReturnSettings(Section):
    """How a photo says which return it shows."""

    pattern: Annotated[str, AfterValidator(_usable_pattern)] | None = Field(
        None,
        description="Regular expression whose first group is the return id in a file's name. "
        "Default: what departments write, such as return_20251013_001, RET-60521 front or "
        "60521_2; a camera's counter or a date alone is none.",
        examples=["order-([0-9]{5,})"],
    )
    barcodes: bool = Field(
        False,
        description="Where a file's name has no return id, look for a QR code, or a Code 128 or "
        "EAN label, in the photo and take the id from it. Such a photo takes three to four times "
        "as long.",
    )


class ReportSettings(Section):
    """What people are told, and in which language."""

    language: Language = Field(
        "en",
        description="Language of reports, pick lists, workbooks, notes and alerts. What programs "
        "read (CSV, JSON, the log) and what commands say stays English.",
    )
    weekly: bool = Field(
        True,
        description="Write a report of each week that is over, on Monday, by itself.",
    )
    monthly: bool = Field(
        True,
        description="Write a report of each month that is over, on the first day after it, by "
        "itself, and tell of it that morning ([alerts] morning).",
    )
    spot_checks: float = Field(
        0.05,
        ge=0,
        le=1,
        description="Share of the photos filed without a look that are chosen by lot and shown on "
        "the run's page, so that people say whether they are right; 0 shows none.",
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
    share_log: str | None = Field(
        None,
        pattern=r"^/[^\x00-\x1f]+$",
        description="Samba's log with lines of full_audit, a file or a pattern, from which who "
        "dragged a photo is known (docs/install.md). Default: it was somebody on the share.",
        examples=["/var/log/samba/log.*"],
    )


class CategorySettings(Section):
    """What the warehouse knows of a category."""

    code: str = Field("", description="The warehouse's code for it.")
    location: str = Field("", description="Where it is stored.")


class LinkSettings(Section):
    """How people reach the folders, for links in results and reports."""

    incoming: str | None = Field(
        None, description="How people reach incoming_dir.", examples=[r"\\box\incoming"]
    )
    sorted: str | None = Field(
        None, description="How people reach sorted_dir.", examples=[r"\\box\photos"]
    )
    results: str | None = Field(
        None, description="How people reach results_dir.", examples=[r"\\box\results"]
    )
