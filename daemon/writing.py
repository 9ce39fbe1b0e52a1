"""Writes files for people whole or not at all, and CSV of which no spreadsheet runs a cell."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from daemon.contents import sync_folder
from daemon.renaming import CREATE
from daemon.trouble import trouble

# What tells Excel that a CSV is UTF-8.
BOM = "\ufeff"
# The wide forms are what Japanese and Chinese keyboards type; Excel takes them for the narrow.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Write a file under a hidden name; at the end it takes the place of `path` in one step.

    Raises TransientError when the folder refuses.
    """
    partial = path.with_name(f".nightsort-{path.name}.part")
    try:
        partial.unlink(missing_ok=True)  # of a process that was killed
        with os.fdopen(os.open(partial, CREATE, 0o666), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        _sync_folder(path.parent)
    except OSError as exc:
        with suppress(OSError):
            partial.unlink()
        raise trouble(exc, str(path)) from exc


def write_csv(path: Path, columns: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """Write a whole CSV in place of any other. Raises TransientError when the folder refuses."""
    with replacing(path) as file:
        file.write((BOM + csv_lines([columns])).encode("utf-8"))
        for row in rows:
            file.write(csv_lines([row]).encode("utf-8"))


def csv_lines(rows: Iterable[Iterable[str]]) -> str:
    """Rows as lines of CSV, as they stand in every file of nightsort."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(
        [_guarded(cell) for cell in row] for row in rows
    )
    return text.getvalue()


def number(value: float | None) -> str:
    """A confidence in a CSV; empty when there is none."""
    return "" if value is None else f"{value:.4f}"


def _guarded(cell: str) -> str:
    """Spreadsheets run cells that start like a formula: an apostrophe makes them plain text."""
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell


def unguarded(cell: str) -> str:
    """A cell of our CSV as it was before it was made harmless."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA_STARTS) else cell


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync_folder(descriptor)
    finally:
        os.close(descriptor)
