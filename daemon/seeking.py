"""Finds filed photos that a person moved to another category's folder on the share.

The look is bounded: one `stat` for each of the newest filed photos and, only for one that is
missing, one for each category folder. A photo counts as found where a file of its name holds its
bytes; a file that is nowhere was taken away, and nothing is concluded from that.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from daemon.clock import Clock
from daemon.filing import Filer
from daemon.names import compare_key, safe_folder
from daemon.records import Correction, Fingerprint, Move, Status, Story, Word, as_text
from daemon.store import Store
from daemon.tree import Tree, join
from daemon.trouble import trouble

log = structlog.get_logger()

# Who moved a file on a share is nowhere written.
SOMEBODY = "somebody on the share"
# So often a photo that left review is looked for between runs.
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Seen:
    """A photo as it lies in sorted now."""

    place: str
    fingerprint: Fingerprint


class Seeker:
    """Looks for photos in sorted."""

    def __init__(
        self, store: Store, sorted_tree: Tree, filer: Filer, categories: Sequence[str], clock: Clock
    ) -> None:
        self._store = store
        self._sorted = sorted_tree
        self._filer = filer
        self.categories = categories
        self._clock = clock
        self._missed: Counter[int] = Counter()  # how often a photo in review was nowhere, by id

    def notice_dragged(self, limit: int) -> int:
        """Record those of the newest `limit` filed photos that were dragged; returns how many.

        Raises TransientError when the folder does not answer.
        """
        newest = self._store.newest_filed(limit) if limit else ()
        return sum(self.notice(s) is not None for s in newest if not self._is_there(s))

    def notice_decided(self, limit: int) -> int:
        """As `notice_dragged`, of photos in review only: what people decide in the morning.

        One that is nowhere a few times is not looked for again: somebody has deleted it, and each
        search costs a look into every folder.
        """
        waiting = self._store.newest_in_review(limit)
        missing = [s for s in waiting if self._missed[s.id] < _TRIES and not self._is_there(s)]
        self._missed.update(story.id for story in missing)
        return sum(self.notice(story) is not None for story in missing)

    def _is_there(self, story: Story) -> bool:
        return self._sorted.seen(story.place) is not None

    def notice(self, story: Story) -> Seen | None:
        """Where a missing photo was dragged to, which is recorded; None when it is nowhere."""
        for category, place in self._elsewhere(story):
            mark = self._sorted.seen(place)
            if mark is None or not self.is_photo(story, place, mark) or self._is_others(place):
                continue
            move = Move(story.id, story.place, place, mark, story.sha256)
            self._store.note_done(
                Correction(
                    0, story.id, Word.DRAGGED, story.category_now, category, SOMEBODY,
                    self._clock.now(), move,
                )
            )  # fmt: skip
            log.info("photo_dragged", photo=story.id, name=story.filename, category=category)
            return Seen(place, mark)
        return None

    def look(self, story: Story) -> Seen | None:
        """The photo where it should be, if its file is there and is still that photo."""
        mark = self._sorted.seen(story.place)
        if mark is None or not self.is_photo(story, story.place, mark):
            return None
        return Seen(story.place, mark)

    def is_photo(self, story: Story, place: str, mark: Fingerprint) -> bool:
        """Whether the file at `place` holds the photo's bytes; read only if it may not."""
        known = story.fingerprint
        if mark.size_bytes != known.size_bytes:
            return False
        if (mark.inode, mark.mtime_ns) == (known.inode, known.mtime_ns):
            return True
        return self._sorted.sha256(place) == story.sha256 if story.sha256 else False

    def _elsewhere(self, story: Story) -> Iterator[tuple[str, str]]:
        """The other places where it may have been dragged to: category and path."""
        name = story.place.rpartition("/")[2]
        filed = datetime.fromisoformat(story.recorded_at).date()
        told = {}
        for category in self.categories:
            told[self._filer.target_folder(Status.SUCCESS, category, filed)] = category
            told[safe_folder(category)] = category
        known = {compare_key(folder): category for folder, category in told.items()}
        for folder in self._top_folders():
            told.setdefault(folder, known.get(compare_key(folder), as_text(folder)))
        for folder, category in told.items():
            place = join(folder, name)
            if place != story.place:
                yield category, place

    def _top_folders(self) -> list[str]:
        """Folders that may be categories, also ones that people made."""
        try:
            with self._sorted.folder() as fd, os.scandir(fd) as entries:
                return sorted(
                    os.fsdecode(entry.name)
                    for entry in entries
                    if not entry.name.startswith((".", "_", "#", "@"))
                    and entry.is_dir(follow_symlinks=False)
                )
        except OSError as exc:
            raise trouble(exc, str(self._sorted.root)) from exc

    def _is_others(self, place: str) -> bool:
        """Whether another photo is known to lie there."""
        return any(
            other.place == place and other.state in ("filed", "review")
            for other in self._store.stories(place)
        )
