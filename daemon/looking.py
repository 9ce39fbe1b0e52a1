"""One look through incoming, or a folder of it: every photo there is, event or not.

Lazy and flat in memory however many files there are; it also counts what it leaves out. Whoever
holds a look may put it aside for as long as he likes and go on later.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable

from daemon.private import is_note
from daemon.records import Sighting
from daemon.screening import Screening, has_photo_extension, is_private
from daemon.tree import ABSENT, Tree, fingerprint_of
from daemon.trouble import REFUSED

# Names are remembered, and told, of this many unreadable folders; the others are counted.
MOST_TOLD = 100


class Look:
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
            if has_photo_extension(path):
                self._enter_folder_of(path)
                found.append(Sighting(path, fingerprint_of(seen)))
            elif not is_note(path):
                self._counts["not_a_photo"] += 1

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
        if exc.errno in ABSENT and path != "":
            return  # gone, or replaced, while we looked
        self._counts["unreadable_folder"] += 1
        self.whole = self.whole and exc.errno in REFUSED
        if len(self.unreadable) < MOST_TOLD:
            self.unreadable[path] = os.strerror(exc.errno) if exc.errno else str(exc)
