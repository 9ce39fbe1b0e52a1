"""The page that a clerk opens in the morning: one run, with the pictures that need a decision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, BinaryIO

from classifier.verdict import Band
from config.readable import plain
from config.units import duration
from daemon.domain.corrections import Correction, Word
from daemon.domain.links import link, shown
from daemon.domain.phrases import count
from daemon.domain.reasons import remedy
from daemon.domain.summaries import RunSummary, missing
from daemon.folders.names import REVIEW
from daemon.reporting.charts import confidence_chart, time_chart
from daemon.reporting.forecast_check import forecast_words
from daemon.reporting.pages import percent, write_page
from daemon.reporting.run_data import RunData

_BANDS = (
    (Band.AUTO, "filed, sure"),
    (Band.CHECK, "filed, worth a quick look"),
    (Band.REVIEW, "a person decides"),
)


@dataclass(frozen=True, slots=True)
class Reach:
    """How people reach the photos."""

    links: str | None  # the setting [links] sorted
    sorted_dir: str


def write_report(
    file: BinaryIO,
    run_data: RunData,
    pictures: Mapping[str, bytes],
    reach: Reach,
    told: list[tuple[str, str]],
    expected: Mapping[str, Any] | None,
) -> None:
    """Write the page.

    pictures: JPEGs by place in sorted; told: what else is told of it, label and
    text; expected: what was foretold
    of its window, where something was.
    """
    summary = run_data.summary
    write_page(
        file,
        "run.html.j2",
        run_data=run_data,
        summary=summary,
        started=run_data.started,
        pictures=pictures,
        is_balanced=not missing(summary),
        sentence=_sentence(summary, run_data),
        balance=_balance(summary),
        tiles=_tiles(summary),
        foretold=forecast_words(expected, summary),
        facts=[*_facts(run_data), *told],
        bands=_BANDS,
        set_apart=any(story.target.startswith(f"{REVIEW}/") for story in run_data.review),
        most=max((one.photos for one in run_data.categories), default=1),
        remedy=remedy,
        confidence_chart=confidence_chart(run_data.confidences),
        time_chart=time_chart(run_data.timeline),
        href=partial(link, reach.links),
        folder=partial(shown, reach.links, reach.sorted_dir),
        said=_said,
        when=lambda story: f"{datetime.fromisoformat(story.first_seen_at):%d %b, %H:%M}",
    )


def _sentence(summary: RunSummary, run_data: RunData) -> str:
    """The run in one sentence, the state of it first."""
    if missing(summary):
        return "The run does not add up: please tell the administrator."
    photos = summary["total_processed"]
    sorted_ = f"{count(photos, 'photo')} sorted by {run_data.finished:%H:%M}"
    if summary["deferred"]:
        return f"{sorted_}, {count(summary['deferred'], 'photo')} left for the next run."
    return f"{sorted_}, none left waiting."


def _balance(summary: RunSummary) -> str:
    came = summary["waiting_before"] + summary["arrived"]
    parts = [
        f"{summary['successful']:,} filed",
        f"{summary['review']:,} to decide",
        f"{count(summary['duplicates'], 'duplicate')}",
        f"{summary['failed']:,} to retake",
    ]
    if summary["gone"]:
        parts.append(f"{summary['gone']:,} taken away by a person")
    parts.append(f"{summary['waiting_after']:,} waiting")
    return f"Of {count(came, 'photo')} that came: {', '.join(parts)}."


def _tiles(summary: RunSummary) -> list[tuple[str, str, str]]:
    """Label, figure, and what it is coloured as."""
    return [
        ("filed", f"{summary['successful']:,}", "auto"),
        ("to decide", f"{summary['review']:,}", "review" if summary["review"] else ""),
        ("to retake", f"{summary['failed']:,}", "review" if summary["failed"] else ""),
        ("duplicates", f"{summary['duplicates']:,}", ""),
        ("success", f"{summary['success_rate']:.1f} %", ""),
        ("took", duration(summary["processing_time_seconds"]), ""),
    ]


def _facts(run_data: RunData) -> list[tuple[str, str]]:
    summary = run_data.summary
    return [
        ("Run", summary["run"]),
        ("Time", f"{run_data.started:%d %b %H:%M:%S} to {run_data.finished:%d %b %H:%M:%S}"),
        ("Speed", f"{summary['images_per_second']:.1f} photos a second"),
        *_ahead(summary),
        ("Confidence", f"{percent(summary['average_confidence'])} on average"),
        ("Model", summary["model"]),
    ]


def _ahead(summary: RunSummary) -> Iterator[tuple[str, str]]:
    """What was judged before the run; an older summary does not say."""
    if photos := summary.get("judged_ahead", 0):
        took = duration(summary["judged_ahead_seconds"])
        yield "Judged ahead", f"{count(photos, 'photo')}, in {took} before the run"


def _said(word: Correction) -> str:
    if word.word is Word.UNDONE:
        return f"put back by {plain(word.person)}"
    if word.word is Word.RETAKE:
        return f"to be photographed again, says {plain(word.person)}"
    if word.is_confirmation:
        return f"{plain(word.category)} confirmed by {plain(word.person)}"
    return f"now {plain(word.category)}, by {plain(word.person)}"
