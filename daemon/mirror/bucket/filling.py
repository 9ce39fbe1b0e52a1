"""Copying everything on demand, and how far the bucket is, for who asks without the thread."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from typing_extensions import TypedDict

from config.settings import Settings
from daemon.domain.clock import Clock
from daemon.domain.status import BucketStatus
from daemon.mirror.bucket.client import BucketRefused, connect
from daemon.mirror.bucket.thread import copier_of
from daemon.store import Store
from daemon.store.bucket_copies import BUCKET, BUCKET_FILL

Advance = Callable[[int, int], None]


class BucketDocument(TypedDict):
    """How far the bucket is, as `mirror status --json` has it."""

    state: str  # not begun, filling, behind (it fails), catching up, equal
    bucket: str
    copies: int  # that have arrived
    waiting: int  # files and changes, as far as was looked
    why: str | None  # while each attempt fails


def ask_to_fill(state_dir: Path) -> None:
    """Have the service that runs compare and copy everything, beginning within seconds."""
    with closing(Store(state_dir)) as store:
        store.facts.remember(BUCKET_FILL, value=True)


def fill(settings: Settings, store: Store, clock: Clock, advance: Advance) -> int:
    """Compare and copy everything, here and now; returns how many copies there are.

    advance: called with how many there are, and how many are to be. Raises BucketFailed, also
    where all was copied, but could not be compared.
    """
    store.facts.remember(BUCKET_FILL, value=True)
    copier = copier_of(settings, store, connect(settings.mirror), clock)
    while copier.step():
        copies = store.bucket.count()
        advance(copies, copies + copier.waiting)
    if copier.problem:
        raise BucketRefused(copier.problem)
    return store.bucket.count()


def document_of(
    settings: Settings, store: Store, said: BucketStatus | None
) -> BucketDocument | None:
    """How far it is, None where there is to be no bucket. said: what a running daemon says."""
    if settings.mirror.bucket is None:
        return None
    is_there = store.bucket.is_there()
    why = said["why"] if said else None
    waiting = said["waiting"] if said else store.bucket.waiting() if is_there else 0
    state = store.facts.get(BUCKET)
    if why is not None:
        word = "behind"
    elif state is None:
        word = "not begun"
    elif state["filling"] is not None:
        word = "filling"
    else:
        word = "catching up" if waiting else "equal"
    return {
        "state": word,
        "bucket": settings.mirror.bucket,
        "copies": store.bucket.count() if is_there else 0,
        "waiting": waiting,
        "why": why,
    }
