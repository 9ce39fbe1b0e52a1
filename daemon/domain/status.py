"""The status document: how the service is, for its file, commands, alerts, metrics and pages.

The daemon says all of it (`LiveStatus`). What is read where no daemon runs, or has not spoken yet,
leaves parts open (`StatusDocument`).
"""

from __future__ import annotations

from typing_extensions import TypedDict

from daemon.domain.examples import LearningStatus
from daemon.domain.left_alone import LeftAloneDocument
from daemon.domain.status_words import Problem
from daemon.domain.summaries import RunSummary


class WatchStatus(TypedDict):
    """How incoming is watched."""

    mode: str  # native or polling
    why: str
    degraded: bool  # events were wanted, and it is polled
    ignored: dict[str, int]  # how many were left alone, by kind


class QueueStatus(TypedDict):
    """How many photos wait."""

    waiting: int
    settling: int
    retrying: int  # of those waiting: for a new try


class WindowStatus(TypedDict):
    """When the queue is drained. Moments are ISO 8601 with offset."""

    mode: str
    open: bool
    opens: str | None
    closes: str | None


class ForecastStatus(TypedDict):
    """How far the queue will get."""

    waiting: int
    will_not_fit: int
    done_by: str
    text: str


class FilingStatus(TypedDict):
    """What filing needs of the disk of sorted_dir."""

    min_free_mb: int
    copies: bool  # photos are copied there, not renamed


class FailingStatus(TypedDict):
    """Why each attempt to sort fails."""

    why: str
    failures: int  # in a row
    is_model: bool


class UndecidedStatus(TypedDict):
    """Photos in review, of all nights."""

    photos: int
    oldest: str | None  # since when the oldest waits; None where there are none


class AlertingStatus(TypedDict, total=False):
    """How the telling goes; only the number of targets is known before the first turn."""

    targets: int
    open: list[str]  # rules
    unreachable: list[str]  # targets
    undelivered: int
    delivered: int
    given_up: int


class MirrorStatus(TypedDict):
    """How far the copy in PostgreSQL is."""

    station: str
    waiting: int  # changes that were not copied yet
    why: Problem | None  # while each attempt fails


class BucketStatus(TypedDict):
    """How far the copies in the bucket are."""

    station: str
    copies: int  # that have arrived, as counted once a minute
    waiting: int  # files and changes that were not copied yet, as far as was looked
    why: Problem | None  # while each attempt fails


class LiveStatus(TypedDict):
    """What a daemon says of itself."""

    state: str
    share: dict[str, str]  # by folder: available, or what is wrong
    watch: WatchStatus
    queue: QueueStatus
    left_alone: LeftAloneDocument | None
    window: WindowStatus
    forecast: ForecastStatus | None
    last_run: RunSummary | None
    undecided: UndecidedStatus
    week: dict[str, int] | None
    judged_ahead: int | None  # of those that wait; None: not wanted
    model: str
    promise: float | None  # of what is filed without a look, as the model's card says
    disk: dict[str, int]  # free megabytes
    filing: FilingStatus | None
    failing: FailingStatus | None
    backup: str | None  # why there is no new backup
    mirror: MirrorStatus | None  # None: there is to be none
    bucket: BucketStatus | None  # likewise
    model_problem: str | None  # why another model judges than the one that is to
    learning: LearningStatus | None
    alerts: AlertingStatus
    problems: list[Problem]


class StatusDocument(TypedDict):
    """What is known of a daemon, whether it runs or not."""

    state: str
    share: dict[str, str] | None
    watch: WatchStatus | None
    queue: QueueStatus | None
    left_alone: LeftAloneDocument | None
    window: WindowStatus | None
    forecast: ForecastStatus | None
    last_run: RunSummary | None
    undecided: UndecidedStatus | None
    week: dict[str, int] | None
    judged_ahead: int | None
    model: str | None
    learning: LearningStatus | None
    disk: dict[str, int] | None
    mirror: MirrorStatus | None
    bucket: BucketStatus | None
    alerts: AlertingStatus | None
    problems: list[Problem]
