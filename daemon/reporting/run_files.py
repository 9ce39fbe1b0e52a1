"""What a run leaves in results_dir: the CSV that grows with it, its summary, copies of the newest.

Everything here is made from the store's rows, so that it can be made again from the store alone.
The CSV holds whole rows only at any moment: each micro-batch is appended in one write, and what
a failed write left behind is cut off again. It reaches the disk with the run's end: what a power
cut takes of it before, the next start makes again.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from classifier.verdict import Band
from daemon.domain.photos import Status, as_text
from daemon.domain.runs import ResultRow, Tally
from daemon.domain.sorting import Outcome
from daemon.domain.summaries import FailedPhoto, NothingDone, RunSummary
from daemon.folders.os_errors import trouble
from daemon.folders.renaming import READ
from daemon.folders.writing import BOM, csv_lines, number, replacing
from daemon.reporting.latest import copy_as_latest

COLUMNS = (
    "filename", "category", "confidence", "status", "timestamp",
    "band", "reason", "second_category", "second_confidence", "return_id", "category_code",
    "location", "source_path", "filed_path", "sha256", "run",
)  # fmt: skip
# Never through a link that somebody put there, never waiting for whoever reads a FIFO.
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NOT_OURS = frozenset({errno.ENOENT, errno.ELOOP, errno.ENXIO, errno.EISDIR})


@dataclass(frozen=True, slots=True)
class Warehouse:
    """What the warehouse adds to a verdict: its codes, its places, the number in a file's name."""

    return_id: Callable[[str], str]  # what a file's name says of it; empty for nothing
    codes: Mapping[str, tuple[str, str]]  # category: (code, location)

    def row(self, outcome: Outcome, run: str) -> ResultRow:
        """The line in the results for what became of a photo."""
        examined, verdict = outcome.examined, outcome.examined.verdict
        second = verdict.alternatives[0] if verdict and verdict.alternatives else None
        category = verdict.category if verdict else ""
        code, location = self.codes.get(category, ("", ""))
        return ResultRow(
            source=examined.photo.path,
            category=category,
            confidence=verdict.confidence if verdict else None,
            status=outcome.status,
            timestamp=outcome.recorded_at.isoformat(timespec="seconds"),
            band=verdict.band if verdict else "",
            reason=examined.problem or (verdict and verdict.reason) or "",
            reason_text=examined.problem_text or (verdict and verdict.reason_text) or "",
            second_category=second.category if second else "",
            second_confidence=second.confidence if second else None,
            return_id=self.return_id(as_text(examined.photo.path.rpartition("/")[2]))
            or examined.label,
            category_code=code,
            location=location,
            target=outcome.target,
            sha256=examined.sha256,
            run=run,
        )


class RunResults:
    """The files of one run."""

    def __init__(self, results_dir: Path, run: str, incoming: Path, sorted_dir: Path) -> None:
        self.csv_path = results_dir / f"batch_results_{run}.csv"
        self.summary_path = results_dir / f"summary_{run}.json"
        self._incoming = as_text(str(incoming))
        self._sorted = as_text(str(sorted_dir))
        self._size_bytes = 0  # of the CSV, as far as it was written here
        self._rows = 0

    def begin(self, rows: Iterable[ResultRow]) -> None:
        """Write the CSV with its header and the rows that there are so far, in place of any other.

        Raises TransientError when the folder refuses.
        """
        with replacing(self.csv_path) as file:
            for number, line in enumerate(self.lines(rows)):
                file.write(line)
                self._rows = number
            self._size_bytes = file.tell()

    def lines(self, rows: Iterable[ResultRow]) -> Iterator[bytes]:
        """What stands in the CSV with these rows: its header, then a line for each."""
        yield (BOM + csv_lines([COLUMNS])).encode("utf-8")
        for row in rows:
            yield csv_lines([self._cells(row)]).encode("utf-8")

    def append(self, rows: Collection[ResultRow]) -> bool:
        """Add rows, in one write; `finish` brings them to the disk.

        False, and nothing written, when the file is not what was written so far: a person removed
        or changed it; `begin` again. Raises TransientError when the disk refuses.
        """
        data = csv_lines(self._cells(row) for row in rows).encode("utf-8")
        try:
            descriptor = os.open(self.csv_path, _APPEND)
        except OSError as exc:
            if exc.errno in _NOT_OURS:
                return False
            raise trouble(exc, str(self.csv_path)) from exc
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or found.st_size != self._size_bytes:
                return False
            self._write_whole(descriptor, data)
        except OSError as exc:
            raise trouble(exc, str(self.csv_path)) from exc
        finally:
            os.close(descriptor)
        self._rows += len(rows)
        return True

    def _write_whole(self, descriptor: int, data: bytes) -> None:
        """Write all of `data`, or leave the file as it was."""
        try:
            _write_all(descriptor, data)
        except OSError:
            os.ftruncate(descriptor, self._size_bytes)
            raise
        self._size_bytes += len(data)

    def is_whole(self, rows: int) -> bool:
        """Whether the CSV is, by its length, what was written to it, and that is so many rows."""
        with suppress(OSError):
            found = self.csv_path.stat(follow_symlinks=False)
            is_intact = stat.S_ISREG(found.st_mode) and found.st_size == self._size_bytes
            return is_intact and rows == self._rows
        return False

    def discard(self) -> None:
        """Remove the CSV of a run that came to nothing."""
        with suppress(OSError):
            self.csv_path.unlink()

    def finish(self, summary: RunSummary) -> None:
        """Bring the CSV to the disk and write the summary.

        Raises TransientError when the folder or disk refuses: then the CSV is to be begun again.
        """
        try:
            with os.fdopen(os.open(self.csv_path, READ), "rb") as file:
                os.fsync(file.fileno())
        except OSError as exc:
            raise trouble(exc, str(self.csv_path)) from exc
        with replacing(self.summary_path) as file:
            file.write(summary_text(summary).encode("utf-8"))

    def copy_as_latest(self) -> None:
        """Replace the copies of the newest run's files; a refusal is only logged."""
        copy_as_latest(self.csv_path, "batch_results_latest.csv")
        copy_as_latest(self.summary_path, "summary_latest.json")

    def _cells(self, row: ResultRow) -> list[str]:
        return [
            row.filename,
            row.category,
            number(row.confidence),
            row.status,
            row.timestamp,
            row.band,
            row.reason,
            row.second_category,
            number(row.second_confidence),
            row.return_id,
            row.category_code,
            row.location,
            f"{self._incoming}/{as_text(row.source)}",
            f"{self._sorted}/{as_text(row.target)}",
            row.sha256,
            row.run,
        ]


def summary_text(summary: RunSummary) -> str:
    """What stands in the summary's file."""
    return json.dumps(summary, ensure_ascii=False, indent=2) + "\n"


def summarise(
    tally: Tally, finished_at: datetime, settling: int, errors: list[FailedPhoto]
) -> RunSummary:
    """The summary of a run, as in DESIGN.md. settling: files seen but not settled at its end."""
    count = {status: tally.statuses.get(status, 0) for status in Status}
    total = sum(count.values())
    told = count[Status.SUCCESS] + count[Status.REVIEW]
    judged = told + count[Status.ERROR]
    seconds = tally.busy_seconds + tally.ahead_seconds
    return {
        "run": tally.run,
        "started": tally.started_at.isoformat(timespec="seconds"),
        "finished": finished_at.isoformat(timespec="seconds"),
        "total_processed": total,
        "successful": count[Status.SUCCESS],
        "review": count[Status.REVIEW],
        "duplicates": count[Status.DUPLICATE],
        "failed": count[Status.ERROR],
        "deferred": tally.waiting_after + settling,
        "waiting_before": tally.waiting_before,
        "arrived": tally.arrived,
        "gone": tally.gone,
        "waiting_after": tally.waiting_after,
        "success_rate": round(100 * told / judged, 2) if judged else 0.0,
        "processing_time_seconds": round(tally.busy_seconds, 3),
        "judged_ahead": tally.judged_ahead,
        "judged_ahead_seconds": round(tally.ahead_seconds, 3),
        "images_per_second": round(total / seconds, 2) if seconds else 0.0,
        "categories": tally.categories,
        "confidence_distribution": {band: tally.bands.get(band, 0) for band in Band},
        "average_confidence": round(tally.average_confidence or 0.0, 4),
        "errors": errors,
        "model": tally.model,
    }


def empty_summary(at: datetime, waiting: int, settling: int, model: str) -> NothingDone:
    """What `now` answers when there was nothing to do: no run, and zeros."""
    nothing = Tally(
        run="", started_at=at, model=model, waiting_before=waiting, arrived=0, gone=0,
        waiting_after=waiting, busy_seconds=0.0, statuses={}, categories={}, bands={},
        average_confidence=None,
    )  # fmt: skip
    return {**summarise(nothing, at, settling, []), "run": None}


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
