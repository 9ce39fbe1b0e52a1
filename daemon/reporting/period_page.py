"""The page that a manager opens on Monday: a week, or any other period, in figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

from config.units import duration
from daemon.domain.effects import Effect
from daemon.domain.learning_words import effect_words
from daemon.domain.phrases import count
from daemon.domain.reasons import in_words
from daemon.reporting.accuracy import Accuracy, unasked_words
from daemon.reporting.accuracy import in_words as accuracy_words
from daemon.reporting.charts import column_chart, level_chart
from daemon.reporting.figures import Counts, Figures
from daemon.reporting.pages import percent, write_page
from daemon.reporting.periods import Period
from daemon.reporting.value import Value
from daemon.reporting.value import in_words as value_words

# What columns are made of, from the bottom up: class in the style, label, field of `Counts`.
_KINDS = (
    ("auto", "filed", "successful"),
    ("review", "to decide", "review"),
    ("retake", "to retake", "failed"),
    ("other", "duplicates", "duplicates"),
)
_MOST_RUNS = 62


@dataclass(frozen=True, slots=True)
class Told:
    """What the page tells beside the figures."""

    value: Value
    accuracy: Accuracy
    pages: Mapping[str, str]  # file names of the runs' own reports that lie beside it, by run
    effect: Effect | None = None  # of the model that judged last


def write_period_report(file: BinaryIO, figures: Figures, told: Told) -> None:
    """Write the page."""
    total = figures.total
    names = [(_mark(step, figures.period), counts) for step, counts in figures.steps]
    write_page(
        file,
        "period.html.j2",
        figures=figures,
        total=total,
        sentence=_sentence(figures),
        compared=_compared(figures),
        tiles=_tiles(total),
        kinds=_KINDS,
        most=max((one.photos for one in figures.mix), default=0) or 1,
        volume=column_chart(
            f"{count(total.photos, 'photo')} in {count(len(names), 'step')} of time",
            [(name, {kind: getattr(c, key) for kind, _, key in _KINDS}) for name, c in names],
        ),
        success=level_chart(
            f"Success rate, {rate(total)} over the whole period",
            [(name, counts.success_rate) for name, counts in names],
        ),
        facts=[*_facts(figures), *_brought(told.effect), *value_words(told.value)],
        runs=figures.runs[-_MOST_RUNS:],
        pages=told.pages,
        accuracy=told.accuracy,
        how_right=accuracy_words,
        unasked=unasked_words(told.accuracy),
        rate=rate,
        took=duration,
        in_words=in_words,
    )


def rate(counts: Counts) -> str:
    """The success rate, or a dash where there was nothing to succeed in."""
    return "–" if counts.success_rate is None else f"{counts.success_rate:.1f}\N{NO-BREAK SPACE}%"


def _mark(step: Period, period: Period) -> str:
    if step.days == 1:
        # In a week that is enough, and all seven fit on a phone.
        return f"{step.first:%a}" if period.days <= 7 else f"{step.first:%a %d}"
    return f"{step.first:%d %b}" if step.days <= 7 else f"{step.first:%b %y}"


def _sentence(figures: Figures) -> str:
    total = figures.total
    if total.runs == 0:
        return "Nothing was sorted: no run began in this time."
    return f"{count(total.photos, 'photo')} sorted in {count(total.runs, 'run')}."


def _compared(figures: Figures) -> str:
    """How much it was against the period before."""
    now, before = figures.total.photos, figures.before.photos
    when = "the week before" if figures.period.is_week else figures.period.before.title
    if not before:
        return f"There is nothing to compare with: no photos in {when}."
    change = 100 * (now - before) / before
    more = "as many as" if now == before else f"{abs(change):.0f} % {_more(change)} than"
    rates = ""
    if figures.before.success_rate is not None and figures.total.success_rate is not None:
        rates = f"; success then {rate(figures.before)}"
    return f"{more.capitalize()} {when} ({count(before, 'photo')}){rates}."


def _more(change: float) -> str:
    return "more" if change > 0 else "fewer"


def _tiles(total: Counts) -> list[tuple[str, str, str]]:
    """Label, figure, and what it is coloured as."""
    return [
        ("photos", f"{total.photos:,}", ""),
        ("filed", f"{total.successful:,}", "auto"),
        ("to decide", f"{total.review:,}", "review" if total.review else ""),
        ("to retake", f"{total.failed:,}", "review" if total.failed else ""),
        ("duplicates", f"{total.duplicates:,}", ""),
        ("success", rate(total), ""),
    ]


def _facts(figures: Figures) -> list[tuple[str, str]]:
    total, words = figures.total, figures.words
    speed = total.photos_per_second
    models = dict.fromkeys(run["model"] for run in figures.runs)
    facts = [
        ("Runs", f"{total.runs:,}"),
        ("At work", duration(total.busy_seconds)),
        ("Speed", "–" if speed is None else f"{speed:.1f} photos a second"),
        ("Confidence", _confidence(total)),
        ("Filed, sure", _share(figures, "auto")),
        ("Quick look", _share(figures, "check")),
        ("Corrected", _corrected(figures)),
        ("Confirmed", f"{count(words.confirmed, 'verdict')} that people found right"),
    ]
    if words.undone:
        facts.append(("Undone", f"{count(words.undone, 'photo')} put back"))
    return [*facts, ("Model", ", ".join(models) or "–")]


def _brought(effect: Effect | None) -> list[tuple[str, str]]:
    """Only what is no chance."""
    if effect is None or not effect["is_certain"]:
        return []
    return [("This model", effect_words(effect))]


def _confidence(total: Counts) -> str:
    average = total.average_confidence
    return "–" if average is None else f"{percent(average)} on average"


def _share(figures: Figures, band: str) -> str:
    if not figures.total.judged:
        return "–"
    share = 100 * figures.bands[band] / figures.total.judged
    return f"{share:.1f}\N{NO-BREAK SPACE}% of the photos"


def _corrected(figures: Figures) -> str:
    words = figures.words
    if not words.changed:
        return "no verdict was changed by a person"
    return (
        f"{count(words.changed, 'verdict')} changed by people, {words.changed_unasked:,} of them "
        "of photos filed without asking"
    )
