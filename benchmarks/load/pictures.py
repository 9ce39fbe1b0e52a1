"""The steps as line charts, one SVG each, and as a table beside the figures of the old systems."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from xml.sax.saxutils import escape

from benchmarks.bench import Figures
from benchmarks.load.history import Second

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 760, 260, 60, 40, 30
_COLOURS = ("#2f6fde", "#b7791f", "#c8553d")
# The systems that nightsort replaces, as their owners measured them.
_BEFORE = (
    ("old API, five users", "5", "0.485", "2,400", "", "", ""),
    ("old script, photo by photo", "1", "0.3 to 0.5", "2,000 to 3,000", "", "", ""),
)

Line = tuple[str, Callable[[Second], float]]
CHARTS: dict[str, tuple[str, tuple[Line, ...]]] = {
    "requests": ("Answers a second", (("answers", lambda s: s.requests - s.failures),)),
    "times": (
        "Milliseconds to the answer",
        (("p50", lambda s: s.p50), ("p95", lambda s: s.p95), ("p99", lambda s: s.p99)),
    ),
    "users": (
        "Users, and calls a second that are shed",
        (("users", lambda s: s.users), ("shed", lambda s: s.failures)),
    ),
}


def chart(title: str, lines: Sequence[Line], history: Sequence[Second]) -> str:
    """One chart over all steps, one after the other."""
    top = max((value(s) for _, value in lines for s in history), default=0) or 1
    parts = [f'<text x="0" y="16" class="title">{escape(title)}</text>']
    for number, (name, value) in enumerate(lines):
        points = " ".join(
            f"{_x(at, len(history)):.1f},{_y(value(second), top):.1f}"
            for at, second in enumerate(history)
        )
        colour = _COLOURS[number]
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}"/>')
        parts.append(f'<text x="{_LEFT + 90 * number}" y="34" fill="{colour}">{name}</text>')
    parts += [
        f'<text x="0" y="{_y(mark, top) + 4:.0f}">{mark:,.0f}</text>' for mark in (0, top / 2, top)
    ]
    minutes = len(history) / 60
    parts.append(f'<text x="{_WIDTH - 90}" y="{_HEIGHT - 8}">{minutes:.1f} minutes</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'width="{_WIDTH}" height="{_HEIGHT}" role="img" aria-label="{escape(title)}">\n'
        "<style>text{font:13px system-ui,sans-serif;fill:#5b6673} .title{font-weight:600}</style>\n"
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def table(document: Figures) -> str:
    """All steps as a Markdown table."""
    lines = [
        "| what | users | answers a second | p50 ms | p95 ms | p99 ms | shed |",
        "|---|---|---|---|---|---|---|",
    ]
    for step in document["steps"]:
        found = step["figures"]
        shed = found["failures"] / max(1, found["requests"])
        row = (
            step["name"], step["users"], f"{step['answers_per_second']:,.1f}",
            f"{found['p50']:,.0f}", f"{found['p95']:,.0f}", f"{found['p99']:,.0f}", f"{shed:.1%}",
        )  # fmt: skip
        lines.append(f"| {' | '.join(map(str, row))} |")
    lines += [f"| {' | '.join(row)} |" for row in _BEFORE]
    if drain := document.get("drain"):
        lines += ["", _beside(drain)]
    if clicks := document.get("clicks"):
        lines += ["", clicked(clicks)]
    return "\n".join([*lines, "", _taken(document), ""])


def _beside(drain: Figures) -> str:
    found = drain.get("figures")
    answered = (
        f" They had {found['requests_per_second']:.1f} answers a second meanwhile (p50 "
        f"{found['p50']:,.0f} ms)."
        if found
        else ""
    )
    return (
        f"A drain beside {drain['users']} users: {drain['beside']:.1f} photos a second, alone "
        f"{drain['alone']:.1f}: {drain['beside'] / drain['alone']:.2f} of its speed.{answered}"
    )


def clicked(clicks: Figures) -> str:
    """What people who click cost a drain, and what it cost them."""
    found = clicks["figures"]
    return (
        f"A drain beside {clicks['users']} people who click: {clicks['beside']:.1f} photos a "
        f"second, alone {clicks['alone']:.1f}: {clicks['beside'] / clicks['alone']:.2f} of its "
        f"speed. Their "
        f"{found['requests']} clicks were answered after {found['p50']:,.0f} ms (p95 "
        f"{found['p95']:,.0f} ms); {found['failures']} were not."
    )


def _taken(document: Figures) -> str:
    machine = document["machine"]
    return (
        f"Taken {machine['taken']} on {machine['cores']} cores of {machine['cpu']}, which Locust's "
        f"users share; photos of {', '.join(document['photos'])}."
    )


def _x(at: int, count: int) -> float:
    return _LEFT + (_WIDTH - _LEFT) * at / max(1, count - 1)


def _y(value: float, top: float) -> float:
    return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * value / top
