"""Writes files for people whole or not at all, and CSV of which no spreadsheet runs a cell."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from daemon.folders.contents import sync_folder
from daemon.folders.os_errors import trouble
from daemon.folders.renaming import CREATE

# What tells Excel that a CSV is UTF-8.
BOM = "\ufeff"
# The wide forms are what Japanese and Chinese keyboards type; Excel takes them for the narrow.
_FORMULA = "[=+\\-@＝＋－＠]"
_STARTS_FORMULA = re.compile(f"[\\s\"']*{_FORMULA}|'*[\t\r\n]")
# Where a spreadsheet may begin a new cell inside one of ours: what a region's settings split at is
# none of the file's choice, and our quotes do not hold inside what it takes for one cell.
_NEW_CELL = re.compile(f"([;,|:^\t\r\n][\\s\"]*'*)(?={_FORMULA})")
_GUARDED_INSIDE = re.compile(f"([;,|:^\t\r\n][\\s\"]*'*)'(?={_FORMULA})")


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Write a file under a hidden name; at the end it takes the place of `path` in one step.

    Nothing is left of it where the block is left by an error. Raises TransientError when the folder
    refuses.
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
    except BaseException as exc:
        with suppress(OSError):
            partial.unlink()
        if isinstance(exc, OSError):
            raise trouble(exc, str(path)) from exc
        raise


def replace_small(path: Path, text: str, mode: int) -> None:
    """Write a small file whole, in place of any other, for whoever looks now and then.

    It is not waited for until it is on the disk. Raises OSError, and leaves nothing behind then.
    """
    partial = path.with_name(f"{path.name}.part")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.chmod(mode)
        partial.replace(path)
    except OSError:
        with suppress(OSError):
            partial.unlink()
        raise


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
    """Spreadsheets run cells that start like a formula: an apostrophe makes them plain text.

    A cell that could be split into such ones has an apostrophe before each of them, and one at its
    own start, by which it is known again.
    """
    if not (_STARTS_FORMULA.match(cell) or _NEW_CELL.search(cell)):
        return cell
    return "'" + _NEW_CELL.sub(r"\1'", cell)


def unguarded(cell: str) -> str:
    """A cell of our CSV as it was before it was made harmless."""
    inside = cell[1:]
    if not cell.startswith("'") or not (_STARTS_FORMULA.match(inside) or _NEW_CELL.search(inside)):
        return cell
    return _GUARDED_INSIDE.sub(r"\1", inside)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync_folder(descriptor)
    finally:
        os.close(descriptor)
