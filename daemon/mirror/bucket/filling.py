"""Copying everything on demand, and how far the bucket is, for who asks without the thread."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

from typing_extensions import TypedDict

from config.errors import TransientError
from config.settings import Settings
from daemon.domain.clock import Clock
from daemon.domain.status import BucketStatus
from daemon.mirror.bucket.client import BucketRefused, connect
from daemon.mirror.bucket.copier import Copier
from daemon.mirror.bucket.thread import copier_of
from daemon.mirror.bucket.troubles import Troubles
from daemon.store import Store
from daemon.store.bucket_copies import BUCKET, BUCKET_FILL

Advance = Callable[[int, int], None]


class BucketDocument(TypedDict):
    """How far the bucket is, as `mirror status --json` has it."""

    state: str  # not begun, filling, behind (it fails), catching up, equal
    bucket: str
    copies: int  # that have arrived
    waiting: int  # files and changes, as far as was looked
    kept_home: int  # photos that cannot be had without metadata
    why: str | None  # while each attempt fails


def ask_to_fill(state_dir: Path) -> None:
    """Have the service that runs compare and copy everything, beginning within seconds."""
    with closing(Store(state_dir)) as store:
        store.facts.remember(BUCKET_FILL, value=True)


def fill(settings: Settings, store: Store, clock: Clock, advance: Advance) -> int:
    """Compare and copy everything, here and now; returns how many copies there are.

    advance: called with how many there are, and how many are to be. Raises BucketFailed; also,
    once all else is done, where a file cannot be copied, or nothing be compared.
    """
    store.facts.remember(BUCKET_FILL, value=True)
    bucket, troubles = connect(settings.mirror), Troubles(clock)
    copier = copier_of(settings, store, bucket, clock, troubles=troubles)
    problem = ""
    while not _go_on(copier, troubles, partial(_tell, store, copier, advance)):
        problem = problem or copier.problem
        copier = copier_of(
            settings,
            store,
            bucket,
            clock,
            is_compared=not copier.is_comparing,
            troubles=troubles,
        )
    if problem := troubles.why or copier.problem or problem:
        raise BucketRefused(problem)
    return store.bucket.count()


def _go_on(copier: Copier, troubles: Troubles, tell: Callable[[], None]) -> bool:
    """Copy until nothing is left; False where one file cannot be, which waits behind the others."""
    failures = troubles.failures
    try:
        while copier.step():
            tell()
    except TransientError:
        if troubles.failures == failures:
            raise
        return False
    return True


def _tell(store: Store, copier: Copier, advance: Advance) -> None:
    copies = store.bucket.count()
    advance(copies, copies + copier.waiting)


def document_of(
    settings: Settings, store: Store, said: BucketStatus | None
) -> BucketDocument | None:
    """How far it is, None where there is to be no bucket. said: what a running daemon says."""
    if settings.mirror.bucket is None:
        return None
    is_there = store.bucket.is_there()
    why = said["why"] if said else None
    waiting = said["waiting"] if said else store.bucket.waiting() if is_there else 0
    waiting += store.bucket.put_off() if is_there else 0
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
        "kept_home": store.bucket.count(at_home=True) if is_there else 0,
        "why": why,
    }
