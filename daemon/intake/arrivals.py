"""Arrivals: photos that people and programs send are put into incoming, each whole or not at all.

They come in under a free name, never in place of another file, and are admitted at once, as nobody
writes to them any more; who sent each stays with it. Whether they can be decoded, who sends them
has looked at: here only what begins as a photo does is taken, by its content.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress

import structlog

from classifier.containers import Format, recognise
from config.errors import PhotoError, TransientError
from daemon.domain.clock import Clock
from daemon.domain.orders import (
    Code,
    Given,
    Receive,
    Speaker,
)
from daemon.domain.photo_names import has_photo_extension
from daemon.domain.photos import Sighting, as_text
from daemon.domain.sent import NotTaken, Received, ReceivedAnswer, SentFile
from daemon.folders.contents import copy_bytes, drop, sync_folder
from daemon.folders.names import numbered, plain_name, safe_name
from daemon.folders.os_errors import telling
from daemon.folders.own_files import PRIVATE_PREFIX, RESERVATION
from daemon.folders.renaming import CREATE, IMPOSSIBLE_NAME, Entry, rename_new
from daemon.folders.spooled import open_spooled, too_large
from daemon.folders.tree import Tree
from daemon.intake.screening import Screening
from daemon.store import Store

log = structlog.get_logger()

# Under these names photos are written until they are whole; nobody takes them for photos.
PARTIAL = re.compile(re.escape(PRIVATE_PREFIX) + r"-sent-[0-9a-f]{16}\.part")
# So many bytes say what a file is.
_HEAD_BYTES = 4096
# Phones call every photo `image.jpg`: after these a number is drawn.
_NUMBERED = 20
# What a reservation holds on disks that know no other way to rename.
_MARK = RESERVATION + b"that was sent.\n"
_EXTENSIONS = {Format.JPEG: ".jpg", Format.MPO: ".jpg", Format.TIFF: ".tif"}


class Arrivals:
    """Takes in what was sent. For the thread that admits photos."""

    def __init__(
        self,
        state: Tree,
        incoming: Tree,
        store: Store,
        max_file_bytes: int,
        screening: Screening,
        clock: Clock,
    ) -> None:
        """state: the folder in which the page has its spool. screening: of names in incoming."""
        self._state = state
        self._incoming = incoming
        self._store = store
        self._max_file_bytes = max_file_bytes
        self._screening = screening
        self._clock = clock
        self._is_swept = False

    def carry_out(self, given: Given) -> ReceivedAnswer:
        """Carry out `Receive`. Raises TransientError as `take`."""
        assert isinstance(given.order, Receive)
        return self.take(given.order.files, given.by)

    def take(self, files: Sequence[SentFile], by: Speaker) -> ReceivedAnswer:
        """Put them into incoming; one that is refused keeps no other from it.

        Raises TransientError when folder or disk fail before anything was taken.
        """
        self._sweep()
        received: list[Received] = []
        refused: list[NotTaken] = []
        for number, file in enumerate(files):
            try:
                received.append(self._take(file, by))
            except PhotoError as exc:
                refused.append(NotTaken(file.name, exc.problem, exc.text))
            except TransientError as exc:
                if not received:
                    raise
                why = str(exc)
                refused += [NotTaken(one.name, Code.UNAVAILABLE, why) for one in files[number:]]
                break
        return ReceivedAnswer(tuple(received), tuple(refused))

    def _take(self, file: SentFile, by: Speaker) -> Received:
        source = open_spooled(self._state, file.spooled)
        try:
            kind = recognise(os.pread(source, _HEAD_BYTES, 0))
            name = arrival_name(file.name, kind, self._screening)
            with self._incoming.folder() as folder:
                with telling(self._incoming.full(name)):
                    name = self._bring(source, Entry(folder, name))
                self._settle(folder, name)
        finally:
            os.close(source)
        self._admit(name, by)
        log.info("photo_received", name=as_text(name), by=by.person, via=by.via)
        return Received(file.name, as_text(name))

    def _settle(self, folder: int, name: str) -> None:
        """It has its name, whatever follows."""
        try:
            sync_folder(folder)
        except OSError as exc:
            why = exc.strerror or str(exc)
            log.warning("photo_received_unnoted", name=as_text(name), why=why)

    def _admit(self, name: str, by: Speaker) -> None:
        """It is in incoming, whatever follows: where this fails, the next look finds it."""
        try:
            seen = self._incoming.seen(name)
            if seen is not None:  # else somebody has taken it away already
                self._store.admissions.admit_sent(Sighting(name, seen), self._clock.now(), by)
        except TransientError as exc:
            log.warning("photo_received_unnoted", name=as_text(name), why=str(exc))

    def _bring(self, source: int, wanted: Entry) -> str:
        """Copy the open file aside, durably, then give it a name; returns that."""
        partial = Entry(wanted.folder, f"{PRIVATE_PREFIX}-sent-{secrets.token_hex(8)}.part")
        copy = os.open(partial.name, CREATE, 0o666, dir_fd=partial.folder)
        try:
            try:
                place = self._incoming.full(wanted.name)
                copy_bytes(source, "what was sent", copy, place, self._max_file_bytes)
                os.fsync(copy)
                size_bytes = os.fstat(copy).st_size
            finally:
                os.close(copy)
            if size_bytes > self._max_file_bytes:
                raise too_large(self._max_file_bytes)
            name = rename_free(partial, wanted)
        except BaseException:
            with suppress(OSError):
                drop(partial)
            raise
        return name

    def _sweep(self) -> None:
        """Once: remove what a process left that was killed while it wrote."""
        if self._is_swept:
            return
        left = [name for name in self._incoming.names() if PARTIAL.fullmatch(name)]
        with self._incoming.folder() as folder:
            for name in left:
                with suppress(OSError):
                    drop(Entry(folder, name))
        self._is_swept = True


def arrival_name(sent: str, kind: Format, screening: Screening) -> str:
    """What a photo is called in incoming: as its sender calls it, where that is a photo's name.

    Never a path; never what the watcher would pass over, as `[intake] ignore` or its own rules say.
    """
    extension = _EXTENSIONS.get(kind, f".{kind.lower()}")
    # Some browsers send the whole path, with either slash; a name that begins with a dot is hidden.
    last = re.split(r"[/\\]", sent)[-1].lstrip(". ")
    name = safe_name(last) if last else ""
    if not has_photo_extension(name):
        name = safe_name(f"{name or 'photo'}{extension}")
    return f"photo{extension}" if screening.is_junk(name) else name


def rename_free(partial: Entry, wanted: Entry) -> str:
    """Give a file the name that is wanted, or one told apart from its twins; returns the name.

    Raises OSError.
    """
    names, name = _names(wanted.name), wanted.name
    while True:
        try:
            rename_new(partial, Entry(wanted.folder, name), _MARK, lambda _: None)
        except FileExistsError:
            name = next(names)
        except OSError as exc:
            plain = plain_name(1, wanted.name)
            if exc.errno not in IMPOSSIBLE_NAME or wanted.name == plain:
                raise
            return rename_free(partial, Entry(wanted.folder, plain))
        else:
            return name


def _names(name: str) -> Iterator[str]:
    for number in range(2, _NUMBERED):
        yield numbered(name, number)
    while True:
        yield numbered(name, secrets.randbelow(1_000_000_000))
