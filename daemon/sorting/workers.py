"""Examining photos: a micro-batch of queued files in, verdicts out.

Each file's bytes are read once, for its hash, its validity and its pixels. A worker is a thread
that leases a copy of the model for each micro-batch; reading, hashing, decoding and the model all
release the GIL.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from types import MappingProxyType

from classifier.classifier import MODEL_BATCH
from classifier.pixels import Picture, decode
from config.errors import NightsortError, PhotoBusy, PhotoError, PhotoProblem, TransientError
from daemon.domain.failures import reading_failed
from daemon.domain.photos import Photo
from daemon.domain.sorting import Examined, JudgedAhead, Returned, Setback
from daemon.folders.machine import lower_priority
from daemon.folders.open_writers import file_has_writers, has_writers
from daemon.folders.photo_files import Limits, read_photo, require_answer
from daemon.folders.tree import Tree, fingerprint_of
from daemon.reporting.kept_pictures import KEPT_SIDE, KeptPictures
from daemon.sorting.model_slot import Classifying, ModelSlot

# Gives the return id on a label: of a photo's path, its bytes, and what was decoded of it.
LabelOf = Callable[[str, bytes, Picture], str]
_NOTHING_KNOWN: Mapping[int, JudgedAhead] = MappingProxyType({})


def no_label(_path: str, _data: bytes, _picture: Picture) -> str:
    """For photos whose labels are not read."""
    return ""


class Workers:
    """Threads that examine micro-batches; `examine` hands one over and returns at once."""

    def __init__(
        self,
        incoming: Tree,
        slot: ModelSlot,
        limits: Limits,
        count: int,
        label_of: LabelOf = no_label,
        pictures: KeptPictures | None = None,
        mark: str = "",
    ) -> None:
        """count: as many as the slot has copies for; label_of: reads the id off a label.

        pictures: where small ones are kept of what people may want to see. mark: what else than
        model and limits the findings depend on.
        """
        self._mark = mark
        self.count = count
        self._pictures = pictures
        self._label_of = label_of
        self._incoming = incoming
        self.slot = slot
        self._limits = limits
        # By thread: when it last began something, for those that are at work (monotonic).
        self._began: dict[int, float] = {}
        self._pool = ThreadPoolExecutor(count, "worker")
        self._ahead = ThreadPoolExecutor(1, "look-ahead", initializer=lower_priority)

    def examine(
        self, batch: Sequence[Photo], known: Mapping[int, JudgedAhead] = _NOTHING_KNOWN
    ) -> Future[list[Examined | Returned]]:
        """Examine a micro-batch in one of the threads.

        known: verdicts that were given ahead, by the photo's number. Such a photo is not read: what
        was touched since is to come again, in a micro-batch as small as those of any photos.
        """
        return self._pool.submit(self._examine, batch, known)

    def look_ahead(self, batch: Sequence[Photo]) -> Future[LookedAhead]:
        """Examine a few photos in a thread of low priority; not while a run is under way."""
        return self._ahead.submit(self._look_ahead, batch)

    def mark(self) -> str:
        """Of all that findings depend on beside the photo, as it is now."""
        about = repr((self.slot.model.mark, self._limits, self._mark))
        return hashlib.sha256(about.encode()).hexdigest()[:16]

    def silent_seconds(self) -> float:
        """How long the slowest thread has been at one step: one photo, or one call of the model."""
        return time.monotonic() - min(list(self._began.values()), default=time.monotonic())

    def stop(self) -> None:
        """Finish what is in hand and end the threads."""
        self._pool.shutdown()
        self._ahead.shutdown()

    def _look_ahead(self, batch: Sequence[Photo]) -> LookedAhead:
        began = time.monotonic()
        found = self._examine(batch, _NOTHING_KNOWN)
        return LookedAhead(found, time.monotonic() - began)

    def _examine(
        self, batch: Sequence[Photo], known: Mapping[int, JudgedAhead]
    ) -> list[Examined | Returned]:
        try:
            with self.slot.lease() as model, self._incoming.held():
                return self._judge(batch, model, known)
        finally:
            self._began.pop(threading.get_ident(), None)

    def _judge(
        self, batch: Sequence[Photo], model: Classifying, known: Mapping[int, JudgedAhead]
    ) -> list[Examined | Returned]:
        seen: list[Examined | Returned | _Failed] = []
        # A few at a time: what was decoded stays in memory no longer than it is needed.
        for at in range(0, len(batch), MODEL_BATCH):
            some: list[_Decoded | Examined | Returned | _Failed] = []
            for photo in batch[at : at + MODEL_BATCH]:
                if (judged := known.get(photo.id)) is None:
                    some.append(self._read(photo, model.input_size))
                else:
                    some.append(self._recall(photo, judged) or Returned(photo, Setback.OUTDATED))
            seen += self._classified(some, model)
        return self._told_apart(seen)

    def _recall(self, photo: Photo, judged: JudgedAhead) -> Examined | None:
        """What was found ahead, if the photo lies there as it did then and nobody writes to it."""
        self._begin()
        try:
            descriptor = self._incoming.open_file(photo.path)
        except (OSError, NightsortError):
            return None  # reading it will say what is wrong
        try:
            seen = fingerprint_of(os.fstat(descriptor))
            if seen != judged.fingerprint or seen.ctime_ns != judged.fingerprint.ctime_ns:
                return None
            return None if has_writers(descriptor) else judged.of(photo)
        except OSError:
            return None
        finally:
            os.close(descriptor)

    def _classified(
        self, seen: Sequence[_Decoded | Examined | Returned | _Failed], model: Classifying
    ) -> Iterator[Examined | Returned | _Failed]:
        ready = [look for look in seen if isinstance(look, _Decoded)]
        self._begin()
        verdicts = iter(model.classify([look.picture for look in ready]) if ready else [])
        for look in seen:
            if not isinstance(look, _Decoded):
                yield look
                continue
            verdict = next(verdicts)
            if self._pictures is not None:
                self._pictures.keep(look.examined.sha256, look.picture, verdict)
            yield replace(look.examined, verdict=verdict, model=model.title)

    def _begin(self) -> None:
        self._began[threading.get_ident()] = time.monotonic()

    def _told_apart(
        self, seen: Sequence[Examined | Returned | _Failed]
    ) -> list[Examined | Returned]:
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
        except PhotoBusy as exc:  # neither the share's fault nor the photo's, however long it takes
            return Returned(photo, Setback.FAILED, str(exc))
        except TransientError as exc:
            return _Failed(photo, exc)
        except PhotoError as exc:
            return replace(unread, problem=exc.problem, problem_text=exc.text)
        if seen != photo.fingerprint:
            return Returned(photo, Setback.CHANGED)
        read = replace(unread, fingerprint=seen, sha256=hashlib.sha256(data).hexdigest())
        return self._decode(read, data, size)

    def _decode(self, read: Examined, data: bytes, size: tuple[int, int]) -> _Decoded | Examined:
        if not data and file_has_writers(self._incoming, read.photo.path) is False:
            return replace(read, problem=PhotoProblem.CORRUPT, problem_text=_EMPTY)
        try:
            picture = decode(
                data,
                size=size,
                max_megapixels=self._limits.max_megapixels,
                keep_side=0 if self._pictures is None else KEPT_SIDE,
            )
        except PhotoError as exc:
            if self._pictures is not None:
                self._pictures.keep_remains(
                    read.sha256, data, exc.problem, self._limits.max_megapixels
                )
            return replace(read, problem=exc.problem, problem_text=exc.text)
        label = self._label_of(read.photo.path, data, picture)
        return _Decoded(replace(read, label=label), picture)


_EMPTY = "The file is empty, and nobody is writing to it; copy it or take the photo again."


@dataclass(frozen=True, slots=True)
class LookedAhead:
    """What was found in photos ahead of their run, and how long that took."""

    found: list[Examined | Returned]
    seconds: float


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
