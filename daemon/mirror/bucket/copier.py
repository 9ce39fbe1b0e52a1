"""The copier: brings what lies in the bucket to what is here, one file or a few photos at a time.

What was sent is known here with its hash and size (`daemon.store.bucket_copies`): the next start
goes on where this one was, and what was listed there is compared with it now and then. Nothing is
deleted there but what retention or a forgetting lets go, and the former places of photos.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import partial
from io import BufferedReader
from itertools import chain, count
from typing import get_args

import structlog
from typing_extensions import TypedDict

from config.errors import PhotoError, RefusedError, TransientError
from daemon.domain.clock import Clock
from daemon.domain.photos import as_text
from daemon.domain.status_words import NO_PROBLEM, Problem, problem_of
from daemon.folders.tree import Tree
from daemon.mirror.bucket.beside import about_of
from daemon.mirror.bucket.client import Bucket, BucketRefused, ListingRefused
from daemon.mirror.bucket.comparing import compared
from daemon.mirror.bucket.forgetting import ListDamaged, forget_again_by
from daemon.mirror.bucket.looking import Look
from daemon.mirror.bucket.meeting import require_name
from daemon.mirror.bucket.reading import Read, read_and_send, strip
from daemon.mirror.bucket.sources import FORGOTTEN, Source, Sources, key_beside, key_of
from daemon.mirror.bucket.troubles import Troubles
from daemon.mirror.copier import instance_of_box
from daemon.store import Store
from daemon.store.bucket_copies import BUCKET, BUCKET_FILL, Copy, Wanted
from daemon.store.changes import Kind
from daemon.store.facts import PRESENCE

log = structlog.get_logger()

_KINDS: tuple[Kind, ...] = get_args(Kind)
_PHOTOS_AT_ONCE = 50
_KEYS_AT_ONCE = 100
LOOK_SECONDS = 60.0
COMPARE_SECONDS = 86_400.0


class State(TypedDict):
    """What the store remembers of the bucket."""

    to: str  # which one, and which station there; another is begun anew
    instance: str  # by which this box is known there
    filling: int | None  # the photo up to which all were looked through; None: they were


class Copier:
    """Copies the files of one box to one bucket; both sides belong to the thread that made it."""

    def __init__(
        self,
        store: Store,
        bucket: Bucket,
        station: str,
        sources: Sources,
        clock: Clock,
        *,
        is_compared: bool = False,
        troubles: Troubles | None = None,
    ) -> None:
        """Meet the other side, and see what there is to do.

        is_compared: what is there was, and so lately that it may wait. troubles: of the attempts
        before this one.
        Raises BucketFailed; BucketRefused where the station's name is another box's.
        """
        self._store = store
        self._bucket = bucket
        self._station = station
        self._sources = sources
        self._photos = sources.photos
        self._clock = clock
        self._troubles = Troubles(clock) if troubles is None else troubles
        self._files: list[Source] = []
        self._look_at = float("-inf")
        self._comparing: Iterator[None] | None = None
        self.problem = NO_PROBLEM  # why what is there could not be compared; empty where it could
        self.compared_at = clock.steady() if is_compared else float("-inf")
        self._state = self._meet()
        self._look = Look(store, sources, clock, self._troubles, self._require_name)
        self._follow()

    @property
    def is_filling(self) -> bool:
        """Whether all there is is being looked through."""
        return self._comparing is not None or self._state["filling"] is not None

    @property
    def is_comparing(self) -> bool:
        """Whether what is there is being compared, which says little about copying."""
        return self._comparing is not None

    @property
    def waiting(self) -> int:
        """How many files and changes wait, as far as was looked."""
        return len(self._files) + len(self._troubles) + self._store.bucket.waiting()

    def step(self) -> bool:
        """Do the next bit; False when nothing is to be done, or can be before a folder is back."""
        if self._store.facts.get(BUCKET_FILL):
            self._store.facts.remember(BUCKET_FILL, value=False)
            self.compared_at = self._look_at = float("-inf")
        return self._delete() or self._compare() or self._copy_file() or self._copy_photos()

    # --- meeting ---------------------------------------------------------------------------------

    def _meet(self) -> State:
        to = f"{self._bucket.address} {self._station}"
        known: State | None = self._store.facts.get(BUCKET)
        is_another = known is None or known["to"] != to
        if known is None or is_another:
            instance = known["instance"] if known else instance_of_box(self._store)
            known = {"to": to, "instance": instance, "filling": 0}
        self._require_name(known["instance"])  # before anything is given up for it
        if is_another:
            self._store.bucket.begin_anew({**known})
        return known

    def _require_name(self, instance: str | None = None) -> None:
        if require_name(self._bucket, self._station, instance or self._state["instance"]):
            self.compared_at = float("-inf")

    def _follow(self) -> None:
        """Follow the feed where photos are wanted; what was recorded before is looked through."""
        if self._photos is None:
            self._store.changes.unfollow(BUCKET)
        elif self._store.changes.follow(BUCKET):
            self._note_filling(0)

    def _note_filling(self, after: int | None, passed: int = 0) -> None:
        self._state = {**self._state, "filling": after}
        self._store.bucket.note({**self._state}, passed=passed)

    # --- deleting and comparing ------------------------------------------------------------------

    def _delete(self) -> bool:
        keys = self._store.bucket.to_go(_KEYS_AT_ONCE)
        if keys:
            self._bucket.delete([f"{self._station}/{key}" for key in keys])
            self._store.bucket.gone(keys)
        return bool(keys)

    def _compare(self) -> bool:
        """Compare a bit of what is there with what is known of it, once a day."""
        if self._comparing is None:
            if self._clock.steady() < self.compared_at + COMPARE_SECONDS:
                return False
            self._require_name()  # the bucket may have been emptied since
            self._comparing = compared(
                self._store, self._bucket, self._station, self._sources.forgotten
            )
        try:
            if next(self._comparing, "over") == "over":
                self._end_comparing()
        except (ListingRefused, RefusedError) as exc:
            self._end_comparing(problem_of(exc))
        return True

    def _end_comparing(self, problem: Problem = NO_PROBLEM) -> None:
        """problem: why it cannot go on; copying can."""
        self._comparing = None
        self.compared_at = self._clock.steady()
        self.problem = problem
        self._note_filling(0)
        if problem:
            log.warning("bucket_not_compared", station=self._station, why=problem)
        else:
            log.info("bucket_compared", station=self._station, copies=self._store.bucket.count())

    # --- files -----------------------------------------------------------------------------------

    def _copy_file(self) -> bool:
        if not self._files and self._clock.steady() >= self._look_at:
            self._files = self._look.files()
            self._look_at = self._clock.steady() + LOOK_SECONDS
            if self._delete():
                return True
        if not self._files:
            return False
        source = self._files[0]
        known = self._store.bucket.of_key(source.key)
        copy = replace(known or Copy(source.key), place=source.path)
        if source.key == FORGOTTEN:
            self._take_in_forgotten(copy)
        self._send(source.tree, copy)
        self._files.pop(0)
        return True

    def _take_in_forgotten(self, copy: Copy) -> None:
        """What the list there knows and ours does not is in ours before it is replaced.

        A damaged one of ours replaces none, and waits until somebody sees to it.
        """
        try:
            forget_again_by(self._sources.forgotten, self._bucket, self._station, self._store)
        except ListDamaged as exc:
            log.warning("forgotten_replaced", key=copy.key, why=str(exc))
        except RefusedError as exc:
            self._troubles.failed(copy, problem_of(exc))
            raise BucketRefused(str(exc)) from exc

    # --- photos ----------------------------------------------------------------------------------

    def _copy_photos(self) -> bool:
        """Copy the next few photos that were recorded, or that nobody has looked at."""
        if self._photos is None:
            if self._state["filling"] is not None:
                self._note_filling(None)
            return False
        return self._follow_changes() or self._fill(self._state["filling"]) or self._copy_again()

    def _follow_changes(self) -> bool:
        changes = self._store.changes.after_cursor(BUCKET, _KINDS, _PHOTOS_AT_ONCE)
        if not changes:
            return False
        touched = self._store.mirrored.touched(changes)["photos"]
        self._copy_all(self._store.bucket.photos([one for one in touched if isinstance(one, int)]))
        self._store.changes.move(BUCKET, changes[-1].seq)
        return True

    def _fill(self, after: int | None) -> bool:
        if after is None:
            return False
        photos = self._store.bucket.photos_after(after, _PHOTOS_AT_ONCE)
        self._copy_all(photos)
        self._note_filling(photos[-1].photo if photos else None)
        if not photos:
            log.info("bucket_filled", station=self._station, copies=self._store.bucket.count())
        return True

    def _copy_again(self) -> bool:
        """Try once more those photos that could not be copied, now that all others were."""
        photos = self._troubles.photos_due()[:_PHOTOS_AT_ONCE]
        for photo in photos:
            self._copy_all(self._store.bucket.photos([photo]), is_again=True)
            self._troubles.settled(photo)  # or it is not wanted any more
        return bool(photos)

    def _copy_all(self, photos: Collection[Wanted], *, is_again: bool = False) -> None:
        copies: dict[str, Copy] = {}
        for photo in photos:
            copy = self._planned(photo, copies)
            if copy is not None:
                copies[copy.key] = copy
        if not copies:
            return
        self._require_photos()
        self._store.bucket.begin(copies.values())
        for copy in copies.values():
            assert self._photos is not None
            assert copy.photo is not None
            if is_again or not self._troubles.knows(copy.photo):
                self._send(self._photos, copy, copy.sha256)
        self._require_photos()  # else what was gone may be there

    def _require_photos(self) -> None:
        self._sources.require_photos(self._store.facts.get(PRESENCE))

    def _planned(self, photo: Wanted, others: Collection[str]) -> Copy | None:
        """The copy that a photo is to have; None where it has it."""
        own = key_of(photo)
        beside = (key_beside(own, number) for number in count(photo.photo))
        key = next(
            key
            for key in chain([own], beside)
            if key not in others and not self._store.bucket.is_taken(key, photo.photo)
        )
        known = self._store.bucket.of_photo(photo.photo)
        wanted = Copy(key, photo.photo, photo.place, photo.sha256, is_stripped=self._sources.strips)
        return None if known and _is_as_wanted(known, wanted) else wanted

    # --- sending ---------------------------------------------------------------------------------

    def _send(self, tree: Tree, copy: Copy, sha256: str = "") -> None:
        """Send a file unless the same is there already, and note that it has arrived.

        sha256: what a photo's must be; another file at its place is not sent for it.
        """

        def is_wanted(read: Read) -> bool:
            return read.sha256 == sha256 if copy.photo is not None else read.sha256 != copy.sha256

        try:
            read = read_and_send(tree, copy.place, is_wanted, partial(self._put, copy))
        except TransientError as exc:
            self._troubles.failed(copy, problem_of(exc))
            raise
        self._troubles.settled(copy.key)
        if read is None or (copy.photo is not None and read.sha256 != sha256):
            log.info("copy_put_off", key=copy.key, place=as_text(copy.place))
            return
        copy = replace(copy, size_bytes=read.size_bytes, mtime_ns=read.mtime_ns)
        sent, kept = ("", read.sha256) if read.is_kept_home else (read.sha256, "")
        self._store.bucket.arrived(replace(copy, sha256=sent, kept_home=kept))

    def _put(self, copy: Copy, content: bytes | BufferedReader, read: Read) -> Read:
        if copy.photo is None:
            self._store.bucket.begin([copy])
        made = None
        if copy.is_stripped:
            try:
                made = strip(content, self._sources.most_bytes)
            except PhotoError as exc:
                self._keep_home(copy, str(exc))
                return replace(read, is_kept_home=True)
        about = about_of(copy, read, made)
        self._bucket.put(f"{self._station}/{copy.key}", made.content if made else content, about)
        return replace(read, size_bytes=len(made.content)) if made else read

    def _keep_home(self, copy: Copy, why: str) -> None:
        """A photo that cannot be had without metadata stays; a copy of before with it goes."""
        self._bucket.delete([f"{self._station}/{copy.key}"])
        log.info("copy_kept_home", key=copy.key, place=as_text(copy.place), why=why)


def _is_as_wanted(known: Copy, wanted: Copy) -> bool:
    is_so = (known.key, known.place, known.is_stripped)
    is_same = is_so == (wanted.key, wanted.place, wanted.is_stripped)
    return is_same and wanted.sha256 in (known.sha256, known.kept_home)
