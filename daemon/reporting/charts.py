"""Small charts as SVG, for pages that run no script; colours come from the page's style.

Each says in words what it shows, for who cannot see it; the page has the figures as a table too
where they matter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby

from markupsafe import Markup

from classifier.verdict import Band

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 440, 190, 56, 24, 14
_MOST_MARKS = 7
_WIDEST_COLUMN = 48.0

Stack = Mapping[str, int]  # how much there is of each kind, from the bottom up


def confidence_chart(bins: Sequence[Counter[Band]]) -> Markup:
    """How many photos there are of each confidence, their bands on top of each other."""
    bands = (Band.AUTO, Band.CHECK, Band.REVIEW)
    stacks = [{str(band): one[band] for band in bands} for one in bins]
    marks = [(_LEFT + (_WIDTH - _LEFT) * share / 4, f"{25 * share} %") for share in range(5)]
    said = f"Confidences: {sum(bins[-1].values())} photos in the highest of {len(bins)} steps"
    return _columns(said, stacks, marks)


def time_chart(timeline: Sequence[tuple[datetime, int]]) -> Markup:
    """How many photos were sorted when."""
    most = max((photos for _, photos in timeline), default=0)
    total = sum(photos for _, photos in timeline)
    said = f"{total} photos over time, at most {most} at once"
    return column_chart(said, [(f"{at:%H:%M}", {"all": photos}) for at, photos in timeline])


def column_chart(said: str, columns: Sequence[tuple[str, Stack]]) -> Markup:
    """Columns with their names below; names are left out where they would not fit."""
    return _columns(said, [stack for _, stack in columns], _named(columns))


def level_chart(said: str, levels: Sequence[tuple[str, float | None]]) -> Markup:
    """Percentages as points on a line, from a little below the lowest up to 100; gaps stay."""
    known = [level for _, level in levels if level is not None]
    floor = max(0, int(min(known, default=100.0) - 2) // 5 * 5)
    step = (_WIDTH - _LEFT) / max(1, len(levels))
    scale = (_HEIGHT - _BOTTOM - _TOP) / (100 - floor)
    shapes: list[Markup] = []
    for is_known, stretch in groupby(enumerate(levels), lambda one: one[1][1] is not None):
        if not is_known:
            continue
        points = [
            (_LEFT + (number + 0.5) * step, _HEIGHT - _BOTTOM - ((level or 0) - floor) * scale)
            for number, (_, level) in stretch
        ]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        shapes.append(Markup('<polyline class="trend" points="{}"/>').format(line))
        shapes += [
            Markup('<circle cx="{:.1f}" cy="{:.1f}" r="4"/>').format(x, y) for x, y in points
        ]
    return _svg(said, shapes, _named(levels), (f"{floor} %", "100 %"))


def _named(columns: Sequence[tuple[str, object]]) -> list[tuple[float, str]]:
    step = (_WIDTH - _LEFT) / max(1, len(columns))
    every = -(-len(columns) // _MOST_MARKS) or 1
    return [
        (_LEFT + (number + 0.5) * step, columns[number][0])
        for number in range(0, len(columns), every)
    ]


def _columns(said: str, stacks: Sequence[Stack], marks: Iterable[tuple[float, str]]) -> Markup:
    most = max((sum(stack.values()) for stack in stacks), default=0)
    step = (_WIDTH - _LEFT) / max(1, len(stacks))
    shapes: list[Markup] = []
    for number, stack in enumerate(stacks):
        below = 0
        for kind, photos in stack.items():
            shapes += _block(_LEFT + number * step, step, below, photos, most, kind)
            below += photos
    return _svg(said, shapes, marks, ("0", f"{most:,}"))


def _block(x: float, step: float, below: int, photos: int, most: int, kind: str) -> list[Markup]:
    if not photos:
        return []
    scale = (_HEIGHT - _BOTTOM - _TOP) / most
    width = max(1.0, min(step - 2, _WIDEST_COLUMN))
    y = _HEIGHT - _BOTTOM - (below + photos) * scale
    return [
        Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
            kind, x + (step - width) / 2, y, width, max(photos * scale, 1.0)
        )
    ]


def _svg(
    said: str,
    shapes: Iterable[Markup],
    marks: Iterable[tuple[float, str]],
    ends: tuple[str, str],
) -> Markup:
    """ends: what stands at the lower and at the upper end of the scale."""
    base = _HEIGHT - _BOTTOM
    parts = [
        Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
            _WIDTH, _HEIGHT, said
        ),
        Markup('<line class="axis" x1="{0}" y1="{2}" x2="{1}" y2="{2}"/>').format(
            _LEFT, _WIDTH, base
        ),
        *shapes,
    ]
    for y, text in zip((base, _TOP + 4), ends, strict=True):
        parts.append(_text(_LEFT - 6, y, "end", text))
    for x, text in marks:
        anchor = "start" if x < _LEFT + 10 else "end" if x > _WIDTH - 10 else "middle"
        parts.append(_text(x, _HEIGHT - 6, anchor, text))
    return Markup("").join([*parts, Markup("</svg>")])


def _text(x: float, y: float, anchor: str, text: str) -> Markup:
    return Markup('<text x="{:.1f}" y="{}" text-anchor="{}">{}</text>').format(x, y, anchor, text)
