"""Copying everything on demand, and how far the mirror is, for who asks without the thread."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from typing_extensions import TypedDict

from config.errors import RefusedError
from config.mirror import MirrorSettings
from daemon.domain.status import MirrorStatus
from daemon.mirror import promotions
from daemon.mirror.calls import Calls
from daemon.mirror.copier import Copier, state_of
from daemon.mirror.postgres import connect
from daemon.mirror.thread import address_of
from daemon.sorting.versions import Versions
from daemon.store import Store
from daemon.store.mirrored import MIRROR_FILL

Advance = Callable[[int, int], None]


class MirrorDocument(TypedDict):
    """How far the mirror is, as `mirror status --json` has it."""

    state: str  # off, not begun, filling, behind (it fails), catching up, equal
    station: str | None
    waiting: int  # changes to be copied
    filled: int | None  # rows compared and copied so far, while everything is
    rows: int  # in all, here
    why: str | None  # while each attempt fails


def require_wanted(settings: MirrorSettings) -> str:
    """The station's name. Raises RefusedError where there is to be no mirror."""
    if not settings.is_wanted or settings.station is None:
        raise RefusedError(
            "there is no mirror; set [mirror] station, and postgres_credential or bucket"
        )
    return settings.station


def ask_to_fill(state_dir: Path) -> None:
    """Have the service that runs compare and copy everything, beginning within seconds."""
    with closing(Store(state_dir)) as store:
        store.facts.remember(MIRROR_FILL, value=True)


def fill(settings: MirrorSettings, store: Store, state_dir: Path, advance: Advance) -> int:
    """Compare and copy everything, here and now; returns how many rows there are of the history.

    advance: called with how many were copied, and how many there are. Raises MirrorFailed.
    """
    station = require_wanted(settings)
    total = store.mirrored.count()
    store.facts.remember(MIRROR_FILL, value=True)
    with closing(connect(address_of(settings))) as postgres:
        copier = Copier(store, postgres, station)
        while copier.step():
            advance(copier.filling["rows"] if copier.filling else total, total)
        promotions.copy_versions(postgres, station, Versions(state_dir))
        Calls(station, state_dir).step(postgres)
    return total


def document_of(
    settings: MirrorSettings, store: Store, said: MirrorStatus | None
) -> MirrorDocument:
    """How far it is. said: what a running daemon says of it."""
    state, waiting = state_of(store), store.mirrored.waiting()
    filling = state["filling"] if state else None
    why = said["why"] if said else None
    if not settings.has_postgres:
        word = "off"
    elif why is not None:
        word = "behind"
    elif state is None:
        word = "not begun"
    elif filling is not None:
        word = "filling"
    else:
        word = "catching up" if waiting else "equal"
    return {
        "state": word,
        "station": settings.station,
        "waiting": waiting,
        "filled": filling["rows"] if filling else None,
        "rows": store.mirrored.count(),
        "why": why,
    }
