"""The page that a clerk opens in the morning: one run, with the pictures that need a decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO

from classifier.verdict import Band
from config.readable import plain
from daemon.links import link, shown
from daemon.names import REVIEW
from daemon.records import Correction, Word
from daemon.reporting.charts import confidence_chart, time_chart
from daemon.reporting.foretold import forecast_words
from daemon.reporting.morning import Morning
from daemon.reporting.pages import percent, write_page
from daemon.reporting.reasons import OTHER_REMEDY, REMEDIES
from daemon.results import is_balanced
from daemon.tables import took
from daemon.words import count

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
    morning: Morning,
    pictures: Mapping[str, bytes],
    reach: Reach,
    settings: list[tuple[str, str]],
    expected: Mapping[str, Any] | None,
) -> None:
    """Write the page.

    pictures: JPEGs by place in sorted; settings: those worth telling; expected: what was foretold
    of its window, where something was.
    """
    summary = morning.summary
    write_page(
        file,
        "run.html.j2",
        morning=morning,
        summary=summary,
        started=morning.started,
        pictures=pictures,
        is_balanced=is_balanced(summary),
        sentence=_sentence(summary, morning),
        balance=_balance(summary),
        tiles=_tiles(summary),
        foretold=forecast_words(expected, summary),
        facts=[*_facts(morning), *settings],
        bands=_BANDS,
        set_apart=any(story.target.startswith(f"{REVIEW}/") for story in morning.review),
        most=max((one.photos for one in morning.categories), default=1),
        remedy=lambda code: REMEDIES.get(code, OTHER_REMEDY),
        confidence_chart=confidence_chart(morning.confidences),
        time_chart=time_chart(morning.timeline),
        href=partial(link, reach.links),
        folder=partial(shown, reach.links, reach.sorted_dir),
        said=_said,
    )


def _sentence(summary: Mapping[str, Any], morning: Morning) -> str:
    """The run in one sentence, the state of it first."""
    if not is_balanced(summary):
        return "The run does not add up: please tell the administrator."
    photos = summary["total_processed"]
    sorted_ = f"{count(photos, 'photo')} sorted by {morning.finished:%H:%M}"
    if summary["deferred"]:
        return f"{sorted_}, {count(summary['deferred'], 'photo')} left for the next run."
    return f"{sorted_}, none left waiting."


def _balance(summary: Mapping[str, Any]) -> str:
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


def _tiles(summary: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Label, figure, and what it is coloured as."""
    return [
        ("filed", f"{summary['successful']:,}", "auto"),
        ("to decide", f"{summary['review']:,}", "review" if summary["review"] else ""),
        ("to retake", f"{summary['failed']:,}", "review" if summary["failed"] else ""),
        ("duplicates", f"{summary['duplicates']:,}", ""),
        ("success", f"{summary['success_rate']:.1f} %", ""),
        ("took", took(summary["processing_time_seconds"]), ""),
    ]


def _facts(morning: Morning) -> list[tuple[str, str]]:
    summary = morning.summary
    return [
        ("Run", summary["run"]),
        ("Time", f"{morning.started:%d %b %H:%M:%S} to {morning.finished:%d %b %H:%M:%S}"),
        ("Speed", f"{summary['images_per_second']:.1f} photos a second"),
        ("Confidence", f"{percent(summary['average_confidence'])} on average"),
        ("Model", summary["model"]),
    ]


def _said(word: Correction) -> str:
    if word.word is Word.UNDONE:
        return f"put back by {plain(word.person)}"
    if word.is_confirmation:
        return f"{plain(word.category)} confirmed by {plain(word.person)}"
    return f"now {plain(word.category)}, by {plain(word.person)}"
