"""Rescue: a lost box is made again of what lies in the bucket.

First its memory: the newest good backup, what was learnt, what was forgotten. Then the files that
are not there: results, and photos where they were. What the backup cannot know is then taken from
results and folders, as after any restore. It may be interrupted, and asked for again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from config.errors import NightsortError, RefusedError
from config.settings import Settings
from daemon.domain.photo_names import has_photo_extension
from daemon.folders.forgotten import Forgotten
from daemon.folders.os_errors import trouble
from daemon.folders.rights import Rights
from daemon.folders.tree import Tree
from daemon.maintenance.backups import FOLDER, time_in_name
from daemon.maintenance.restore import OfAnother, Restored, restore
from daemon.maintenance.retention import is_of_results
from daemon.maintenance.stripped import note_stripped
from daemon.mirror.bucket.beside import hashes_of, is_stripped, original_bytes, original_of
from daemon.mirror.bucket.client import Bucket, ListingRefused, NoObject
from daemon.mirror.bucket.comparing import is_forgotten
from daemon.mirror.bucket.fetching import Fate, bring, fetch, place_of
from daemon.mirror.bucket.forgetting import take_in
from daemon.mirror.bucket.sources import BACKUPS, FORGOTTEN, PHOTO_KEY, VERSIONS, is_version
from daemon.mirror.bucket.survivors import Survivors
from daemon.sorting.filer import FilingPolicy
from daemon.sorting.version_copies import replace_damaged
from daemon.sorting.versions import FOLDER as VERSIONS_FOLDER
from daemon.sorting.versions import Versions
from daemon.store import DATABASE, Store
from daemon.store.bucket_copies import RESULTS
from daemon.store.facts import PRESENCE, STRIPPED, UNFETCHED

log = structlog.get_logger()

_NEVER = "0001-01-02T00:00:00+00:00"
_YEARS = "12"  # how the keys of photos begin
_CLOCKS_DIFFER = timedelta(days=1)
Advance = Callable[[int, int], None]


def bring_memory(
    settings: Settings, bucket: Bucket, now: datetime, *, anyway: bool = False
) -> Restored | None:
    """Put the newest good backup of the bucket in the database's place; the state folder is ours.

    None where that was done before, and files are still to come. anyway: as `restore` has it.
    Raises BucketFailed, RefusedError where there is no good backup, or where it cannot be told what
    was forgotten, TransientError.
    """
    done = None
    if not _is_under_way(settings.state_dir):
        done = _restore_newest(settings, bucket, now, anyway=anyway)
    # Not before: now it is known that they are this box's.
    _bring_state(settings, bucket)
    with closing(Store(settings.state_dir)) as store:
        # This machine's folders are adopted as at a first start, by the same instance.
        presence = store.facts.get(PRESENCE)
        if presence is not None:
            store.facts.remember(PRESENCE, {**presence, "folders": {}})
    return done


def bring_files(
    settings: Settings, bucket: Bucket, store: Store, advance: Advance = lambda _done, _all: None
) -> Counter[Fate]:
    """Bring back what is not there of results and photos; all folders must be.

    advance: called with how many objects were looked at, and how many there are. Raises
    BucketFailed, TransientError when a folder refuses.
    """
    files = _Files(settings, bucket, store)
    total = sum(1 for _ in _files_there(settings, bucket, store))
    fates: Counter[Fate] = Counter()
    # Before photos results, which say most about them.
    for wanted in (files.results, files.photos):
        for key, size_bytes in _files_there(settings, bucket, store):
            fate = None
            with suppress(NoObject):  # a marker of a folder, or deleted meanwhile
                fate = wanted(key, size_bytes)
            if fate is not None:
                fates[fate] += 1
                advance(fates.total(), total)
    files.end()
    log.info("brought_back", **{fate.name.lower(): count for fate, count in fates.items()})
    return fates


class _Files:
    """Brings files back one by one; None for what is not its own, or is not to come back."""

    def __init__(self, settings: Settings, bucket: Bucket, store: Store) -> None:
        policy = FilingPolicy.from_settings(settings.filing)
        self._station = str(settings.mirror.station)
        self._bucket = bucket
        self._store = store
        self._results = Tree(settings.results_dir)
        self._sorted = Tree(settings.sorted_dir)
        began = datetime.fromisoformat(store.facts.get(UNFETCHED) or _NEVER)
        incoming = Tree(settings.incoming_dir)
        self._survivors = Survivors(incoming, self._sorted, store, began)
        self._rights = Rights(policy.group, policy.file_mode, policy.folder_mode)
        self._forgotten = Forgotten(settings.state_dir)
        self._unknown: dict[str, str] = {}  # stripped photos of after the backup, by place

    def results(self, key: str, _size_bytes: int) -> Fate | None:
        name = key.removeprefix(RESULTS)
        if not key.startswith(RESULTS) or not is_of_results(name):
            return None
        about, pieces = self._bucket.get(f"{self._station}/{key}")
        return fetch(self._results, name, about, pieces, Rights())

    def photos(self, key: str, size_bytes: int) -> Fate | None:
        if not PHOTO_KEY.match(key):
            return None
        about, pieces = self._bucket.get(f"{self._station}/{key}")
        place = self._place(key, about)
        if not place:
            return None
        if self._sorted.seen(place) is None and self._is_elsewhere(key, size_bytes, about):
            return Fate.THERE
        fate = fetch(self._sorted, place, about, pieces, self._rights)
        if fate in (Fate.STRIPPED, Fate.THERE) and is_stripped(about):
            self._note(place, about["sha256"])
        return fate

    def _note(self, place: str, sha256: str) -> None:
        """Have it known that a photo's bytes are others now; at the latest by `end`."""
        if self._sorted.sha256(place) == sha256 and not note_stripped(
            self._store, self._sorted, place, sha256
        ):
            self._unknown[place] = sha256

    def end(self) -> None:
        """Note that everything was brought back, and what results are still to tell of."""
        self._store.facts.remember(STRIPPED, self._unknown)
        self._store.facts.remember(UNFETCHED, value=None)

    def _is_elsewhere(self, key: str, size_bytes: int, about: Mapping[str, str]) -> bool:
        """Whether the photo itself survived, and was moved on since its copy was sent."""
        if not about.get("sha256"):
            return False
        copy = self._store.bucket.of_key(key)
        known = [] if copy is None or copy.photo is None else [copy.photo]
        now = [photo.place for photo in self._store.bucket.photos(known) if photo.place]
        if any(self._sorted.sha256(place) in hashes_of(about) for place in now):
            return True
        return self._survivors.has(size_bytes, about["sha256"]) or self._survivors.has(
            original_bytes(about, size_bytes), original_of(about)
        )

    def _place(self, key: str, about: Mapping[str, str]) -> str:
        """Where a photo is to lie; empty where it is not to come back."""
        place = place_of(about)
        if not has_photo_extension(place) or is_forgotten(self._forgotten, about):
            return ""
        return place if self._store.bucket.is_to_come_back(key) else ""


def _is_under_way(state_dir: Path) -> bool:
    if not (state_dir / DATABASE).exists():
        return False
    try:
        with closing(Store(state_dir, reading=True)) as store:
            return bool(store.facts.get(UNFETCHED))
    except NightsortError:  # damaged, say: that is what the backup is for
        return False


def _bring_state(settings: Settings, bucket: Bucket) -> None:
    """What is in no backup, or newer than that: what was forgotten, what was learnt."""
    _bring_forgotten(settings, bucket)
    folder, damaged = settings.state_dir / VERSIONS_FOLDER, set[str]()
    for key in _keys(settings, bucket, VERSIONS):
        name = key.removeprefix(VERSIONS)
        if is_version(name):
            _make(folder)
            fate = bring(bucket, f"{settings.mirror.station}/{key}", Tree(folder), name)
            if fate is Fate.DAMAGED:
                damaged.add(name)
    with closing(Store(settings.state_dir)) as store:
        replace_damaged(store, Versions(settings.state_dir), damaged)


def _bring_forgotten(settings: Settings, bucket: Bucket) -> None:
    """What was forgotten here or there stays so."""
    forgotten = Forgotten(settings.state_dir)
    if take_in(forgotten, bucket, str(settings.mirror.station)) or len(forgotten):
        return
    with closing(Store(settings.state_dir, reading=True)) as store:
        if store.bucket.is_known(FORGOTTEN):
            key = f"{settings.mirror.station}/{FORGOTTEN}"
            log.warning("forgotten_not_known", key=key, bucket=str(bucket.address))


def _restore_newest(settings: Settings, bucket: Bucket, now: datetime, *, anyway: bool) -> Restored:
    made = {
        key: time_in_name(key.removeprefix(BACKUPS)) for key in _keys(settings, bucket, BACKUPS)
    }
    # What was made while a clock was ahead is only believed to be the newest when all others fail.
    newest_first = sorted(
        ((at <= now + _CLOCKS_DIFFER, at, key) for key, at in made.items() if at is not None),
        reverse=True,
    )
    problem = "there is none"
    for *_, key in newest_first:
        try:
            return _restore_one(settings, bucket, key, now, anyway=anyway)
        except OfAnother:
            raise
        except RefusedError as exc:
            problem = str(exc)
            log.error("backup_unusable", file=key, why=problem)
    raise RefusedError(
        f"{bucket.address}: no good backup of station {settings.mirror.station} ({problem}); look "
        "whether [mirror] names the right bucket and station"
    )


def _restore_one(
    settings: Settings, bucket: Bucket, key: str, now: datetime, *, anyway: bool
) -> Restored:
    """Restore the backup of that key; it stays here only where it is used, or was before."""
    folder, name = settings.state_dir / FOLDER, key.removeprefix(BACKUPS)
    _make(folder)
    fate = bring(bucket, f"{settings.mirror.station}/{key}", Tree(folder), name)
    if fate not in (Fate.BROUGHT, Fate.THERE):
        raise RefusedError(f"{name} is {fate.value}")
    try:
        facts = {UNFETCHED: now.isoformat()}
        return restore(settings.state_dir, folder / name, now, anyway=anyway, facts=facts)
    except RefusedError:
        if fate is Fate.BROUGHT:
            with suppress(OSError):
                (folder / name).unlink()
        raise


def _keys(settings: Settings, bucket: Bucket, below: str = "") -> Iterator[str]:
    """The keys of the station, without its name."""
    return (key for key, _ in _objects(settings, bucket, below))


def _objects(settings: Settings, bucket: Bucket, below: str = "") -> Iterator[tuple[str, int]]:
    """The station's keys, without its name, and the sizes."""
    begin = f"{settings.mirror.station}/"
    for piece in bucket.listed(f"{begin}{below}".rstrip("/")):
        yield from ((key.removeprefix(begin), size_bytes) for key, size_bytes in piece.items())


def _files_there(settings: Settings, bucket: Bucket, store: Store) -> Iterator[tuple[str, int]]:
    """The objects of the station; where not all can be listed also those that are known."""
    try:
        yield from _objects(settings, bucket)
    except ListingRefused as exc:
        log.warning("bucket_not_listed", why=str(exc))
        for begin in (RESULTS, *_YEARS):
            for key in store.bucket.keys(begin):
                copy = store.bucket.of_key(key)
                yield key, copy.size_bytes if copy else 0


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o750, exist_ok=True)
    except OSError as exc:
        raise trouble(exc, str(folder)) from exc
