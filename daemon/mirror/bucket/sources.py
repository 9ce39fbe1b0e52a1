"""What is to be in the bucket: which files of this box, and under which keys.

Below the station's name lie `backups/`, `results/`, `versions/`, and the photos by the day on which
they were sorted: `2025-10-13/Shirts/return-60521_front.jpg`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from config.errors import FolderUnavailable, NightsortError, PhotoError
from config.settings import Settings
from daemon.folders.adoption import MARKER as MARKER_FILE
from daemon.folders.adoption import Owner, owner_of
from daemon.folders.forgotten import FILE, Forgotten
from daemon.folders.names import numbered, safe_folder, safe_name
from daemon.folders.os_errors import printable
from daemon.folders.presence import SavedPresence
from daemon.folders.tree import Tree
from daemon.maintenance.backups import Backups, time_in_name
from daemon.maintenance.retention import files_of_results
from daemon.sorting.versions import FOLDER, IN_USE, SUFFIX
from daemon.store.bucket_copies import Wanted, copy_of_results

BACKUPS, VERSIONS = "backups/", "versions/"
FORGOTTEN = "forgotten.json"
MARKER = "nightsort.json"  # says which box the station is
PHOTO_KEY = re.compile(r"\d{4}-\d\d-\d\d/")  # how the keys of photos begin


@dataclass(frozen=True, slots=True)
class Source:
    """A file that is to have a copy."""

    key: str  # below the station's
    tree: Tree
    path: str  # in that


class Sources:
    """The files of one box."""

    def __init__(self, settings: Settings) -> None:
        self.backups = Backups.from_settings(settings)
        self._keep_days = settings.backups.keep_days
        self.results = Tree(settings.results_dir)
        self._state_dir = Tree(settings.state_dir)
        self.versions = Tree(settings.state_dir / FOLDER)
        # None: they are not wanted.
        self.photos = Tree(settings.sorted_dir) if settings.mirror.photos else None
        self.strips = settings.mirror.strip_metadata
        self.most_bytes = int(settings.intake.max_file_mb * 1e6)

    def require_photos(self, presence: SavedPresence | None) -> None:
        """Raise FolderUnavailable unless the photos' folder is the one that was adopted.

        presence: as what it was. A share that is not mounted would look as if all were gone.
        """
        if self.photos is None:
            return
        self.photos.require()
        adopted = presence["folders"].get("sorted") if presence else None
        if not presence or not adopted or not adopted["has_marker"]:
            return
        if owner_of(_text(self.photos, MARKER_FILE)) != Owner(presence["instance"], "sorted"):
            raise FolderUnavailable(
                f"{printable(str(self.photos.root))}: is not the folder that was adopted; check "
                "that the share is mounted"
            )

    @property
    def forgotten(self) -> Forgotten:
        """What was forgotten until now."""
        return Forgotten(self._state_dir.root)

    def files(self, open_runs: Collection[str]) -> Iterator[Source]:
        """Those that are no photos; results last, of backups the newest first.

        open_runs: whose results still grow. What cannot be looked at now is left out: that it is
        away is told by others.
        """
        for found in (self._state, self._backups, lambda: self._results(open_runs)):
            yield from _as_far_as_there(found)

    def expired(self, keys: Collection[str], now: datetime) -> list[str]:
        """Of the keys of backups those that are older than backups are kept, but the newest."""
        if not self._keep_days:
            return []
        made = {key: time_in_name(key.removeprefix(BACKUPS)) for key in keys}
        known = sorted((at, key) for key, at in made.items() if at is not None)
        oldest = now - timedelta(days=self._keep_days)
        return [key for at, key in known[:-1] if at < oldest]

    def _backups(self) -> Iterator[Source]:
        tree = Tree(self.backups.folder)
        for one in self.backups.listed():
            yield Source(f"{BACKUPS}{one.path.name}", tree, one.path.name)

    def _state(self) -> Iterator[Source]:
        """What was forgotten, which no backup knows, and what was learnt."""
        yield Source(FORGOTTEN, self._state_dir, FILE)
        if not self.versions.root.exists():
            return
        for name in filter(is_version, self.versions.names()):
            yield Source(f"{VERSIONS}{name}", self.versions, name)

    def _results(self, open_runs: Collection[str]) -> Iterator[Source]:
        for name, place, run in files_of_results(self.results):
            if run not in open_runs:
                yield Source(copy_of_results(name), self.results, place)


def _text(tree: Tree, name: str) -> str | None:
    try:
        with os.fdopen(tree.open_file(name), encoding="utf-8", errors="replace") as file:
            return file.read(4096)
    except (FileNotFoundError, PhotoError):
        return None


def _as_far_as_there(found: Callable[[], Iterator[Source]]) -> Iterator[Source]:
    try:
        yield from found()
    except NightsortError:
        return


def is_version(name: str) -> bool:
    """Whether a file in the folder of versions is called as one, or says which is in use."""
    return not name.startswith(".") and (name == IN_USE or Path(name).suffix == SUFFIX)


def key_of(photo: Wanted) -> str:
    """The key of a photo's copy, unless another has it."""
    day = f"{photo.run[:4]}-{photo.run[4:6]}-{photo.run[6:8]}"
    folder, _, name = photo.place.rpartition("/")
    top = folder.partition("/")[0]
    # What is in review, or was set aside, is in no category yet.
    group = top if top.startswith("_") else safe_folder(photo.category or top or "_")
    return f"{day}/{group}/{safe_name(name)}"


def key_beside(key: str, number: int) -> str:
    """The key of a photo where that one is another's; it may be another's as well."""
    folder, _, name = key.rpartition("/")
    return f"{folder}/{numbered(name, number)}"
