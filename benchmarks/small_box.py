"""The drain on a smaller box than this one: one core of it, and 1 GB of memory.

The core is taken away by the affinity that children inherit, the memory by a control group, which
counts the page cache, too: photos that were read push others out of it, as on such a box. A slower
core or card cannot be had this way, and no figure here pretends to be a Raspberry's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.bench import Bench, Figures
from benchmarks.photos import CAMERA, CATALOGUE, TINY, Kind

_MEMORY_MB = 1024
_PHOTOS = {TINY: 1000, CATALOGUE: 500, CAMERA: 400}
_TARGETS = {TINY: 0.55, CATALOGUE: 0.75, CAMERA: 0.85}  # as on two cores
_GROUPS = Path("/sys/fs/cgroup")
_NAME = "nightsort-benchmark"


@dataclass(frozen=True, slots=True)
class Group:
    """A control group with little memory."""

    folder: Path
    is_second: bool  # of version 2 of the interface

    @property
    def around(self) -> tuple[str, ...]:
        """What a command is put behind, to run on one core in this group."""
        enter = f'echo $$ > "{self.folder}/cgroup.procs" && exec taskset -c 0 "$@"'
        return ("sh", "-c", enter, "sh")

    def limit(self, megabytes: int) -> None:
        """So much at most, and not a byte on a swap device. Raises OSError."""
        name = "memory.max" if self.is_second else "memory.limit_in_bytes"
        (self.folder / name).write_text(str(megabytes * 2**20))
        if self.is_second:
            (self.folder / "memory.swap.max").write_text("0")

    def peak_mb(self) -> float:
        """The most that all in it had, page cache included."""
        name = "memory.peak" if self.is_second else "memory.max_usage_in_bytes"
        return int((self.folder / name).read_text()) / 2**20


def small(bench: Bench) -> Figures:
    """For each size: photos a second of limit and drain on one core in 1 GB, and their ratio."""
    sizes = {}
    with _group() as group:
        for kind, count in _PHOTOS.items():
            sizes[kind.name] = _one_size(bench, group, kind, bench.photos(count))
        return {"memory_mb": _MEMORY_MB, "group_peak_mb": round(group.peak_mb()), "sizes": sizes}


def _one_size(bench: Bench, group: Group, kind: Kind, count: int) -> Figures:
    share = bench.share(f"small {kind.name}")
    rounds = []
    for _ in range(bench.rounds):
        share.fill(kind, count)
        limit = bench.child("bare_limit", share.incoming, around=group.around)
        drained = bench.child("drain", share.configure("manual"), count, around=group.around)
        rounds.append((limit, drained))
    return {
        "photos": count,
        "photos_per_second": round(median(count / drained["seconds"] for _, drained in rounds), 1),
        "of_limit": round(median(one["seconds"] / two["seconds"] for one, two in rounds), 3),
        "target": _TARGETS[kind],
        "peak_mb": round(max(drained["peak_mb"] for _, drained in rounds)),
    }


@contextmanager
def _group() -> Iterator[Group]:
    is_second = (_GROUPS / "cgroup.controllers").exists()
    folder = _GROUPS / _NAME if is_second else _GROUPS / "memory" / _NAME
    try:
        folder.mkdir(exist_ok=True)
    except OSError as exc:
        raise SystemExit(f"small: no control group can be made here ({exc}): be root") from exc
    group = Group(folder, is_second)
    try:
        group.limit(_MEMORY_MB)
        yield group
    finally:
        folder.rmdir()


def small_rows(found: Figures) -> Iterator[list[str]]:
    """The rows of the table."""
    for size, row in found["sizes"].items():
        what = f"one core, {found['memory_mb']} MB: drain against the bare limit there, {size}"
        figure = f"**{row['of_limit']:.2f}** ({row['photos_per_second']:,.0f} photos/s)"
        yield [what, figure, f"≥ {row['target']:.2f}"]
        yield [f"one core: peak memory, {size}", f"{row['peak_mb']} MB", "≤ 200 MB"]
