"""The pick lists of a run as a page that prints: each category begins a new sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from daemon.domain.photos import Status
from daemon.domain.reasons import remedy
from daemon.domain.speech import Speech
from daemon.domain.summaries import RunSummary
from daemon.reporting.pages import write_page
from daemon.reporting.picking import Double, PickList, Waiting


@dataclass(frozen=True, slots=True)
class Rest:
    """What is in none of the lists."""

    waiting: Sequence[Waiting]  # photos for which a person must still do something
    doubles: Sequence[Double]
    undecided_in_all: str  # how many wait for a decision, of all nights, in words


def write_pick_lists(
    file: BinaryIO,
    summary: RunSummary,
    lists: Sequence[PickList],
    rest: Rest,
    made_at: datetime,
    say: Speech,
    *,
    ask: str,
) -> None:
    """Write the page. ask: whom people ask."""
    write_page(
        file,
        "picks.html.j2",
        say,
        ask=ask,
        run=summary["run"],
        started=datetime.fromisoformat(summary["started"]),
        made_at=made_at,
        undecided_in_all=rest.undecided_in_all,
        lists=lists,
        undecided=[one for one in rest.waiting if one.status == Status.REVIEW],
        doubles=rest.doubles,
        to_retake=[one for one in rest.waiting if one.status == Status.ERROR],
        remedy=lambda code: remedy(code, say),
    )
