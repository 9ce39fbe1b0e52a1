"""What was forgotten, as the bucket knows it: its list is taken in before anything goes by ours.

Each box has one list there. It is a box's memory of what must not come back, so that neither a
damaged one nor one that knows less may take its place.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from hashlib import sha256

from config.errors import RefusedError
from daemon.folders.forgotten import Forgotten
from daemon.mirror.bucket.client import Bucket, NoObject
from daemon.mirror.bucket.sources import FORGOTTEN
from daemon.store import Store
from daemon.store.facts import FORGOTTEN_CAME


class ListDamaged(RefusedError):
    """The list in the bucket is none, or not what was sent."""


def take_in(
    forgotten: Forgotten, bucket: Bucket, station: str, note: Callable[[int], None] = lambda _: None
) -> bool:
    """Note what the list there tells, too; False where there is none.

    note: told, before ours grows by it, how many digests that will then hold.
    Raises ListDamaged, BucketFailed; RefusedError where the own one is damaged, TransientError
    where it cannot be read or written.
    """
    forgotten.require()
    key = f"{station}/{FORGOTTEN}"
    try:
        about, pieces = bucket.get(key)
        content = b"".join(pieces)
        if sha256(content).hexdigest() != about.get("sha256"):
            raise ValueError("not what was sent")
        if (size := forgotten.size_with(content)) > len(forgotten):
            note(size)
            forgotten.take_in(content)
    except NoObject:
        return False
    except ValueError as exc:
        raise ListDamaged(
            f"{bucket.address}: {key} is damaged, or not what was sent, and what was forgotten "
            "would come back; put a right copy of it into state_dir and delete it there, or have "
            "all come back by deleting it there alone; then ask again"
        ) from exc
    return True


def forget_again_by(forgotten: Forgotten, bucket: Bucket, station: str, store: Store) -> None:
    """As `take_in`; what the list there alone tells is soon forgotten here, too."""
    take_in(forgotten, bucket, station, partial(store.facts.remember, FORGOTTEN_CAME))
