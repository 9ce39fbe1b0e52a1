"""Workbooks as files: whether one may be written anew, or people have it open or wrote in it."""

from __future__ import annotations

import time

from daemon.domain.photos import as_text
from daemon.folders.tree import Tree
from daemon.store.workbooks import Workbooks

# A program that was killed leaves its mark: after so long nobody is believed to be at it.
_LONGEST_OPEN_SECONDS = 12 * 3600.0


class WorkbookFiles:
    """The workbooks of results_dir."""

    def __init__(self, results: Tree, known: Workbooks) -> None:
        self._results = results
        self._known = known

    def may_replace(self, name: str) -> bool:
        """Whether nobody has the file open, and nothing is in it that was not read.

        Raises TransientError when the folder does not answer.
        """
        seen = self._results.seen(name)
        if seen is None:
            return True
        return self._known.is_known(as_text(name), seen) and not self.is_open(name)

    def is_open(self, name: str) -> bool:
        """Whether a program has it open, as Excel and LibreOffice say by a file beside it."""
        marks = (self._results.seen(mark) for mark in (f"~${name}", f".~lock.{name}#"))
        oldest = (time.time() - _LONGEST_OPEN_SECONDS) * 1e9
        return any(mark is not None and mark.mtime_ns > oldest for mark in marks)

    def written(self, name: str) -> None:
        """Note that the file is as nightsort wrote it."""
        if (seen := self._results.seen(name)) is not None:
            self._known.know(as_text(name), seen)
