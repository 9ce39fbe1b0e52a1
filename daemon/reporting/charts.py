"""Small charts as SVG, for pages that run no script; colours come from the page's style."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from markupsafe import Markup, escape

from classifier.verdict import Band

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 440, 170, 34, 20, 12


def confidence_chart(bins: Sequence[Counter[Band]]) -> Markup:
    """How many photos there are of each confidence, their bands on top of each other."""
    most = max((one.total() for one in bins), default=0)
    step = (_WIDTH - _LEFT) / max(1, len(bins))
    shapes: list[Markup] = []
    for number, one in enumerate(bins):
        below = 0
        for band in (Band.AUTO, Band.CHECK, Band.REVIEW):
            shapes += _column(_LEFT + number * step, step, below, one[band], most, band)
            below += one[band]
    marks = [(_LEFT + (_WIDTH - _LEFT) * share / 4, f"{25 * share} %") for share in range(5)]
    said = f"Confidences: {sum(bins[-1].values())} photos in the highest of {len(bins)} steps"
    return _svg(said, shapes, marks, most)


def time_chart(timeline: Sequence[tuple[datetime, int]]) -> Markup:
    """How many photos were sorted when."""
    most = max((photos for _, photos in timeline), default=0)
    step = (_WIDTH - _LEFT) / max(1, len(timeline))
    shapes: list[Markup] = []
    for number, (_, photos) in enumerate(timeline):
        shapes += _column(_LEFT + number * step, step, 0, photos, most, "all")
    shown = timeline[:: max(1, len(timeline) // 4)]
    marks = [
        (_LEFT + timeline.index(one) * step + step / 2, f"{one[0]:%H:%M}") for one in shown[:5]
    ]
    total = sum(photos for _, photos in timeline)
    return _svg(f"{total} photos over time, at most {most} at once", shapes, marks, most)


def _column(x: float, step: float, below: int, photos: int, most: int, kind: str) -> list[Markup]:
    if not photos:
        return []
    scale = (_HEIGHT - _BOTTOM - _TOP) / most
    width = max(1.0, min(step - 2, 48.0))
    y = _HEIGHT - _BOTTOM - (below + photos) * scale
    return [
        Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
            kind, x + (step - width) / 2, y, width, max(photos * scale, 1.0)
        )
    ]


def _svg(
    said: str, shapes: Iterable[Markup], marks: Iterable[tuple[float, str]], most: int
) -> Markup:
    base = _HEIGHT - _BOTTOM
    parts = [
        Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
            _WIDTH, _HEIGHT, escape(said)
        ),
        Markup('<line class="axis" x1="{0}" y1="{2}" x2="{1}" y2="{2}"/>').format(
            _LEFT, _WIDTH, base
        ),
        Markup('<text x="{}" y="{}" text-anchor="end">{}</text>').format(
            _LEFT - 6, _TOP + 4, f"{most:,}"
        ),
        Markup('<text x="{}" y="{}" text-anchor="end">0</text>').format(_LEFT - 6, base),
        *shapes,
    ]
    for x, text in marks:
        anchor = "start" if x < _LEFT + 10 else "end" if x > _WIDTH - 10 else "middle"
        parts.append(
            Markup('<text x="{:.1f}" y="{}" text-anchor="{}">{}</text>').format(
                x, _HEIGHT - 5, anchor, text
            )
        )
    return Markup("").join([*parts, Markup("</svg>")])
