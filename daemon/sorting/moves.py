"""Journaled moves: recorded before the first byte moves, made, synced, recorded after the last.

Filing and corrections share this way. Each has a journal, its part of the store: what a crash or a
failing disk leaves between the two records, `recovered` finishes or undoes at the next start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

from config.errors import FolderRefused
from daemon.domain.sorting import Move, Placement
from daemon.sorting.filer import Filer

# After these the photo is at its target, or nowhere: there is nothing to take back.
OVER = frozenset({Placement.MOVED, Placement.COPIED, Placement.GONE})


class Planned(Protocol):
    """What is recorded of a move: the move, and why it is made."""

    @property
    def move(self) -> Move:
        """The move itself."""


P = TypeVar("P", bound=Planned)


class Journal(Protocol[P]):
    """Where one kind of move is recorded, durably."""

    def plan(self, wanted: Sequence[P]) -> Sequence[P]:
        """Record what is about to be moved; returns it as it is known from now on."""

    def record(self, ended: Sequence[tuple[P, Placement]]) -> None:
        """Record what became of it; what was not moved is planned no longer."""

    def refused(self, planned: P, error: FolderRefused) -> None:
        """Note that a folder may not be entered; raises `error` where others suffer from it too."""


def carry_out(
    filer: Filer,
    journal: Journal[P],
    wanted: Iterable[P],
    again: Callable[[Sequence[P]], Iterable[P]],
) -> list[tuple[P, Placement]]:
    """Make moves, together; returns how each ended, but those that were refused.

    again: plans anew what lost its name to others meanwhile.
    Raises TransientError when a folder or disk fails: what was under way is left to `recovered`.
    """
    ended: list[tuple[P, Placement]] = []
    waiting = list(wanted)
    while waiting:
        placed = list(_placed(filer, journal, journal.plan(waiting)))
        filer.sync([one.move for one, _ in placed])
        journal.record(placed)
        ended += [(one, how) for one, how in placed if how is not Placement.NAME_TAKEN]
        waiting = list(again([one for one, how in placed if how is Placement.NAME_TAKEN]))
    return ended


def recovered(
    unfinished: Iterable[P],
    filer_of: Callable[[P], Filer],
    refused: Callable[[P, FolderRefused], object],
) -> Iterator[tuple[P, Placement | None]]:
    """Finish or undo moves that were under way when something failed; how each ended.

    None: nothing of it was done. Each is to be recorded before the next is asked for.
    Raises TransientError when a folder still fails: call it again later.
    """
    for planned in unfinished:
        try:
            how = filer_of(planned).recover(planned.move)
        except FolderRefused as exc:
            refused(planned, exc)
        else:
            yield planned, how


def _placed(
    filer: Filer, journal: Journal[P], planned: Sequence[P]
) -> Iterator[tuple[P, Placement]]:
    for one in planned:
        try:
            yield one, filer.place(one.move)
        except FolderRefused as exc:
            journal.refused(one, exc)
