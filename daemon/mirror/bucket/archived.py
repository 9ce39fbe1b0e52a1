"""Photos of an archive that lie in a bucket: listed as a stream, and read, by whoever has the time.

A bucket that stutters is asked again. A listing goes on behind the last key that it told, so that
none is left out and none told twice; an object is read anew from its beginning.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, TypeVar

from classifier.archive.listing import Named, NoArchive
from classifier.archive.reading import IN_BUCKET
from config.errors import PhotoError, PhotoProblem, RefusedError
from config.readable import plain
from config.settings import Settings, load
from daemon.mirror.bucket.client import (
    Address,
    Bucket,
    BucketFailed,
    BucketRefused,
    ListingRefused,
    NoObject,
    ObjectCold,
    access_key,
    opened,
    require_installed,
)

PATIENCE_SECONDS = 120.0  # with a bucket that fails all that time
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.2, 15.0

_PLAIN = re.compile(r"[A-Za-z0-9/._-]+").fullmatch

T = TypeVar("T")


class Place(NamedTuple):
    """Where in which bucket."""

    bucket: str
    key: str  # of an object, or what is like a folder

    @classmethod
    def of(cls, path: str) -> Place:
        """As it was named: s3://BUCKET/KEY. Raises NoArchive."""
        bucket, _, key = path.removeprefix(IN_BUCKET).partition("/")
        if not bucket:
            raise NoArchive(f"{plain(path)}: names no bucket; write s3://BUCKET/PREFIX")
        return cls(bucket, key.strip("/"))

    def path(self, key: str) -> str:
        """Of an object of that bucket."""
        return f"{IN_BUCKET}{self.bucket}/{key}"


@dataclass(frozen=True, slots=True)
class BucketPhotos:
    """Reads photos in buckets, in whatever process; secrets are looked up where it reads.

    config_file: the settings, as that process sees them.
    """

    config_file: str | None
    patience_seconds: float = PATIENCE_SECONDS

    def read(self, path: str, max_bytes: int) -> bytes:
        """A photo's bytes. Raises PhotoError, BucketFailed where the bucket is away for long."""
        place = Place.of(path)
        bucket = _kept(self.config_file, place.bucket)
        try:
            return patiently(lambda: _whole(bucket, place.key, max_bytes), self.patience_seconds)
        except NoObject as exc:
            raise PhotoError(PhotoProblem.UNREADABLE, "It is not there any more.") from exc
        except ObjectCold as exc:
            raise PhotoError(PhotoProblem.UNREADABLE, "It must be thawed first.") from exc


def bucket_of(settings: Settings, path: str) -> Bucket:
    """The whole bucket in which that lies.

    Raises RefusedError where no key is named, BucketRefused where obstore is missing, ConfigError.
    """
    require_installed()
    keyed = settings.archive if settings.archive.has_key else settings.mirror
    if keyed.bucket_key is None and keyed.bucket_credential is None:
        raise RefusedError(
            f"{plain(path)}: there is no access key for it; set NIGHTSORT_ARCHIVE__BUCKET_KEY to "
            "ID:SECRET, or [archive] bucket_credential"
        )
    address = Address(Place.of(path).bucket, "", keyed.endpoint, keyed.region)
    return opened(address, access_key(keyed))


def photos_in(
    bucket: Bucket,
    path: str,
    *,
    is_photo: Named,
    is_junk: Named,
    patience_seconds: float = PATIENCE_SECONDS,
) -> Iterator[str]:
    """The photos at a place in a bucket: below it, or the one that it names.

    Raises NoArchive where there is nothing at all, BucketFailed, RefusedError.
    """
    place, is_empty = Place.of(path), True
    for key in _keys(bucket, place.key, patience_seconds):
        is_empty = False
        *folders, name = key.removeprefix(place.key).strip("/").split("/")
        if is_photo(name) and not any(map(is_junk, folders)):
            yield place.path(key)
    if is_empty:
        if not place.key or not patiently(lambda: _is_there(bucket, place.key), patience_seconds):
            raise NoArchive(f"{plain(path)}: nothing lies there; check bucket and prefix")
        yield place.path(place.key)


def _keys(bucket: Bucket, below: str, patience_seconds: float) -> Iterator[str]:
    listing = _Listing(bucket, below)
    while piece := patiently(listing.piece, patience_seconds):
        yield from piece


class _Listing:
    """The keys below one, which go on after a failure where they were."""

    def __init__(self, bucket: Bucket, below: str) -> None:
        self._bucket = bucket
        self._below = below
        self._pieces: Iterator[dict[str, int]] | None = None
        self._at = ""  # where this listing is
        self._last = ""  # that was told
        self._last_plain: str | None = None  # servers disagree how others are signed

    def piece(self) -> list[str]:
        """The keys that follow, a thousand or so; none at the end. Raises BucketFailed."""
        while True:
            piece = self._next()
            if piece is None:
                return []
            self._require_order(piece)
            if new := [key for key in piece if key.encode() > self._last.encode()]:
                self._last = new[-1]
                self._last_plain = max(filter(_PLAIN, new), default=self._last_plain)
                return new

    def _require_order(self, piece: Mapping[str, int]) -> None:
        """Keys that come behind greater ones would pass for told."""
        if [self._at, *piece] != sorted([self._at, *piece], key=str.encode):
            raise RefusedError(
                f"{self._bucket.address} lists its objects in no order, so that some could be left "
                "out; use storage that does as S3, or copy the photos to a folder first"
            )
        self._at = max(piece, key=str.encode, default=self._at)

    def _next(self) -> dict[str, int] | None:
        if self._pieces is None:
            self._pieces, self._at = self._bucket.listed(self._below, self._last_plain), ""
        try:
            return next(self._pieces, None)
        except ListingRefused as exc:
            said = str(exc).partition(";")[0]
            raise RefusedError(f"{said}; rename that object, and call again") from exc
        except BucketFailed:
            self._pieces = None
            raise


def _is_there(bucket: Bucket, key: str) -> bool:
    try:
        bucket.about(key)
    except NoObject:
        return False
    return True


def _whole(bucket: Bucket, key: str, max_bytes: int) -> bytes:
    content = bytearray()
    for piece in bucket.get(key)[1]:
        content += piece
        if len(content) > max_bytes:
            raise PhotoError(
                PhotoProblem.TOO_LARGE,
                f"The file is larger than the {max_bytes / 1e6:.0f} MB that are allowed.",
            )
    return bytes(content)


@lru_cache(maxsize=8)
def _kept(config_file: str | None, bucket: str) -> Bucket:
    """Connections are kept as long as the process is there."""
    settings = load(None if config_file is None else Path(config_file))
    return bucket_of(settings, f"{IN_BUCKET}{bucket}")


def patiently(ask: Callable[[], T], seconds: float) -> T:
    """What a bucket answers, asked again while it fails. Raises BucketFailed after that time."""
    deadline, pause = time.monotonic() + seconds, _FIRST_PAUSE_SECONDS
    while True:
        try:
            return ask()
        except (BucketRefused, NoObject):
            raise
        except BucketFailed:
            if time.monotonic() + pause > deadline:
                raise
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
