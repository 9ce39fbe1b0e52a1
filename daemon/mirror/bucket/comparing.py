"""Comparing what lies in a bucket with what is known of it, key by key in one pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from daemon.folders.forgotten import Forgotten, content_mark
from daemon.mirror.bucket.beside import hashes_of
from daemon.mirror.bucket.client import Bucket, ListingRefused, NoObject
from daemon.mirror.bucket.forgetting import ListDamaged, forget_again_by
from daemon.store import Store

_ASKED_AT_ONCE = 20


def compared(store: Store, bucket: Bucket, station: str, forgotten: Forgotten) -> Iterator[None]:
    """Compare it in steps: what is not there as it was sent is not known any more.

    What is there of what was forgotten goes; by the list there, too, which is taken in before.
    Raises BucketFailed; ListingRefused where what is listed cannot be compared; RefusedError where
    no list is whole that tells what was forgotten.
    """
    try:
        forget_again_by(forgotten, bucket, station, store)
    except ListDamaged:
        if not len(forgotten):
            raise
    after = ""
    for piece in bucket.listed(station):
        sizes = _of_station(store, station, piece)
        if not sizes:
            continue
        if [after, *sizes] != sorted([after, *sizes], key=str.encode):
            raise ListingRefused(
                f"{bucket.address} lists its objects in no order, so that nothing can be "
                "compared; use storage that does as S3"
            )
        after, before = max(sizes, key=str.encode), after
        strange = store.bucket.compare(before, after, sizes)
        yield
        if len(forgotten):
            yield from _forget_again(bucket, station, forgotten, strange)
    store.bucket.compare(after, None, {})


def is_forgotten(forgotten: Forgotten, about: Mapping[str, str]) -> bool:
    """Whether what was forgotten is what an object is, or was made of."""
    return any(forgotten.knows(content_mark(one)) for one in hashes_of(about))


def _of_station(store: Store, station: str, piece: Mapping[str, int]) -> dict[str, int]:
    """Sizes by key below the station's; without the markers that some tools make for folders."""
    begin = f"{station}/"
    below = {key.removeprefix(begin): size for key, size in piece.items() if key.startswith(begin)}
    return {key: size for key, size in below.items() if size or store.bucket.is_known(key)}


def _forget_again(
    bucket: Bucket, station: str, forgotten: Forgotten, strange: Sequence[str]
) -> Iterator[None]:
    """Delete what was forgotten, where an older database does not know that it is there.

    Whatever else nobody knows stays.
    """
    for asked, key in enumerate(strange, 1):
        with suppress(NoObject):  # it was deleted meanwhile
            about = bucket.about(f"{station}/{key}")
            if is_forgotten(forgotten, about):
                bucket.delete([f"{station}/{key}"])
        if asked % _ASKED_AT_ONCE == 0:
            yield
