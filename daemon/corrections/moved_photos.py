"""Finds what people did to sorted photos on the share: moved, renamed, replaced, taken away.

A person's move is known by what it is about, in this order of evidence: a file with the photo's
inode (a rename on one disk), of its name or a copy's ("shirt (2).jpg"), or of its size, that holds
its bytes; then a file that was changed since it was filed (turned, say) and has its inode and its
name or a copy's, or, of photos to decide, one of these two, unless another photo is known to lie
there. A photo that was changed where it lies is still that photo; its new hash is remembered beside
that of the results. The category is that of the folder in which the file lies, however deep below.

The look is bounded: one `stat` for each of the newest photos and, only if one is missing, one list
of what lies in sorted. A photo that is nowhere was taken away: its state is `removed`, until it
turns up again. That is concluded only from a whole list and an available folder, and where more
than half of what was looked at is gone at once, only when it still is on the next day.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import accumulate

import structlog

from config.errors import PhotoBusy
from daemon.corrections.folder_index import FolderIndex, stem_key
from daemon.corrections.mass_removal import believed
from daemon.corrections.share_log import ShareLog
from daemon.domain.clock import Clock
from daemon.domain.corrections import Correction, Via, Word
from daemon.domain.photos import Fingerprint, Story, as_text
from daemon.domain.sorting import Move
from daemon.folders.names import RETAKE, compare_key, safe_folder
from daemon.folders.tree import Tree, split
from daemon.sorting.filer import Filer
from daemon.store import Store
from daemon.store.facts import MASS_REMOVAL

log = structlog.get_logger()

Categories = Callable[[], Sequence[str]]

# Who moved a file on a share only the file server knows, and does not always say.
SOMEBODY = "somebody on the share"
# How many photos that were taken away are asked for whether they are back.
_MOST_REMOVED = 200


@dataclass(frozen=True, slots=True)
class Seen:
    """A photo as it lies in sorted now."""

    place: str
    fingerprint: Fingerprint
    sha256: str  # empty where nobody could read it


class MovedPhotos:
    """Looks for photos in sorted."""

    def __init__(
        self,
        store: Store,
        sorted_tree: Tree,
        filer: Filer,
        categories: Categories,
        clock: Clock,
        share_log: str | None = None,
    ) -> None:
        """categories: what photos may be filed into; a new model may know others.

        share_log: as `[corrections] share_log`.
        """
        self._store = store
        self._sorted = sorted_tree
        self._filer = filer
        self._categories = categories
        self._clock = clock
        self._log = ShareLog(share_log, str(sorted_tree.root))

    @property
    def categories(self) -> Sequence[str]:
        """What photos may be filed into now."""
        return self._categories()

    def notice_dragged(self, limit: int) -> int:
        """Record what people did to the newest `limit` filed photos; of how many.

        Raises TransientError when the folder does not answer.
        """
        return self._notice_all(self._store.history.newest_filed(limit)) if limit else 0

    def notice_decided(self, limit: int) -> int:
        """As `notice_dragged`, of photos in review only: what people decide in the morning."""
        return self._notice_all(self._store.history.newest_in_review(limit))

    def notice(self, story: Story) -> Seen | None:
        """Where a missing photo was moved to, which is recorded; None when it is nowhere."""
        return self._notice(story, _Look(self._sorted))

    def find(self, story: Story) -> Seen | None:
        """A photo as it was, wherever in sorted it lies; nothing is noted of that."""
        seen = self._as_it_was(story) or self._find(story, _Look(self._sorted))
        return None if seen is None or self._is_others(seen.place, but=story.id) else seen

    def look(self, story: Story) -> Seen | None:
        """The photo where it should be, if its file is there and is still that photo."""
        if (seen := self._as_it_was(story)) is not None:
            return seen
        mark = self._sorted.seen(story.place)
        with suppress(PhotoBusy):
            if mark is not None and not self._is_others(story.place, but=story.id):
                return self._edited_in_place(story, mark)
        return None

    # --- inside ----------------------------------------------------------------------------------

    def _notice_all(self, stories: Sequence[Story]) -> int:
        look = _Look(self._sorted)
        away, changed = [], []
        for story in stories:
            mark = self._sorted.seen(story.place)
            if mark is None:
                away.append(story)
            elif not self._is_or_is_busy(story, mark):
                changed.append((story, mark))  # edited where it lies, or another has its name
        lost = [story for story in away if self._notice(story, look) is None]
        replaced = [story for story, mark in changed if self._is_replaced(story, mark)]
        lost += [story for story in replaced if self._notice(story, look) is None]
        moved = len(away) + len(replaced) - len(lost)
        return moved + self._notice_removed(lost, stories, look) + self._notice_back(look)

    def _is_or_is_busy(self, story: Story, mark: Fingerprint) -> bool:
        """Whether the file in a photo's place is that photo, or cannot be asked now."""
        try:
            return self._holds(story, story.place, mark)
        except PhotoBusy:
            return True

    def _is_replaced(self, story: Story, mark: Fingerprint) -> bool:
        """Whether another photo has its place now; an edit of its own is remembered."""
        with suppress(PhotoBusy):
            if self._is_others(story.place, but=story.id):
                return True
            self._edited_in_place(story, mark)
        return False

    def _edited_in_place(self, story: Story, mark: Fingerprint) -> Seen | None:
        """A photo that somebody turned where it lies, which is remembered; None: it is not that."""
        seen = self._changed(story, story.place, mark, self._sorted.sha256)
        if seen is not None:
            self._store.removals.put(story.id, seen.place, mark, seen.sha256)
            log.info("photo_edited", photo=story.id, name=story.filename, place=as_text(seen.place))
        return seen

    def _changed(
        self, story: Story, place: str, mark: Fingerprint, sha256_of: Callable[[str], str]
    ) -> Seen | None:
        """The photo as somebody changed it; None when the file at `place` cannot be that."""
        if not _was_changed(story, place, mark) or not (sha256 := sha256_of(place)):
            return None
        others = [lies for lies, _ in self._store.history.twins(sha256) if lies != story.place]
        return None if others else Seen(place, mark, sha256)

    def _notice(self, story: Story, look: _Look) -> Seen | None:
        seen = self._find(story, look)
        if seen is not None:
            self._record(story, seen)
        return seen

    def _find(self, story: Story, look: _Look) -> Seen | None:
        """The photo in another place than it was put: as it was, else as somebody changed it."""
        changed = None
        for place in look.candidates(story):
            try:
                mark = self._sorted.seen(place)
                if mark is None or self._is_others(place, but=story.id):
                    continue
                if self._holds(story, place, mark, look):
                    return Seen(place, mark, story.sha256_now)
                changed = changed or self._changed(story, place, mark, look.sha256)
            except PhotoBusy:  # the next look finds out whether it is that
                look.was_kept_out = True
        return changed

    def _holds(
        self, story: Story, place: str, mark: Fingerprint, look: _Look | None = None
    ) -> bool:
        """Whether the file at `place` holds the photo's bytes; read only if it may not.

        Some mounts number their files anew: where it was put, size and time let a file be unread.
        Raises PhotoBusy when the file cannot be read as somebody holds it.
        """
        known = story.fingerprint
        if mark.size_bytes != known.size_bytes:
            return False
        is_where_it_was = mark.inode == known.inode or place == story.place
        if is_where_it_was and mark.mtime_ns == known.mtime_ns:
            return True
        sha256_of = look.sha256 if look else self._sorted.sha256
        return bool(story.sha256_now) and sha256_of(place) == story.sha256_now

    def _is_others(self, place: str, but: int) -> bool:
        """Whether another photo is known to lie there, and does. Raises PhotoBusy as `_holds`."""
        others = [one for one in self._store.history.lying_at(place) if one.id != but]
        mark = self._sorted.seen(place) if others else None
        return mark is not None and any(self._holds(one, place, mark) for one in others)

    def _record(self, story: Story, seen: Seen) -> None:
        """By its new folder: a decision, a photo to be taken again, or only another place."""
        name, is_retake = story.filename, split(seen.place)[0] == RETAKE
        category = story.category_now if is_retake else self._category_at(seen.place)
        if compare_key(seen.place) == compare_key(story.place):
            self._store.removals.put(story.id, seen.place, seen.fingerprint, seen.sha256)
            log.info("folder_renamed", photo=story.id, name=name, place=seen.place)
        elif category is None:
            self._store.removals.put(story.id, seen.place, seen.fingerprint, seen.sha256)
            log.info("photo_put_elsewhere", photo=story.id, name=name, now=as_text(seen.place))
        else:
            word = Word.RETAKE if is_retake else Word.DRAGGED
            self._store.corrections.note(self._said(story, seen, word, category))
            log.info("photo_dragged", photo=story.id, name=name, category=category)

    def _said(self, story: Story, seen: Seen, word: Word, category: str) -> Correction:
        filed = datetime.fromisoformat(story.recorded_at)
        return Correction(
            id=0,
            photo_id=story.id,
            word=word,
            before=story.category_now,
            category=category,
            person=self._log.mover(story.place, seen.place, filed) or SOMEBODY,
            at=self._clock.now(),
            move=Move(story.id, story.place, seen.place, seen.fingerprint, seen.sha256),
            via=Via.SHARE,
        )

    def _category_at(self, place: str) -> str | None:
        """The category whose folder `place` is in or below; None: a folder of our own."""
        layout = self._filer.layout
        known = {compare_key(safe_folder(category)): category for category in self.categories}
        folders = list(accumulate(split(place)[0].split("/"), "{}/{}".format))
        # From the innermost outwards, by the layout before the folder's own name.
        for folder in reversed(folders):
            for name in (layout.category_in(folder), folder):
                if name is not None and compare_key(name) in known:
                    return known[compare_key(name)]
        top = folders[0]
        if top.startswith("_") or not top:
            return None
        new = next(filter(None, map(layout.category_in, folders)), None)
        if new is None and layout.leads_to_categories(top):
            return None
        return as_text(new or top)

    def _notice_removed(
        self, lost: Sequence[Story], looked_at: Sequence[Story], look: _Look
    ) -> int:
        """Record what is nowhere; what may be an accident waits for the next day."""
        if not look.is_conclusive:
            return 0
        facts, now = self._store.facts, self._clock.now()
        doubted = facts.get(MASS_REMOVAL) or {}
        ids, all_ids = {story.id for story in lost}, {story.id for story in looked_at}
        gone, left = believed(doubted, ids, all_ids, now)
        if left != doubted:
            facts.remember(MASS_REMOVAL, left or None)
        for story in lost:
            if story.id in gone:
                log.info("photo_taken_away", photo=story.id, name=story.filename)
        self._store.removals.remove(gone, now)
        return len(gone)

    def _notice_back(self, look: _Look) -> int:
        """Of photos that were taken away: which are where they were, or elsewhere, again."""
        back = 0
        for story in self._store.history.newest_removed(_MOST_REMOVED):
            seen = self._as_it_was(story) or (self._find(story, look) if look.was_needed else None)
            if seen is None or self._is_others(seen.place, but=story.id):
                continue
            self._store.removals.give_back(story.id)
            if seen.place != story.place:
                self._record(story, seen)
            log.info("photo_back", photo=story.id, name=story.filename)
            back += 1
        return back

    def _as_it_was(self, story: Story) -> Seen | None:
        """The photo where it was put, as it was."""
        mark = self._sorted.seen(story.place)
        with suppress(PhotoBusy):
            if mark is not None and self._holds(story, story.place, mark):
                return Seen(story.place, mark, story.sha256_now)
        return None


class _Look:
    """One look at sorted, with a list of what lies there once that is needed."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._sha256: dict[str, str] = {}
        self.was_kept_out = False  # of a file that somebody holds

    @cached_property
    def _index(self) -> FolderIndex:
        return FolderIndex(self._tree)

    @property
    def was_needed(self) -> bool:
        """Whether something was missing, and looked for."""
        return "_index" in self.__dict__

    @property
    def is_conclusive(self) -> bool:
        """Whether what was not found is nowhere."""
        return not self.was_needed or (self._index.is_complete and not self.was_kept_out)

    def sha256(self, place: str) -> str:
        """As `Tree.sha256`; each file is read once, however many photos it may be."""
        if place not in self._sha256:
            self._sha256[place] = self._tree.sha256(place)
        return self._sha256[place]

    def candidates(self, story: Story) -> list[str]:
        """Where a photo that is not in its place may be, the likeliest first."""
        mark, name = story.fingerprint, split(story.place)[1]
        found = [*self._index.of_inode(mark.inode), *self._index.named(name)]
        found += self._index.of_size(mark.size_bytes)
        return [place for place in dict.fromkeys(found) if place != story.place]


def _was_changed(story: Story, place: str, mark: Fingerprint) -> bool:
    """Whether the file at `place`, of other bytes, can be the photo as somebody changed it since.

    An inode alone is no proof: a disk gives it to the next file once a photo was deleted. A file
    that was copied there keeps the time of its original.
    """
    filed_ns = datetime.fromisoformat(story.recorded_at).timestamp() * 1e9
    if story.state == "removed" or mark.mtime_ns < filed_ns - 1e9:
        return False
    before, now = stem_key(split(story.place)[1]), stem_key(split(place)[1])
    is_called_so, is_that_file = before == now, mark.inode == story.fingerprint.inode
    if story.state == "review":
        is_photo = before.rpartition(".")[2] == now.rpartition(".")[2]
        return is_called_so or (is_that_file and is_photo)
    return is_called_so and is_that_file
