"""Small charts as SVG, for pages that run no script; colours come from the page's style.

Each says in words what it shows, for who cannot see it; the page has the figures as a table too
where they matter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from markupsafe import Markup

from classifier.verdict import Band

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 440, 190, 56, 24, 14
_MOST_MARKS = 7
_WIDEST_COLUMN = 48.0
_HALF_LETTER = 4.2

Stack = Mapping[str, int]  # how much there is of each kind, from the bottom up


def confidence_chart(
    bins: Sequence[Counter[Band]], said: str, hints: Sequence[str] = (), top: str = ""
) -> Markup:
    """How many photos there are of each confidence, their bands on top of each other.

    top: in place of the highest number.
    """
    bands = (Band.AUTO, Band.CHECK, Band.REVIEW)
    stacks = [{str(band): one[band] for band in bands} for one in bins]
    marks = [(_LEFT + (_WIDTH - _LEFT) * share / 4, f"{25 * share} %") for share in range(5)]
    return _columns(said, stacks, marks, hints, top)


def column_chart(
    said: str, columns: Sequence[tuple[str, Stack]], hints: Sequence[str] = (), top: str = ""
) -> Markup:
    """Columns with their names below; names are left out where they would not fit.

    hints: what is said of each column under the pointer. top: in place of the highest number.
    """
    return _columns(said, [stack for _, stack in columns], _named(columns), hints, top)


def level_chart(
    said: str, levels: Sequence[tuple[str, float | None]], hints: Sequence[str] = ()
) -> Markup:
    """Percentages as points on a line, from a little below the lowest up to 100; gaps stay."""
    known = [level for _, level in levels if level is not None]
    return _line(said, levels, (max(0, int(min(known, default=100.0) - 2) // 5 * 5), 100), hints)


def share_chart(
    said: str, shares: Sequence[tuple[str, float | None]], hints: Sequence[str] = ()
) -> Markup:
    """Percentages as points on a line, from 0 to a little above the highest; gaps stay."""
    most = max((share for _, share in shares if share is not None), default=0.0)
    return _line(said, shares, (0, min(100, (int(most) // 5 + 1) * 5)), hints)


def bar(share: float, kind: str) -> Markup:
    """A bar in a table, so long as its share of the longest, 0..1."""
    return Markup(
        '<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        '<path class="{}" d="M0 0h{:.1f}v8H0z"/></svg>'
    ).format(kind, max(1.0, 100 * share))


def _line(
    said: str,
    levels: Sequence[tuple[str, float | None]],
    ends: tuple[int, int],
    hints: Sequence[str],
) -> Markup:
    step = (_WIDTH - _LEFT) / max(1, len(levels))
    scale = (_HEIGHT - _BOTTOM - _TOP) / (ends[1] - ends[0])
    shapes: list[Markup] = []
    dots: list[str] = []
    for is_known, stretch in groupby(enumerate(levels), lambda one: one[1][1] is not None):
        if not is_known:
            continue
        points = [
            (_LEFT + (number + 0.5) * step, _HEIGHT - _BOTTOM - ((level or 0) - ends[0]) * scale)
            for number, (_, level) in stretch
        ]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        shapes.append(Markup('<polyline class="trend" points="{}"/>').format(line))
        dots += [f"M{x:.1f} {y:.1f}h0" for x, y in points]
    shapes.append(Markup('<path class="dots" d="{}"/>').format("".join(dots)))
    shapes += _hits(hints, step)
    return _svg(said, shapes, _named(levels), (f"{ends[0]} %", f"{ends[1]} %"))


def _named(columns: Sequence[tuple[str, object]]) -> list[tuple[float, str]]:
    step = (_WIDTH - _LEFT) / max(1, len(columns))
    every = -(-len(columns) // _MOST_MARKS) or 1
    return [
        (_LEFT + (number + 0.5) * step, columns[number][0])
        for number in range(0, len(columns), every)
    ]


def _columns(
    said: str,
    stacks: Sequence[Stack],
    marks: Iterable[tuple[float, str]],
    hints: Sequence[str] = (),
    top: str = "",
) -> Markup:
    most = max((sum(stack.values()) for stack in stacks), default=0)
    step = (_WIDTH - _LEFT) / max(1, len(stacks))
    blocks: dict[str, list[str]] = {}
    for number, stack in enumerate(stacks):
        below = 0
        for kind, photos in stack.items():
            if photos:
                block = _block(_LEFT + number * step, step, below, photos, most)
                blocks.setdefault(kind, []).append(block)
            below += photos
    shapes = [
        Markup('<path class="{}" d="{}"/>').format(kind, "".join(those))
        for kind, those in blocks.items()
    ]
    return _svg(said, [*shapes, *_hits(hints, step)], marks, ("0", top or f"{most:,}"))


def _block(x: float, step: float, below: int, photos: int, most: int) -> str:
    scale = (_HEIGHT - _BOTTOM - _TOP) / most
    width = max(1.0, min(step - min(2, step / 3), _WIDEST_COLUMN))
    left, y = x + (step - width) / 2, _HEIGHT - _BOTTOM - (below + photos) * scale
    return f"M{left:.1f} {y:.1f}h{width:.1f}v{max(photos * scale, 1.0):.1f}H{left:.1f}z"


def _hits(hints: Sequence[str], step: float) -> list[Markup]:
    """What lies over each column, from top to bottom, and says its hint under the pointer."""
    return [
        Markup(
            '<path class="hit" d="M{:.1f} {}h{:.1f}V{}H{:.1f}z"><title>{}</title></path>'
        ).format(_LEFT + number * step, _TOP, step, _HEIGHT - _BOTTOM, _LEFT + number * step, hint)
        for number, hint in enumerate(hints)
        if hint
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
        is_last = x + _HALF_LETTER * len(text) > _WIDTH
        at, anchor = (_WIDTH, "end") if is_last else (x, "middle")  # it is not cut off
        parts.append(_text(at, _HEIGHT - 6, anchor, text))
    return Markup("").join([*parts, Markup("</svg>")])


def _text(x: float, y: float, anchor: str, text: str) -> Markup:
    return Markup('<text x="{:.1f}" y="{}" text-anchor="{}">{}</text>').format(x, y, anchor, text)
