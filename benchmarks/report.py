"""What the figures are shown as: JSON for programs, a Markdown table and a picture for people."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.sax.saxutils import escape

from benchmarks import (
    archiving,
    auditing,
    beside,
    drift,
    learning,
    morning,
    predicting,
    small_box,
)
from benchmarks.bench import Figures

_WAYS = {
    "limit": ("bare limit: decoding and model, nothing else", "#6b7784"),
    "drain": ("nightsort, the whole drain", "#2f6fde"),
    "int8_one_by_one": ("the same model, photo by photo", "#b7791f"),
    "keras_one_by_one": ("Keras predict, photo by photo", "#c8553d"),
}
_WIDTH, _ROW, _LEFT, _BAR = 760, 22, 90, 440
_FRAME = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" \
height="{height}" role="img" aria-label="Photos a second against the bare limit">
<style>text{{font:13px system-ui,sans-serif;fill:#5b6673}} .size{{font-weight:600}}</style>
<text x="0" y="14">Photos a second, and the share of what scaled JPEG decoding and the int8 model \
reach on all cores</text>
{parts}
</svg>
"""


def write(results: Path, document: Figures) -> None:
    """Write latest.json, latest.md and, where the drain was measured, latest.svg."""
    results.mkdir(parents=True, exist_ok=True)
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    (results / "latest.json").write_text(text, encoding="utf-8")
    (results / "latest.md").write_text(table(document), encoding="utf-8")
    if "drain" in document:
        (results / "latest.svg").write_text(picture(document["drain"]["figures"]), encoding="utf-8")


def table(document: Figures) -> str:
    """All figures as a Markdown table, with the machines that they were taken on."""
    lines = ["| what | figure | target |", "|---|---|---|"]
    for part, rows in _ROWS_OF.items():
        if part in document:
            lines += [f"| {' | '.join(row)} |" for row in rows(document[part]["figures"])]
    machines = dict.fromkeys(_machine_in_words(part["machine"]) for part in document.values())
    return "\n".join([*lines, "", *(f"Taken on {machine}." for machine in machines), ""])


def picture(sizes: Figures) -> str:
    """Bars: photos a second of each way, against the bare limit of the same run."""
    parts, top = [], 30
    for size, found in sizes.items():
        limit = found["photos_per_second"]["limit"]
        parts.append(f'<text x="0" y="{top + 15}" class="size">{escape(size)}</text>')
        for way in _WAYS:
            if speed := found["photos_per_second"].get(way):
                # Of the drain the median of the rounds' ratios, as in the table.
                share = found["drain_of_limit"] if way == "drain" else speed / limit
                parts += _bar(way, speed, share, top)
                top += _ROW
        top += _ROW // 2
    return _FRAME.format(width=_WIDTH, height=top, parts="\n".join(parts))


def _bar(way: str, speed: float, share: float, top: int) -> Iterator[str]:
    name, colour = _WAYS[way]
    width = max(2, round(_BAR * share))
    yield f'<rect x="{_LEFT}" y="{top}" width="{width}" height="{_ROW - 5}" fill="{colour}"/>'
    inside = width > _BAR * 0.8
    x, style = (_LEFT + 8, ' style="fill:#fff"') if inside else (_LEFT + width + 6, "")
    label = f"{name}: {speed:,.0f}/s" + ("" if way == "limit" else f", {share:.0%}")
    yield f'<text x="{x}" y="{top + 13}"{style}>{escape(label)}</text>'


def _drain_rows(sizes: Figures) -> Iterator[list[str]]:
    for size, found in sizes.items():
        ratio, speed = found["drain_of_limit"], found["photos_per_second"]["drain"]
        what = f"drain against the bare limit, {size}"
        yield [what, f"**{ratio:.2f}** ({speed:,.0f} photos/s)", f"≥ {found['target']:.2f}"]
        if now := found.get("now"):
            what = f"`now`, from asking to its answer, against the bare limit, {size}"
            yield [what, f"**{now['of_limit']:.2f}**", f"≥ {now['target']:.2f}"]
        for way, times in found["times_today"].items():
            yield [f"drain against {_WAYS[way][0]}, {size}", f"{times:,.1f} times as fast", ""]
        if processor := found.get("processor"):
            what = f"processor time of the drain against the bare limit's, {size}"
            yield [what, f"{processor['of_limit']:.2f}", f"≤ {processor['target']:.2f}"]
            hidden, pool = processor["hidden_threads"], processor["pool_threads"]
            what = f"threads that libraries have beside the workers, and may use, {size}"
            yield [what, f"{hidden}, {pool}", "0, 1"]
        seconds, pictured = found["report"]["seconds"], found["report"]["pictured"]
        what = f"report and workbook after the run, {found['photos']:,} photos, {size}"
        yield [what, f"{seconds:.1f} s, {pictured:,} pictured for review", ""]


def _memory_rows(found: Figures) -> Iterator[list[str]]:
    for what, peak in found["peak_mb"].items():
        yield [f"peak memory, {what}", f"{peak} MB", f"≤ {found['target']} MB"]


def _latency_rows(found: Figures) -> Iterator[list[str]]:
    figure = f"median {found['median_seconds']:.3f} s, p99 {found['p99_seconds']:.3f} s"
    yield ["continuous: closed to filed, beyond settling", figure, f"≤ {found['target']} s median"]


def _backlog_rows(found: Figures) -> Iterator[list[str]]:
    for count, seconds in found["seconds_per_thousand"].items():
        figure = f"{seconds:.1f} s per thousand, peak {found['peak_mb'][count]} MB"
        yield [f"drain of {count} photos (60x80)", figure, ""]


def _queue_rows(found: Figures) -> Iterator[list[str]]:
    for row in found["rows"]:
        figure = (
            f"{row['admitted_per_second']:,.0f} admitted/s, {row['grown_mb']:.0f} MB more memory, "
            f"claiming 16 takes {row['claim_16_ms']:.2f} ms"
        )
        yield [f"queue of {row['rows']:,.0f} rows (no files)", figure, ""]


def _rescan_rows(found: Figures) -> Iterator[list[str]]:
    for look in found["looks"]:
        figure = f"{look['seconds']:.2f} s, {look['microseconds_per_file']:.0f} µs a file"
        yield [f"rescan of {look['files']:,} files, none new", figure, ""]


def _idle_rows(found: Figures) -> Iterator[list[str]]:
    figure = f"{found['cpu_percent_of_a_core']:.2f} % of a core"
    yield [f"daemon with nothing to do, {found['seconds']:.0f} s", figure, f"< {found['target']} %"]


def _start_rows(found: Figures) -> Iterator[list[str]]:
    seconds, target = found["ready_to_classify_seconds"], found["target"]
    yield ["process start to first verdict", f"{seconds:.2f} s", f"< {target} s"]
    imports = ", ".join(found["status_imports"]) or "nothing"
    yield [
        "`nightsort status`",
        f"{found['status_seconds']:.2f} s, of the large imports {imports}",
        "",
    ]


def _quality_rows(found: Figures) -> Iterator[list[str]]:
    for size, row in found["sizes"].items():
        figure = f"{row['share']:.1%} ({row['quality_ms']:.2f} of {row['photo_ms']:.1f} ms)"
        what = f"photo quality, share of decoding and classifying, {size}"
        yield [what, figure, f"≤ {found['target']:.0%}"]


_ROWS_OF: dict[str, Callable[[Figures], Iterator[list[str]]]] = {
    "drain": _drain_rows,
    "ahead": morning.ahead_rows,
    "small": small_box.small_rows,
    "memory": _memory_rows,
    "latency": _latency_rows,
    "backlog": _backlog_rows,
    "queue": _queue_rows,
    "rescan": _rescan_rows,
    "idle": _idle_rows,
    "start": _start_rows,
    "quality": _quality_rows,
    "report": morning.report_rows,
    "find": morning.find_rows,
    "learning": learning.learning_rows,
    "predict": predicting.predict_rows,
    "beside": beside.beside_rows,
    "drift": drift.drift_rows,
    "spot_checks": drift.spot_check_rows,
    "audit": auditing.audit_rows,
    "archive": archiving.archive_rows,
}


def _machine_in_words(machine: Figures) -> str:
    return (
        f"{machine['cores']} cores of {machine['cpu']}, {machine['memory_gb']} GB, "
        f"{machine['file_system']}, Linux {machine['linux']}, Python {machine['python']}"
    )
