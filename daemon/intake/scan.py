"""One look through incoming, or a folder of it: every photo there is, event or not.

Lazy and flat in memory however many files there are; it also counts what it leaves out. Whoever
holds a look may put it aside for as long as he likes and go on later.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable

from daemon.domain.left_alone import MOST_NAMED
from daemon.domain.photo_names import is_sidecar, may_be_photo
from daemon.domain.photos import Sighting
from daemon.domain.request_names import is_request_name
from daemon.folders.os_errors import REFUSED
from daemon.folders.own_files import is_note
from daemon.folders.tree import ABSENT, MAX_DEPTH, TooDeepError, Tree, fingerprint_of
from daemon.intake.screening import Screening, is_private

# Names are remembered, and told, of this many unreadable folders; the others are counted.
MOST_TOLD = 100


class Scan:
    """A look under way."""

    def __init__(
        self,
        tree: Tree,
        screening: Screening,
        under: str = "",
        enter: Callable[[str], None] = lambda _folder: None,
    ) -> None:
        """`enter` is called with each folder in which a file was seen, sometimes more than once."""
        self.done = False
        self.whole = True  # nothing went wrong that another look might see better
        self.took_seconds = 0.0
        self.unreadable: dict[str, str] = {}  # folder or file, and why
        self.others = 0  # files that by their names are no photos
        self.other_names: list[str] = []  # some of them
        self._counts: Counter[str] = Counter()
        self._screening = screening
        self._enter = enter
        self._under = under
        self._folder: str | None = None
        self._files = tree.walk(
            self._is_junk, under=under, on_error=self._note_error, on_other=self._note_special
        )

    @property
    def ignored(self) -> dict[str, int]:
        """How many were left out: junk, not_a_photo, special, unreadable_folder."""
        return {
            kind: self._counts[kind]
            for kind in ("junk", "not_a_photo", "special", "unreadable_folder")
        }

    def sightings(self, limit: int, seconds: float) -> list[Sighting]:
        """The next photos: at most `limit`, and what is found in about `seconds`.

        Raises TransientError when the root is away; the look is worthless then.
        """
        started = time.monotonic()
        found: list[Sighting] = []
        while not self.done and len(found) < limit and time.monotonic() - started < seconds:
            self._step(found)
        self.took_seconds += time.monotonic() - started
        return found

    def close(self) -> None:
        """Give up what is left of the look, and with it the folders that it holds open."""
        self.done = True
        self._files = iter(())

    def _step(self, found: list[Sighting]) -> None:
        try:
            path, seen = next(self._files)
        except StopIteration:
            self.done = True
        except OSError as exc:  # the folder to look through is gone, or will not open
            self.done = True
            self._note_error(self._under, exc)
        else:
            if may_be_photo(path):
                self._enter_folder_of(path)
                found.append(Sighting(path, fingerprint_of(seen)))
            elif not is_note(path):
                self._note_other(path)

    def _note_other(self, path: str) -> None:
        self._counts["not_a_photo"] += 1
        if is_sidecar(path) or is_request_name(path):
            return  # a photo's companion, or a person's request: nobody waits for it to be sorted
        self.others += 1
        if len(self.other_names) < MOST_NAMED:
            self.other_names.append(path)

    def _enter_folder_of(self, path: str) -> None:
        folder = path.rpartition("/")[0]
        if folder != self._folder:
            self._folder = folder
            self._enter(folder)

    def _is_junk(self, path: str) -> bool:
        is_junk = self._screening.is_junk(path)
        # What we wrote ourselves is nothing that piles up unseen.
        self._counts["junk"] += is_junk and not is_private(path)
        return is_junk

    def _note_special(self, _path: str, _found: os.stat_result) -> None:
        self._counts["special"] += 1

    def _note_error(self, path: str, exc: OSError) -> None:
        is_too_deep = isinstance(exc, TooDeepError)
        if exc.errno in ABSENT and path != "" and not is_too_deep:
            return  # gone, or replaced, while we looked
        self._counts["unreadable_folder"] += 1
        self.whole = self.whole and (is_too_deep or exc.errno in REFUSED)
        if is_too_deep:
            self.unreadable[path] = f"more than {MAX_DEPTH} folders deep: move it up"
        elif len(self.unreadable) < MOST_TOLD:
            self.unreadable[path] = os.strerror(exc.errno) if exc.errno else str(exc)
