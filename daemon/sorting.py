"""Sorting: what becomes of examined photos. Decides, plans, moves, records: in this order.

A micro-batch costs two durable commits: its intentions before the first byte moves, its outcomes
after the last. What a crash or a failing disk leaves in between, `finish_interrupted` finishes or
takes back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import structlog

from classifier.verdict import Band
from config.errors import FolderRefused, PhotoProblem
from daemon.clock import Clock
from daemon.filing import Filer
from daemon.names import compare_key
from daemon.records import (
    Examined,
    Outcome,
    Photo,
    Placement,
    ResultRow,
    Returned,
    Setback,
    Status,
    as_text,
)
from daemon.results import Warehouse
from daemon.store import Intention, Store
from daemon.tree import Tree
from daemon.trouble import REFUSED

log = structlog.get_logger()

Sorted = tuple[list[ResultRow], list[Returned]]


class Sorter:
    """Files examined photos and keeps the books of it."""

    def __init__(
        self,
        store: Store,
        filer: Filer,
        incoming: Tree,
        sorted_tree: Tree,
        warehouse: Warehouse,
        clock: Clock,
    ) -> None:
        self._store = store
        self._filer = filer
        self._incoming = incoming
        self._sorted = sorted_tree
        self._warehouse = warehouse
        self._clock = clock

    def sort(self, run: str, examined: Iterable[Examined]) -> Sorted:
        """File photos; returns their lines in the results, and photos that must be given back.

        Raises TransientError when a folder or disk fails: what was under way is then left to
        `finish_interrupted`.
        """
        self._filer.check_space()
        rows: list[ResultRow] = []
        returned: list[Returned] = []
        for group in twins_apart(examined):
            undecided = [photo for photo in group if not self._is_left_behind(photo, run)]
            while undecided:
                planned = self._plan(run, undecided)
                self._store.plan(planned)
                placed = []
                for intention in planned:
                    try:
                        placed.append((intention, self._filer.place(intention.move)))
                    except FolderRefused as exc:
                        returned.append(self._refused(intention, exc))
                self._filer.sync([intention.move for intention, _ in placed])
                rows += self._conclude(run, placed)
                returned += [
                    Returned(intention.examined.photo, Setback.CHANGED)
                    for intention, how in placed
                    if how is Placement.CHANGED
                ]
                undecided = [i.examined for i, how in placed if how is Placement.NAME_TAKEN]
        return rows, returned

    def finish_interrupted(self, run_of: Callable[[str], str]) -> None:
        """Finish, or take back, the moves that were under way when something failed.

        run_of: the run in which to record what was planned in a run, which may be closed by now.
        Raises TransientError when a folder still fails; call it again later. A move whose folder
        in incoming nobody may enter now is left for another time.
        """
        for intention in self._store.unfinished():
            try:
                placement = self._filer.recover(intention.move)
            except FolderRefused as exc:
                self._refused(intention, exc)
                continue
            if placement in (Placement.MOVED, Placement.COPIED, Placement.GONE):
                self._conclude(run_of(intention.run), [(intention, placement)])
            else:
                self._store.unplan([intention.examined.photo])
            move = intention.move
            log.info(
                "move_recovered",
                run=intention.run,
                photo=move.photo_id,
                name=as_text(move.source),
                ended=placement or "undone",
            )

    def _refused(self, intention: Intention, error: FolderRefused) -> Returned:
        """A photo whose folder in incoming may not be entered: its own trouble, nobody else's.

        Raises `error` again when it is about anything else.
        """
        photo = intention.examined.photo
        try:
            self._incoming.stat(photo.path)
        except OSError as exc:
            if exc.errno in REFUSED:
                log.warning("photo_out_of_reach", photo=photo.id, name=as_text(photo.path))
                return Returned(photo, Setback.FAILED, str(error))
        raise error

    def set_aside(self, run: str, photos: Sequence[Photo]) -> Sorted:
        """Quarantine photos that were alone in hand at two crashes; returns what `sort` does."""
        text = "The program stopped twice while it opened this file; photograph the item again."
        return self.sort(
            run,
            [
                Examined(p, p.fingerprint, "", None, PhotoProblem.CRASHES_DECODER, text)
                for p in photos
            ],
        )

    def _plan(self, run: str, examined: Iterable[Examined]) -> list[Intention]:
        taken: set[str] = set()
        planned = []
        for photo in examined:
            status = self._status(photo)
            category = photo.verdict.category if photo.verdict else None
            folder = self._filer.target_folder(status, category, self._clock.now().date())
            move = self._filer.plan(photo.photo, folder, photo, taken)
            taken.add(compare_key(move.target))
            planned.append(Intention(move, photo, status, run))
        return planned

    def _status(self, examined: Examined) -> Status:
        if examined.verdict is None:
            return Status.ERROR
        if self._has_twin(examined.sha256):
            return Status.DUPLICATE
        return Status.REVIEW if examined.verdict.band is Band.REVIEW else Status.SUCCESS

    def _has_twin(self, sha256: str) -> bool:
        """Whether a filed photo of these bytes still exists, where it was filed, unchanged."""
        return any(self._holds(*twin, sha256) for twin in self._store.twins(sha256))

    def _holds(self, target: str, size_bytes: int, sha256: str) -> bool:
        seen = self._sorted.seen(target)
        if seen is None or seen.size_bytes != size_bytes:
            return False
        # Taken away this instant, or nobody may read it: no proof of a twin.
        return bool(sha256) and self._sorted.sha256(target) == sha256

    def _is_left_behind(self, examined: Examined, run: str) -> bool:
        """Drop a source that had to stay when it was filed, and was touched since."""
        photo = examined.photo
        if not examined.sha256 or not self._store.was_left_behind(photo.path, examined.sha256):
            return False
        self._store.forget(photo, examined.sha256, run)
        return True

    def _conclude(self, run: str, placed: Iterable[tuple[Intention, Placement]]) -> list[ResultRow]:
        outcomes, gone = [], []
        for intention, placement in placed:
            match placement:
                case Placement.MOVED | Placement.COPIED:
                    outcomes.append(self._outcome(intention, placement, run))
                case Placement.GONE:
                    gone.append(intention.examined.photo)
                case Placement.NAME_TAKEN | Placement.CHANGED:
                    pass
        if gone:
            self._store.gone(gone, run, self._clock.now())
        rows = self._store.record(outcomes, run) if outcomes else []
        photos = {outcome.examined.photo.path: outcome.examined.photo.id for outcome, _ in outcomes}
        for row in rows:
            _tell(photos[row.source], row)
        return rows

    def _outcome(
        self, intention: Intention, placement: Placement, run: str
    ) -> tuple[Outcome, ResultRow]:
        examined, target = intention.examined, intention.move.target
        if intention.status is Status.ERROR:
            self._filer.write_reason(target, f"{examined.problem}: {examined.problem_text}\n")
        outcome = Outcome(
            examined,
            intention.status,
            target,
            self._clock.now(),
            kept_source=placement is Placement.COPIED,
        )
        return outcome, self._warehouse.row(outcome, run)


def twins_apart(examined: Iterable[Examined]) -> list[list[Examined]]:
    """Split a micro-batch so that photos of the same bytes are filed one after the other.

    The second is a duplicate only once the first is filed.
    """
    groups: list[list[Examined]] = []
    seen: dict[str, int] = {}
    for photo in examined:
        place = seen.get(photo.sha256, -1) + 1 if photo.sha256 else 0
        if photo.sha256:
            seen[photo.sha256] = place
        if place == len(groups):
            groups.append([])
        groups[place].append(photo)
    return groups


def _tell(photo: int, row: ResultRow) -> None:
    """One line in the log for one photo."""
    about: dict[str, Any] = {"run": row.run, "photo": photo, "name": as_text(row.source)}
    match row.status:
        case Status.SUCCESS | Status.REVIEW:
            log.info(
                "photo_filed",
                **about,
                category=row.category,
                confidence=round(row.confidence or 0.0, 4),
                band=row.band,
                why=row.reason_text or None,
            )
        case Status.DUPLICATE:
            log.info("photo_duplicate", **about)
        case Status.ERROR:
            log.warning("photo_quarantined", **about, reason=row.reason, why=row.reason_text)
