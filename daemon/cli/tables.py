"""What the command line shows as tables, as plain text that also reads well in a file or a mail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, tzinfo
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from classifier.evaluation import Evaluation
from config.readable import plain
from config.units import duration
from daemon.domain.alerts import RULES, Incident
from daemon.domain.phrases import BAND_MEANS

_MOST_MISTAKES = 8


def evaluation_table(evaluation: Evaluation) -> str:
    """An evaluation as people read it: headline, categories, bands, what is mixed up."""
    right = round(evaluation.accuracy * evaluation.images)
    headline = (
        f"{right} of {evaluation.images} photos right: accuracy {evaluation.accuracy:.1%}, "
        f"calibration error {evaluation.ece:.3f}, {evaluation.images_per_second:.0f} photos/s"
    )
    tables = [
        _categories(evaluation),
        _bands(evaluation),
        _moved(evaluation),
        _mixed_up(evaluation),
    ]
    shown = [_render(table) for table in tables if table.row_count]
    return "\n".join([headline, "", *shown]).rstrip()


def runs_table(summaries: Iterable[Mapping[str, Any]], corrected: Mapping[str, int]) -> str:
    """Runs as people read them, from their summaries.

    corrected: of how many photos of a run people said something later, where they did.
    """
    table = _table(
        "Run",
        "Began",
        "Photos",
        "Filed",
        "Review",
        "Duplicates",
        "Failed",
        "Corrected",
        "Success",
        "Took",
        left=2,
    )
    for run in summaries:
        began = datetime.fromisoformat(run["started"])
        counts = ("total_processed", "successful", "review", "duplicates", "failed")
        table.add_row(
            plain(run["run"]),
            f"{began:%a %d %b %H:%M}",
            *(f"{run[key]:,}" for key in counts),
            f"{corrected.get(run['run'], 0):,}",
            f"{run['success_rate']:.1f} %",
            duration(run["processing_time_seconds"]),
        )
    return _render(table, width=120).rstrip()


def alerts_table(incidents: Iterable[Mapping[str, Any]], zone: tzinfo) -> str:
    """What people were told, as the store's history says it; below, what did not arrive."""
    table = _table("ID", "Alert", "Severity", "Raised", "State", "Delivered", left=5)
    undelivered = []
    for one in incidents:
        ways = [way for alert in one["alerts"] for way in alert["deliveries"]]
        arrived = [way for way in ways if way["state"] == "delivered"]
        table.add_row(
            str(one["id"]),
            one["rule"],
            one["severity"],
            _moment(one["raised"], zone),
            _state_of(one, zone),
            f"{len(arrived)} of {len(ways)}",
        )
        failed = {w["target"]: w["error"] for w in ways if w["state"] != "delivered" and w["error"]}
        undelivered += [
            f"Alert {one['id']} has not reached {plain(target)}: {plain(error)}"
            for target, error in failed.items()
        ]
    return "\n".join([_render(table), *undelivered]).rstrip()


def noted_lines(noted: Iterable[Incident], zone: tzinfo) -> list[str]:
    """What the lookout told while it could not use the database, one line each."""
    return [
        f"Told by nightsort-check, without the database: {one.rule}, {RULES[one.rule].severity}, "
        f"raised {one.raised_at.astimezone(zone):%a %d %b %H:%M}, lasts, day {one.day}"
        for one in noted
        if one.rule in RULES
    ]


def _state_of(incident: Mapping[str, Any], zone: tzinfo) -> str:
    by = incident["acknowledged_by"]
    known = f", known to {plain(by)}" if by else ""
    if [alert["phase"] for alert in incident["alerts"]] == ["told"]:
        return f"told{known}"
    if incident["resolved"] is not None:
        return f"over {_moment(incident['resolved'], zone)}{known}"
    return f"lasts, day {incident['day']}{known}"


def _moment(text: str, zone: tzinfo) -> str:
    return f"{datetime.fromisoformat(text).astimezone(zone):%a %d %b %H:%M}"


def _categories(evaluation: Evaluation) -> Table:
    table = _table("Category", "Precision", "Recall", "F1", "Photos")
    for name, (precision, recall, f1, support) in evaluation.categories.items():
        table.add_row(plain(name), f"{precision:.1%}", f"{recall:.1%}", f"{f1:.1%}", str(support))
    return table


def _bands(evaluation: Evaluation) -> Table:
    table = _table("Band", "Share", "Right")
    for band, (share, right) in evaluation.bands.items():
        shown = "-" if right is None else f"{right:.1%}"
        table.add_row(f"{band} ({BAND_MEANS[band]})", f"{share:.1%}", shown)
    return table


def _moved(evaluation: Evaluation) -> Table:
    """What another threshold of band auto would do."""
    table = _table("If auto began at", "Filed without a look", "Right there")
    for row in evaluation.thresholds:
        right = "-" if row.accuracy is None else f"{row.accuracy:.1%}"
        table.add_row(f"{row.threshold:g}", f"{row.share:.1%}", right)
    return table


def _mixed_up(evaluation: Evaluation) -> Table:
    """The commonest mistakes: what it was, what it was taken for, how often."""
    pairs = [
        (-count, truth, guess)
        for truth, row in zip(evaluation.labels, evaluation.confusion, strict=True)
        for guess, count in zip(evaluation.labels, row, strict=True)
        if truth != guess and count
    ]
    table = _table("Mistaken", "Taken for", "Photos", left=2)
    for negative, truth, guess in sorted(pairs)[:_MOST_MISTAKES]:
        table.add_row(plain(truth), plain(guess), str(-negative))
    return table


def _table(*columns: str, left: int = 1) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number < left else "right", no_wrap=True)
    return table


def _render(table: Table, width: int = 100) -> str:
    # Names are anybody's: nothing in them is markup.
    console = Console(
        width=width, color_system=None, force_terminal=False, markup=False, emoji=False
    )
    with console.capture() as capture:
        console.print(table)
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"
