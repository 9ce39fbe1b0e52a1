"""How numbers, times and lists are written in the words of alerts, in their language."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from config.units import in_hours
from daemon.alerting.render_changes import (
    change_drawn,
    change_named,
    change_short,
    change_told,
)
from daemon.domain.learning_words import why_words
from daemon.domain.reasons import recorded
from daemon.domain.speech import Speech
from daemon.domain.status_words import problem_again
from daemon.domain.summaries import ValueDocument
from daemon.domain.value import in_words, of_json

_MOST_CATEGORIES = 5
Marked = Callable[[str], str]  # marks what a fact says


def filters(say: Speech, marked: Marked) -> Mapping[str, Any]:
    """Those for the words of rules; what they write is ours, but for what they mark."""
    of_words: dict[str, Callable[..., str]] = {
        "word": lambda value: _word(value, marked),
        "shown": marked,
        "names": lambda names: _names([_word(name, marked) for name in names], say),
        "free": lambda disks: ", ".join(
            f"{_word(disk, marked)} {_size(mb, say)}" for disk, mb in disks.items()
        ),
        "change_named": lambda change: change_named(change, say, lambda one: _word(one, marked)),
        "change_short": lambda change: change_short(change, say),
        "change_told": lambda change: change_told(change, say),
        "change_drawn": lambda change: change_drawn(change, say),
        "most": lambda categories: _most(categories, say, marked),
    }
    of_numbers: dict[str, Callable[..., str]] = {
        "number": lambda value: say.figures(f"{value:,}"),
        "count": lambda number, one, more="": _count(number, one, more, say),
        "percent": lambda share: _percent(share, say),
        "confidence": say.certainty,
        "size": lambda megabytes: _size(megabytes, say),
        "minutes": lambda minutes: _minutes(minutes, say),
        "took": say.duration,
        "money": lambda amount: say.number(amount, 2),
        "plainly": lambda number: say.figures(f"{number:g}"),
        "rounded": lambda number: say.figures(str(round(number, 1))),
        "day": lambda day: say.when("short_day", date.fromisoformat(day)),
    }
    ours = {name: _ours(make) for name, make in (of_words | of_numbers).items()}

    @pass_context
    def clock(context: Context, at: str) -> Markup:
        return Markup(moment(at, context["now"], say))  # noqa: S704 - ours

    # What these write is marked as what a fact says: there are names in it.
    said = {
        "reason": lambda text: recorded(text, say),
        "lesson": lambda why: why_words(why, say),
        "problem": lambda why: problem_again(why, say),
    }
    return {**ours, **said, "clock": clock, "worth": lambda value: _worth(value, say)}


def _worth(value: ValueDocument | None, say: Speech) -> list[tuple[Markup, Markup]]:
    """Label and text of each line on what was saved; none where that is unknown."""
    lines = [] if value is None else in_words(of_json(value), say)
    return [(Markup(label), Markup(text)) for label, text in lines]  # noqa: S704 - ours


def moment(at: str, now: datetime, say: Speech) -> str:
    """A time of today, or the day with it."""
    then = datetime.fromisoformat(at).astimezone(now.tzinfo)
    is_today = then.date() == now.date()
    return f"{then:%H:%M}" if is_today else say.when("week_moment", then)


def _ours(make: Callable[..., str]) -> Callable[..., Markup]:
    return lambda *args: Markup(make(*args))  # noqa: S704 - made of numbers and words of ours


def _word(value: Any, marked: Marked) -> str:
    text = str(value)
    return text if re.fullmatch(r"[A-Za-z0-9 _.-]*", text) else marked(text)


def _count(number: int, one: str, more: str, say: Speech) -> str:
    return f"{say.number(number)} {one if number == 1 else more or f'{one}s'}"


def _percent(share: float, say: Speech) -> str:
    return f"{say.figures(f'{100 * share:.1f}'.removesuffix('.0'))}\N{NO-BREAK SPACE}%"


def _size(megabytes: float, say: Speech) -> str:
    is_large = megabytes >= 1000
    return f"{say.number(megabytes / 1000, 1)} GB" if is_large else f"{megabytes:.0f} MB"


def _minutes(minutes: float, say: Speech) -> str:
    whole = round(minutes)
    return in_hours(whole) if whole >= 60 else say.count(whole, "minute")


def _names(names: Sequence[str], say: Speech) -> str:
    return say("alerts.and").join(names)


def _most(categories: Mapping[str, int], say: Speech, marked: Marked) -> str:
    ordered = sorted(categories.items(), key=lambda one: -one[1])
    first = ", ".join(
        f"{_word(name, marked)} {say.number(photos)}" for name, photos in ordered[:_MOST_CATEGORIES]
    )
    others = sum(photos for _, photos in ordered[_MOST_CATEGORIES:])
    return say.many("alerts.others", others, names=first) if others else first
