"""The journal: results and corrections, read back from the files that people know.

They lie on a share, where anybody may have changed or put them: what is not exactly what nightsort
writes is left out, no path in them leads out of the folders, and nothing else is believed.
"""

from __future__ import annotations

import csv
import gzip
import os
import re
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from io import TextIOWrapper
from typing import IO, cast

from classifier.verdict import Band
from config.errors import PhotoError
from daemon.domain.corrections import Word
from daemon.domain.photos import Status, as_text
from daemon.domain.runs import ResultRow
from daemon.domain.summaries import RunSummary
from daemon.folders.called import as_called
from daemon.folders.os_errors import trouble
from daemon.folders.tree import Tree, join
from daemon.folders.writing import unguarded
from daemon.maintenance import validate_results
from daemon.maintenance.validate_results import RUN_ID
from daemon.reporting.exports import CORRECTION_COLUMNS, EXPORTS
from daemon.reporting.run_files import COLUMNS

_RESULTS = re.compile(rf"batch_results_({RUN_ID})\.csv(?:\.gz)?")
_CORRECTIONS = re.compile(r"corrections_\d{8}\.csv(?:\.gz)?")
_LONGEST_SUMMARY = 1 << 24  # it names each photo that failed
_LONGEST_LINE = 1 << 20
_NOT_OURS = (
    FileNotFoundError, PhotoError, csv.Error, UnicodeDecodeError, EOFError, gzip.BadGzipFile,
    zlib.error,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """A line of the corrections."""

    word: Word
    before: str
    category: str
    person: str
    at: datetime
    moved_from: str  # in sorted
    moved_to: str  # in sorted, or in incoming when undone
    sha256: str


class ReadResults:
    """What lies in results_dir."""

    def __init__(self, results: Tree, incoming: Tree, sorted_tree: Tree) -> None:
        self._results = results
        self._roots = as_text(str(incoming.root)), as_text(str(sorted_tree.root))
        self.strange = 0  # lines that could not be understood so far

    def runs(self) -> dict[str, str]:
        """The runs of which there are results, oldest first, each with the name of its file."""
        found = {}
        # A plain file comes last, and is believed before a compressed one.
        for name in reversed(self._results.names()):
            if (match := _RESULTS.fullmatch(name)) and self._is_run(match[1]):
                found[match[1]] = name
        return dict(sorted(found.items()))

    def _is_run(self, run: str) -> bool:
        try:
            validate_results.began(run)
        except ValueError:
            self.strange += 1
            return False
        return True

    def rows(self, run: str, name: str) -> Iterator[tuple[int, ResultRow]]:
        """The lines of a run's results with their numbers, as they were recorded."""
        for number, cells in enumerate(self._lines(name, COLUMNS), start=1):
            row = self._row(cells, run)
            if row is None:
                self.strange += 1
            else:
                yield number, row

    def summary(self, run: str) -> RunSummary | None:
        """The summary of a run; None when there is none that nightsort wrote."""
        try:
            with self._opened(f"summary_{run}.json") as file:
                said = validate_results.summary(file.read(_LONGEST_SUMMARY))
        except FileNotFoundError:
            return None
        except (PhotoError, UnicodeDecodeError):
            said = None
        except OSError as exc:
            raise trouble(exc, self._results.full(f"summary_{run}.json")) from exc
        if said is None or said["run"] != run:
            self.strange += 1
            return None
        return said

    def corrections(self) -> list[Told]:
        """What people said of photos, oldest first."""
        told = []
        exports = as_called(self._results, EXPORTS)
        for name in self._results.names(exports):
            if _CORRECTIONS.fullmatch(name):
                for cells in self._lines(join(exports, name), CORRECTION_COLUMNS):
                    one = _correction(cells)
                    if one is None:
                        self.strange += 1
                    else:
                        told.append(one)
        return sorted(told, key=lambda one: one.at)

    # --- inside --------------------------------------------------------------------------------

    def _lines(self, name: str, columns: tuple[str, ...]) -> Iterator[dict[str, str]]:
        """The lines of a CSV of ours; none when it has other columns or is none of ours."""
        try:
            with self._opened(name) as file:
                # In parts: a line without end, as a bomb unpacks to, would fill the memory.
                parts = iter(lambda: file.readline(_LONGEST_LINE), "")
                lines = csv.reader(parts, strict=True)
                if tuple(next(lines, ())) != columns:
                    self.strange += 1
                    return
                for cells in lines:
                    if len(cells) != len(columns):
                        self.strange += 1
                        continue
                    yield dict(zip(columns, map(unguarded, cells), strict=True))
        except _NOT_OURS:
            self.strange += 1
        except OSError as exc:
            raise trouble(exc, self._results.full(name)) from exc

    @contextmanager
    def _opened(self, name: str) -> Iterator[IO[str]]:
        """Open a text file, compressed or not."""
        with os.fdopen(self._results.open_file(name), "rb") as file:
            plain = gzip.GzipFile(fileobj=file) if name.endswith(".gz") else file
            yield TextIOWrapper(cast("IO[bytes]", plain), encoding="utf-8-sig", newline="")

    def _row(self, cells: Mapping[str, str], run: str) -> ResultRow | None:
        source = _within(self._roots[0], cells["source_path"])
        target = _within(self._roots[1], cells["filed_path"])
        try:
            validate_results.moment(cells["timestamp"])
            if source is None or target is None or cells["run"] != run:
                return None
            return ResultRow(
                source=source,
                category=cells["category"],
                confidence=validate_results.confidence(cells["confidence"]),
                status=Status(cells["status"]),
                timestamp=cells["timestamp"],
                band=cells["band"] and Band(cells["band"]),
                reason=cells["reason"],
                reason_text="",
                second_category=cells["second_category"],
                second_confidence=validate_results.confidence(cells["second_confidence"]),
                return_id=cells["return_id"],
                category_code=cells["category_code"],
                location=cells["location"],
                target=target,
                sha256=cells["sha256"],
                run=run,
            )
        except ValueError:
            return None


def _correction(cells: Mapping[str, str]) -> Told | None:
    try:
        at = validate_results.moment(cells["timestamp"])
        word = Word(cells["what"])
    except ValueError:
        return None
    places = cells["moved_from"], cells["moved_to"]
    if not all(map(_is_inside, places)):
        return None
    return Told(
        word, cells["category_before"], cells["category"], cells["person"], at, *places,
        cells["sha256"],
    )  # fmt: skip


def _within(root: str, path: str) -> str | None:
    """The path relative to its root; None when it does not lie there."""
    relative = path.removeprefix(f"{root}/")
    return relative if relative != path and _is_inside(relative) else None


def _is_inside(relative: str) -> bool:
    return "\0" not in relative and not {*relative.split("/")} & {"", ".", ".."}
