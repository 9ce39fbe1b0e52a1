"""The pick lists of a run as a page that prints: each category begins a new sheet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, BinaryIO

from daemon.records import Status
from daemon.reporting.pages import write_page
from daemon.reporting.picking import PickList, Waiting
from daemon.reporting.reasons import OTHER_REMEDY, REMEDIES
from daemon.words import count


def write_pick_lists(
    file: BinaryIO,
    summary: dict[str, Any],
    lists: Sequence[PickList],
    waiting: Sequence[Waiting],
    made_at: datetime,
) -> None:
    """Write the page. waiting: photos for which a person must still do something."""
    write_page(
        file,
        "picks.html.j2",
        run=summary["run"],
        started=datetime.fromisoformat(summary["started"]),
        made_at=made_at,
        lists=lists,
        undecided=[one for one in waiting if one.status == Status.REVIEW],
        to_retake=[one for one in waiting if one.status == Status.ERROR],
        count=count,
        remedy=lambda code: REMEDIES.get(code, OTHER_REMEDY),
    )
