"""The page that a manager opens on Monday: a week, or any other period, in figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

from markupsafe import Markup

from daemon.domain.effects import Effect
from daemon.domain.learning_words import effect_words
from daemon.domain.reasons import in_words
from daemon.domain.speech import Speech
from daemon.domain.value import Value
from daemon.domain.value import in_words as value_words
from daemon.reporting.accuracy import Accuracy, unasked_words
from daemon.reporting.accuracy import in_words as accuracy_words
from daemon.reporting.charts import column_chart, level_chart
from daemon.reporting.figures import Counts, Figures
from daemon.reporting.pages import write_page
from daemon.reporting.periods import Period
from daemon.reporting.trends import Trends
from daemon.reporting.trends import in_words as trend_words

# What columns are made of, from the bottom up: class in the style, label, field of `Counts`.
_KINDS = (
    ("auto", "filed", "successful"),
    ("review", "to_decide", "review"),
    ("retake", "to_retake", "failed"),
    ("other", "duplicates", "duplicates"),
)
_MOST_RUNS = 62


@dataclass(frozen=True, slots=True)
class Told:
    """What the page tells beside the figures."""

    value: Value
    accuracy: Accuracy
    pages: Mapping[str, str]  # file names of the runs' own reports that lie beside it, by run
    trends: Trends
    effect: Effect | None = None  # of the model that judged last


def write_period_report(
    file: BinaryIO, figures: Figures, told: Told, say: Speech, *, ask: str
) -> None:
    """Write the page. ask: whom people ask."""
    total = figures.total
    write_page(
        file,
        "period.html.j2",
        say,
        ask=ask,
        figures=figures,
        total=total,
        sentence=_sentence(figures, say),
        compared=_compared(figures, say),
        tiles=_tiles(total, say),
        kinds=[(kind, say(f"run.tile.{label}"), key) for kind, label, key in _KINDS],
        most=max((one.photos for one in figures.mix), default=0) or 1,
        volume=_volume(figures, say),
        success=level_chart(
            say("period.chart.success", rate=rate(total, say)),
            [(_mark(step, figures.period, say), one.success_rate) for step, one in figures.steps],
        ),
        facts=[*_facts(figures, say), *_brought(told.effect, say), *value_words(told.value, say)],
        runs=figures.runs[-_MOST_RUNS:],
        pages=told.pages,
        accuracy=told.accuracy,
        trends=told.trends,
        trend_facts=trend_words(told.trends, say),
        how_right=lambda found: accuracy_words(found, say),
        unasked=unasked_words(told.accuracy, say),
        rate=lambda counts: rate(counts, say),
        in_words=lambda code: in_words(code, say),
    )


def rate(counts: Counts, say: Speech) -> str:
    """The success rate, or a dash where there was nothing to succeed in."""
    known = counts.success_rate
    return "–" if known is None else f"{say.number(known, 1)}\N{NO-BREAK SPACE}%"


def _volume(figures: Figures, say: Speech) -> Markup:
    steps = figures.steps
    photos, number = say.count(figures.total.photos, "photo"), say.count(len(steps), "step")
    stacks = [{kind: getattr(one, key) for kind, _, key in _KINDS} for _, one in steps]
    names = [_mark(step, figures.period, say) for step, _ in steps]
    return column_chart(
        say("period.chart.volume", photos=photos, steps=number),
        list(zip(names, stacks, strict=True)),
        top=say.number(max((sum(stack.values()) for stack in stacks), default=0)),
    )


def _mark(step: Period, period: Period, say: Speech) -> str:
    if step.days == 1:
        # In a week that is enough, and all seven fit on a phone.
        return say.when("weekday_mark" if period.days <= 7 else "day_mark", step.first)
    return say.when("mark" if step.days <= 7 else "month_mark", step.first)


def _sentence(figures: Figures, say: Speech) -> str:
    total = figures.total
    if total.runs == 0:
        return say("period.nothing")
    photos, runs = say.count(total.photos, "photo"), say.count(total.runs, "run")
    return say("period.sorted", photos=photos, runs=runs)


def _compared(figures: Figures, say: Speech) -> str:
    """How much it was against the period before."""
    now, before = figures.total.photos, figures.before.photos
    when = _before(figures.period, say)
    if not before:
        return say("period.nothing_before", before=when)
    rates = ""
    if figures.before.success_rate is not None and figures.total.success_rate is not None:
        rates = say("period.rates", rate=rate(figures.before, say))
    told = {"before": when, "photos": say.count(before, "photo"), "rates": rates}
    if now == before:
        return say("period.as_many", **told)
    change = say.number(abs(100 * (now - before) / before))
    return say("period.more" if now > before else "period.fewer", n=change, **told)


def _before(period: Period, say: Speech) -> str:
    """What the period before is called in a sentence."""
    if period.is_week:
        return say("period.week_before")
    return say("period.time_before", title=period.before.title(say))


def _tiles(total: Counts, say: Speech) -> list[tuple[str, str, str]]:
    """Label, figure, and what it is coloured as."""
    number = say.number
    return [
        (say("period.title.photos"), number(total.photos), ""),
        (say("run.tile.filed"), number(total.successful), "auto"),
        (say("run.tile.to_decide"), number(total.review), "review" if total.review else ""),
        (say("run.tile.to_retake"), number(total.failed), "review" if total.failed else ""),
        (say("run.tile.duplicates"), number(total.duplicates), ""),
        (say("run.tile.success"), rate(total, say), ""),
    ]


def _facts(figures: Figures, say: Speech) -> list[tuple[str, str]]:
    total, words = figures.total, figures.words
    speed = total.photos_per_second
    models = dict.fromkeys(run["model"] for run in figures.runs)
    told = "–" if speed is None else say("run.fact.a_second", n=say.number(speed, 1))
    right = say("period.fact.some_confirmed", verdicts=say.count(words.confirmed, "verdict"))
    facts = [
        (say("period.fact.runs"), say.number(total.runs)),
        (say("period.fact.at_work"), say.duration(total.busy_seconds)),
        (say("run.fact.speed"), told),
        (say("run.fact.confidence"), _confidence(total, say)),
        (say("period.fact.sure"), _share(figures, "auto", say)),
        (say("period.fact.look"), _share(figures, "check", say)),
        (say("period.fact.corrected"), _corrected(figures, say)),
        (say("period.fact.confirmed"), right),
    ]
    if words.undone:
        back = say("period.fact.some_undone", photos=say.count(words.undone, "photo"))
        facts.append((say("period.fact.undone"), back))
    return [*facts, (say("run.fact.model"), ", ".join(models) or "–")]


def _brought(effect: Effect | None, say: Speech) -> list[tuple[str, str]]:
    """Only what is no chance."""
    if effect is None or not effect["is_certain"]:
        return []
    return [(say("period.fact.this_model"), effect_words(effect, say))]


def _confidence(total: Counts, say: Speech) -> str:
    average = total.average_confidence
    return "–" if average is None else say("run.fact.on_average", n=say.certainty(average))


def _share(figures: Figures, band: str, say: Speech) -> str:
    if not figures.total.judged:
        return "–"
    share = 100 * figures.bands[band] / figures.total.judged
    return say("period.fact.share", n=say.number(share, 1))


def _corrected(figures: Figures, say: Speech) -> str:
    words = figures.words
    if not words.changed:
        return say("period.fact.none_corrected")
    return say(
        "period.fact.some_corrected",
        verdicts=say.count(words.changed, "verdict"),
        unasked=say.number(words.changed_unasked),
    )
