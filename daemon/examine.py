"""Examining photos: a micro-batch of queued files in, verdicts out.

Each file's bytes are read once, for its hash, its validity and its pixels. A worker is a thread
with an interpreter of its own; reading, hashing, decoding and the model all release the GIL.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import Protocol

from classifier.pixels import Picture, decode
from classifier.verdict import Verdict
from config.errors import ModelError, PhotoError, PhotoProblem, SelfTestFailed, TransientError
from config.settings import IntakeSettings
from daemon.failures import reading_failed
from daemon.records import Examined, Fingerprint, Photo, Returned, Setback
from daemon.tree import ABSENT, Tree, fingerprint_of, split
from daemon.trouble import REFUSED, trouble
from daemon.writers import file_has_writers


class Classifying(Protocol):
    """What a worker needs of the classifier."""

    @property
    def input_size(self) -> tuple[int, int]:
        """Width and height of the pixels it takes."""

    def classify(self, pictures: Sequence[Picture]) -> list[Verdict]:
        """Judge pictures, one verdict each."""

    def self_test(self) -> None:
        """Raise ModelError unless it answers as it should."""

    def spare(self) -> Classifying:
        """Another one for another thread."""


@dataclass(frozen=True, slots=True)
class Limits:
    """From which size on a file is not read, and a picture not decoded."""

    max_file_bytes: int
    max_megapixels: float

    @classmethod
    def from_settings(cls, intake: IntakeSettings) -> Limits:
        """The limits that are set."""
        return cls(int(intake.max_file_mb * 1e6), intake.max_megapixels)


def usable_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


class Workers:
    """Threads that examine micro-batches; `examine` hands one over and returns at once."""

    def __init__(self, incoming: Tree, classifier: Classifying, limits: Limits, count: int) -> None:
        self.count = count
        self._incoming = incoming
        self._limits = limits
        self._spares = [classifier, *(classifier.spare() for _ in range(count - 1))]
        self._own = threading.local()
        # By thread: when it last began something, for those that are at work (monotonic).
        self._began: dict[int, float] = {}
        self._pool = ThreadPoolExecutor(count, "worker", initializer=self._take_spare)
        self._all_at_it = threading.Barrier(count)

    def examine(self, batch: Sequence[Photo]) -> Future[list[Examined | Returned]]:
        """Examine a micro-batch in one of the threads."""
        return self._pool.submit(self._examine, batch)

    def self_test(self) -> None:
        """Have every worker's model take its self-test; none may be at work.

        Raises SelfTestFailed when one of them does not answer as it should.
        """
        tests = [self._pool.submit(self._self_test) for _ in range(self.count)]
        wait(tests)
        try:
            for test in tests:
                test.result()
        except ModelError as exc:
            raise SelfTestFailed(str(exc)) from exc

    def silent_seconds(self) -> float:
        """How long the slowest thread has been at one step: one photo, or one call of the model."""
        return time.monotonic() - min(list(self._began.values()), default=time.monotonic())

    def stop(self) -> None:
        """Finish what is in hand and end the threads."""
        self._pool.shutdown()

    def _take_spare(self) -> None:
        self._own.classifier = self._spares.pop()

    def _self_test(self) -> None:
        self._all_at_it.wait()  # so that no thread takes the test of another
        self._begin()
        try:
            self._own.classifier.self_test()
        finally:
            self._began.pop(threading.get_ident(), None)

    def _examine(self, batch: Sequence[Photo]) -> list[Examined | Returned]:
        try:
            return self._judge(batch)
        finally:
            self._began.pop(threading.get_ident(), None)

    def _judge(self, batch: Sequence[Photo]) -> list[Examined | Returned]:
        classifier: Classifying = self._own.classifier
        seen = [self._read(photo, classifier.input_size) for photo in batch]
        found = self._told_apart(seen)
        ready = [look for look in found if isinstance(look, _Decoded)]
        self._begin()
        verdicts = iter(classifier.classify([look.picture for look in ready]))
        return [
            replace(look.examined, verdict=next(verdicts)) if isinstance(look, _Decoded) else look
            for look in found
        ]

    def _begin(self) -> None:
        self._began[threading.get_ident()] = time.monotonic()

    def _told_apart(
        self, seen: Sequence[_Decoded | Examined | Returned | _Failed]
    ) -> list[_Decoded | Examined | Returned]:
        """Say of what could not be read whether the photo or the share is to blame.

        Raises TransientError when it is the share: then no photo of the batch is.
        """
        failed = [look for look in seen if isinstance(look, _Failed)]
        if failed and len(failed) == len(seen) > 1:
            raise failed[0].error
        for look in failed:
            require_answer(self._incoming, look.photo.path)
        return [
            reading_failed(look.photo, look.error) if isinstance(look, _Failed) else look
            for look in seen
        ]

    def _read(
        self, photo: Photo, size: tuple[int, int]
    ) -> _Decoded | Examined | Returned | _Failed:
        self._begin()
        unread = Examined(photo, photo.fingerprint, sha256="", verdict=None)
        try:
            data, seen = read_photo(self._incoming, photo.path, self._limits.max_file_bytes)
        except FileNotFoundError:
            return Returned(photo, Setback.GONE)
        except TransientError as exc:
            return _Failed(photo, exc)
        except PhotoError as exc:
            return replace(unread, problem=exc.problem, problem_text=exc.text)
        if seen != photo.fingerprint:
            return Returned(photo, Setback.CHANGED)
        read = replace(unread, sha256=hashlib.sha256(data).hexdigest())
        return self._decode(read, data, size)

    def _decode(self, read: Examined, data: bytes, size: tuple[int, int]) -> _Decoded | Examined:
        if not data and file_has_writers(self._incoming, read.photo.path) is False:
            return replace(read, problem=PhotoProblem.CORRUPT, problem_text=_EMPTY)
        try:
            picture = decode(data, size=size, max_megapixels=self._limits.max_megapixels)
        except PhotoError as exc:
            return replace(read, problem=exc.problem, problem_text=exc.text)
        return _Decoded(read, picture)


_EMPTY = "The file is empty, and nobody is writing to it; copy it or take the photo again."


@dataclass(frozen=True, slots=True)
class _Decoded:
    """A photo on its way to the model."""

    examined: Examined
    picture: Picture


@dataclass(frozen=True, slots=True)
class _Failed:
    """A photo that could not be read now, through its own fault or the share's."""

    photo: Photo
    error: TransientError


def require_answer(tree: Tree, path: str) -> None:
    """Look into the folder of `path`; raises TransientError when it does not answer."""
    try:
        with tree.folder(split(path)[0]) as folder, os.scandir(folder) as entries:
            next(entries, None)
    except OSError as exc:
        if exc.errno not in ABSENT | REFUSED:
            raise trouble(exc, tree.full(path)) from exc


def read_photo(tree: Tree, path: str, max_bytes: int) -> tuple[bytes, Fingerprint]:
    """The bytes of a photo, and the fingerprint under which they were read.

    Raises PhotoError when it is too large or no file to read, FileNotFoundError when it is gone,
    TransientError when the folder does not answer.
    """
    descriptor = tree.open_file(path)
    try:
        seen = fingerprint_of(os.fstat(descriptor))
        if seen.size_bytes > max_bytes:
            raise PhotoError(
                PhotoProblem.TOO_LARGE,
                f"The file is {seen.size_bytes / 1e6:.0f} MB, more than the "
                f"{max_bytes / 1e6:.0f} MB that are allowed; save it smaller, or raise "
                "intake.max_file_mb.",
            )
        data = _read_all(descriptor, seen.size_bytes)
    except OSError as exc:
        raise trouble(exc, tree.full(path)) from exc
    finally:
        os.close(descriptor)
    return data, seen


def _read_all(descriptor: int, size_bytes: int) -> bytes:
    """Read up to `size_bytes`; a file that became shorter gives what there is."""
    pieces = []
    missing = size_bytes
    while missing > 0 and (piece := os.read(descriptor, missing)):
        pieces.append(piece)
        missing -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
