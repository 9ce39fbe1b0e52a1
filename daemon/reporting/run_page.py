"""The page that a clerk opens in the morning: one run, with the pictures that need a decision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, BinaryIO

from markupsafe import Markup

from classifier.verdict import Band
from config.readable import plain
from daemon.domain.corrections import Correction, Word
from daemon.domain.links import link, shown
from daemon.domain.reasons import recorded, remedy
from daemon.domain.speech import ENGLISH, Speech
from daemon.domain.summaries import RunSummary, missing
from daemon.folders.names import REVIEW
from daemon.reporting.charts import column_chart, confidence_chart
from daemon.reporting.forecast_check import forecast_words
from daemon.reporting.pages import write_page
from daemon.reporting.run_data import RunData

_BANDS = (Band.AUTO, Band.CHECK, Band.REVIEW)


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
    say: Speech = ENGLISH,
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
        say,
        run_data=run_data,
        summary=summary,
        started=run_data.started,
        pictures=pictures,
        is_balanced=not missing(summary),
        sentence=_sentence(summary, run_data, say),
        balance=_balance(summary, say),
        tiles=_tiles(summary, say),
        foretold=forecast_words(expected, summary, say),
        facts=[*_facts(run_data, say), *told],
        bands=[(band, say(f"run.band.{band}")) for band in _BANDS],
        set_apart=any(story.target.startswith(f"{REVIEW}/") for story in run_data.review),
        most=max((one.photos for one in run_data.categories), default=1),
        why=lambda sentence: recorded(sentence, say),
        remedy=lambda code: remedy(code, say),
        confidence_chart=_confidence_chart(run_data, say),
        time_chart=_time_chart(run_data, say),
        href=partial(link, reach.links),
        folder=partial(shown, reach.links, reach.sorted_dir),
        said=lambda word: _said(word, say),
        when=lambda story: say.when("moment", datetime.fromisoformat(story.first_seen_at)),
    )


def _sentence(summary: RunSummary, run_data: RunData, say: Speech) -> str:
    """The run in one sentence, the state of it first."""
    if missing(summary):
        return say("run.sentence.bad")
    photos = say.count(summary["total_processed"], "photo")
    at = f"{run_data.finished:%H:%M}"
    if summary["deferred"]:
        left = say.count(summary["deferred"], "photo")
        return say("run.sentence.left", photos=photos, at=at, left=left)
    return say("run.sentence.done", photos=photos, at=at)


def _balance(summary: RunSummary, say: Speech) -> str:
    came = summary["waiting_before"] + summary["arrived"]
    parts = [
        say.many("run.balance.filed", summary["successful"]),
        say.many("run.balance.review", summary["review"]),
        say.count(summary["duplicates"], "duplicate"),
        say.many("run.balance.failed", summary["failed"]),
    ]
    if summary["gone"]:
        parts.append(say.many("run.balance.gone", summary["gone"]))
    parts.append(say.many("run.balance.waiting", summary["waiting_after"]))
    return say("run.balance.all", photos=say.count(came, "photo"), parts=", ".join(parts))


def _tiles(summary: RunSummary, say: Speech) -> list[tuple[str, str, str]]:
    """Label, figure, and what it is coloured as."""
    number, success = say.number, f"{say.number(summary['success_rate'], 1)} %"
    took = say.duration(summary["processing_time_seconds"])
    return [
        (say("run.tile.filed"), number(summary["successful"]), "auto"),
        (say("run.tile.to_decide"), number(summary["review"]), _asked(summary["review"])),
        (say("run.tile.to_retake"), number(summary["failed"]), _asked(summary["failed"])),
        (say("run.tile.duplicates"), number(summary["duplicates"]), ""),
        (say("run.tile.success"), success, ""),
        (say("run.tile.took"), took, ""),
    ]


def _asked(photos: int) -> str:
    return "review" if photos else ""


def _facts(run_data: RunData, say: Speech) -> list[tuple[str, str]]:
    summary = run_data.summary
    begin, end = (say.when("second", at) for at in (run_data.started, run_data.finished))
    average = say.certainty(summary["average_confidence"])
    speed = say.number(summary["images_per_second"], 1)
    return [
        (say("run.fact.run"), summary["run"]),
        (say("run.fact.time"), say("run.fact.from_to", begin=begin, end=end)),
        (say("run.fact.speed"), say("run.fact.a_second", n=speed)),
        *_ahead(summary, say),
        (say("run.fact.confidence"), say("run.fact.on_average", n=average)),
        (say("run.fact.model"), summary["model"]),
    ]


def _ahead(summary: RunSummary, say: Speech) -> Iterator[tuple[str, str]]:
    """What was judged before the run; an older summary does not say."""
    if photos := summary.get("judged_ahead", 0):
        took = say.duration(summary["judged_ahead_seconds"])
        text = say("run.fact.ahead_text", photos=say.count(photos, "photo"), time=took)
        yield say("run.fact.ahead"), text


def _confidence_chart(run_data: RunData, say: Speech) -> Markup:
    bins = run_data.confidences
    highest = bins[-1].total() if bins else 0
    return confidence_chart(
        bins,
        say("run.chart.confidences", photos=highest, steps=len(bins)),
        top=say.number(max((one.total() for one in bins), default=0)),
    )


def _time_chart(run_data: RunData, say: Speech) -> Markup:
    """How many photos were sorted when."""
    most = max((photos for _, photos in run_data.timeline), default=0)
    total = sum(photos for _, photos in run_data.timeline)
    return column_chart(
        say("run.chart.over_time", photos=total, most=most),
        [(f"{at:%H:%M}", {"all": photos}) for at, photos in run_data.timeline],
        top=say.number(most),
    )


def _said(word: Correction, say: Speech) -> str:
    person, category = plain(word.person), plain(word.category)
    if word.word is Word.UNDONE:
        return say("run.said.undone", person=person)
    if word.word is Word.RETAKE:
        return say("run.said.retake", person=person)
    how = "confirmed" if word.is_confirmation else "now"
    return say(f"run.said.{how}", category=category, person=person)
