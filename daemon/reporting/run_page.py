"""The page that a clerk opens in the morning: one run, with the pictures that need a decision.

One self-contained file: its pictures are in it, it loads nothing and runs no script. All that comes
from outside (names, reasons, categories) is escaped by the template engine.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, BinaryIO

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from classifier.verdict import Band
from config.errors import PhotoProblem
from config.readable import plain
from daemon.links import link, shown
from daemon.records import Correction, Word, as_text
from daemon.reporting.charts import confidence_chart, time_chart
from daemon.reporting.morning import Morning
from daemon.results import is_balanced
from daemon.tables import took

_TEMPLATES = Path(__file__).parent / "templates"
_BANDS = (
    (Band.AUTO, "filed, sure"),
    (Band.CHECK, "filed, worth a quick look"),
    (Band.REVIEW, "a person decides"),
)
_REMEDIES: dict[str, str] = {
    PhotoProblem.CORRUPT: "Photograph the item again.",
    PhotoProblem.TRUNCATED: "Copy the photo once more, or photograph the item again.",
    PhotoProblem.NOT_AN_IMAGE: "Put a photo there; documents and other files belong elsewhere.",
    PhotoProblem.TOO_LARGE: "Save it smaller, or photograph the item with a lower resolution.",
    PhotoProblem.UNREADABLE: "Ask the administrator for the file's access rights.",
    PhotoProblem.CRASHES_DECODER: "Photograph the item again, and tell the administrator.",
}


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
) -> None:
    """Write the page. pictures: JPEGs by place in sorted; settings: those worth telling."""
    summary = morning.summary
    page = _environment().get_template("report.html.j2")
    stream = page.stream(
        morning=morning,
        summary=summary,
        started=morning.started,
        pictures=pictures,
        style=Markup((_TEMPLATES / "report.css").read_text(encoding="utf-8")),  # noqa: S704 - ours
        is_balanced=is_balanced(summary),
        sentence=_sentence(summary, morning),
        balance=_balance(summary),
        tiles=_tiles(summary),
        facts=[*_facts(morning), *settings],
        bands=_BANDS,
        most=max((one.photos for one in morning.categories), default=1),
        remedies=_REMEDIES,
        confidence_chart=confidence_chart(morning.confidences),
        time_chart=time_chart(morning.timeline),
        href=partial(link, reach.links),
        folder=partial(shown, reach.links, reach.sorted_dir),
        said=_said,
    )
    stream.enable_buffering(64)
    stream.dump(file, encoding="utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "plain": lambda text: plain(str(text)),
        "percent": _percent,
        "base64": lambda data: b64encode(data).decode("ascii"),
        "as_text": as_text,
    }
    return environment


def _sentence(summary: Mapping[str, Any], morning: Morning) -> str:
    """The run in one sentence, the state of it first."""
    if not is_balanced(summary):
        return "The run does not add up: please tell the administrator."
    photos = summary["total_processed"]
    sorted_ = f"{_count(photos, 'photo')} sorted by {morning.finished:%H:%M}"
    if summary["deferred"]:
        return f"{sorted_}, {_count(summary['deferred'], 'photo')} left for the next run."
    return f"{sorted_}, none left waiting."


def _balance(summary: Mapping[str, Any]) -> str:
    came = summary["waiting_before"] + summary["arrived"]
    parts = [
        f"{summary['successful']:,} filed",
        f"{summary['review']:,} to decide",
        f"{_count(summary['duplicates'], 'duplicate')}",
        f"{summary['failed']:,} to retake",
    ]
    if summary["gone"]:
        parts.append(f"{summary['gone']:,} taken away by a person")
    parts.append(f"{summary['waiting_after']:,} waiting")
    return f"Of {_count(came, 'photo')} that came: {', '.join(parts)}."


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
        ("Confidence", f"{_percent(summary['average_confidence'])} on average"),
        ("Model", summary["model"]),
    ]


def _said(word: Correction) -> str:
    if word.word is Word.UNDONE:
        return f"put back by {plain(word.person)}"
    return f"now {plain(word.category)}, by {plain(word.person)}"


def _percent(share: float | None) -> str:
    # Never "100 %": that sounds like knowing. And no line ends before the sign.
    return f"{min(100 * (share or 0.0), 99.9):.1f}\N{NO-BREAK SPACE}%"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
