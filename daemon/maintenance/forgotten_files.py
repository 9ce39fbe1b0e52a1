"""The files of photos that are to be forgotten: where they lie now, and their removal."""

from __future__ import annotations

from collections.abc import Iterable

from daemon.corrections.moved_photos import MovedPhotos, Seen
from daemon.domain.forgetting import Lying
from daemon.domain.photos import Fingerprint, Story
from daemon.folders.contents import drop, sync_folder
from daemon.folders.names import with_suffix
from daemon.folders.os_errors import trouble
from daemon.folders.renaming import Entry
from daemon.folders.tree import Folders, Tree, split
from daemon.sorting.filer import REASON_SUFFIX
from daemon.store import Store

_IN_INCOMING = ("queued", "undone")
_FOLLOWED = ("filed", "review", "retake")  # of these a move is noted


class Files:
    """Finds them, and removes them."""

    def __init__(self, store: Store, folders: Folders, moved_photos: MovedPhotos) -> None:
        self._store = store
        self._folders = folders
        self._moved_photos = moved_photos

    def of(self, story: Story) -> Iterable[Lying]:
        """A photo's files, where they lie now."""
        if story.state == "gone":
            return
        if story.state in _IN_INCOMING:
            yield _lying(story.place, story.sha256, story.fingerprint, is_sorted=False)
            return
        seen = self._followed(story)
        if seen is None and story.state not in _FOLLOWED and self._is_only_its(story):
            seen = self._moved_photos.find(story)
        if seen is not None:
            yield _lying(seen.place, seen.sha256, seen.fingerprint, is_sorted=True)
        if story.kept_source and (mark := self._folders.incoming.seen(story.source)) is not None:
            yield _lying(story.source, story.sha256, mark, is_sorted=False)

    def is_missing(self, story: Story, files: Iterable[Lying]) -> bool:
        """Whether a photo should lie in sorted, and `files`, which were found, are none of that."""
        return _should_be_sorted(story) and not any(one.is_sorted for one in files)

    def _followed(self, story: Story) -> Seen | None:
        seen = self._moved_photos.look(story)
        if seen is None and story.state in _FOLLOWED:
            seen = self._moved_photos.notice(story)
        return seen

    def _is_only_its(self, story: Story) -> bool:
        """Whether a file of a photo's bytes, in a place of no photo, can be no other photo."""
        traces = self._store.traces
        alike = traces.stories(traces.known([story.id]).same_bytes)
        placed = (one for one in alike if _should_be_sorted(one))
        return all(self._followed(one) is not None for one in placed)

    def remove(self, lying: Lying) -> bool:
        """Remove a file that is still the photo, with its reason; False where there is none."""
        tree = self._folders.sorted if lying.is_sorted else self._folders.incoming
        seen = tree.seen(lying.place)
        if seen is None or not _is_it(tree, lying, seen):
            return False
        self._unlink(tree, lying.place)
        return True

    def remove_sorted(self, place: str) -> None:
        """Remove whatever lies there in sorted, with its reason."""
        self._unlink(self._folders.sorted, place)

    def _unlink(self, tree: Tree, place: str) -> None:
        """Remove a photo's file, and in sorted the reason beside it."""
        folder, name = split(place)
        try:
            with tree.folder(folder) as fd:
                drop(Entry(fd, name))
                if tree is self._folders.sorted:
                    drop(Entry(fd, with_suffix(name, REASON_SUFFIX)))
                sync_folder(fd)
        except OSError as exc:
            raise trouble(exc, tree.full(place)) from exc


def _should_be_sorted(story: Story) -> bool:
    return story.state not in ("gone", *_IN_INCOMING) and not story.let_go_at


def _lying(place: str, sha256: str, mark: Fingerprint, *, is_sorted: bool) -> Lying:
    return Lying(is_sorted, place, sha256, mark.size_bytes, mark.mtime_ns)


def _is_it(tree: Tree, lying: Lying, seen: Fingerprint) -> bool:
    if (seen.size_bytes, seen.mtime_ns) == (lying.size_bytes, lying.mtime_ns):
        return True
    return bool(lying.sha256) and tree.sha256(lying.place) == lying.sha256
