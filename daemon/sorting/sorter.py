"""Sorting: what becomes of examined photos. Decides, plans, moves, records: in this order.

A micro-batch costs two durable commits: its intentions before the first byte moves, its outcomes
after the last (`moves`). What a crash or a failing disk leaves in between, `recovered` finishes or
undoes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import structlog

from classifier.verdict import Band
from config.errors import FolderRefused, PhotoBusy, PhotoProblem
from daemon.domain.clock import Clock
from daemon.domain.photos import Photo, Status, as_text
from daemon.domain.reasons import recorded
from daemon.domain.runs import ResultRow
from daemon.domain.sorting import Examined, Outcome, Placement, Returned, Setback
from daemon.folders.called import as_called
from daemon.folders.names import compare_key
from daemon.folders.os_errors import REFUSED
from daemon.folders.tree import Tree, join, split
from daemon.reporting.run_files import Warehouse
from daemon.sorting.filer import Filer
from daemon.sorting.moves import OVER, carry_out, recovered
from daemon.store import Intention, Store
from daemon.store.intentions import Intentions

log = structlog.get_logger()

Sorted = tuple[list[ResultRow], list[Returned]]

# Nothing else is done while photos are filed together: a stop and people's decisions wait so long,
# and space on the disk is looked at before it.
_MOST_TOGETHER = 256
_SECONDS_TOGETHER = 2.0
_COPIED_TOGETHER = 16_000_000  # bytes


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
        self._seconds_each = 0.0  # that the last photos took

    def most_together(self) -> tuple[int, float]:
        """How many photos may be filed together, and how many bytes of them, as the last told."""
        seconds = self._seconds_each * _MOST_TOGETHER
        photos = _MOST_TOGETHER * min(1.0, _SECONDS_TOGETHER / seconds if seconds else 1.0)
        return int(photos), _COPIED_TOGETHER if self._filer.copies else math.inf

    def sort(self, run: str, examined: Iterable[Examined]) -> Sorted:
        """File photos; returns their lines in the results, and photos that must be given back.

        Raises TransientError when a folder or disk fails: what was under way is then left to
        `recovered`.
        """
        self._filer.check_space()
        began = self._clock.steady()
        journal = _RunJournal(self, self._store.intentions, run)
        groups = twins_apart(examined)
        if twins := [photo.photo for group in groups[1:] for photo in group]:
            self._store.queue.clear(twins)  # they wait, in hand, while others are filed
        with self._incoming.held(), self._sorted.held():
            for group in groups:
                ready = [photo for photo in group if not self._is_left_behind(photo, run)]
                carry_out(
                    self._filer,
                    journal,
                    self._plan(run, ready),
                    lambda taken: self._plan(run, [one.examined for one in taken]),
                )
        if journal.rows:
            self._seconds_each = (self._clock.steady() - began) / len(journal.rows)
        return journal.rows, journal.returned

    def recovered(self) -> Iterator[tuple[Intention, Placement | None]]:
        """Finish, or undo, the moves that were under way when something failed; how each ended.

        Each is to go to `conclude` before the next is asked for. Raises TransientError when a
        folder still fails; call it again later. A move whose folder in incoming nobody may enter
        now is left for another time.
        """
        return recovered(self._store.intentions.unfinished(), lambda _: self._filer, self.refused)

    def conclude(self, run: str, intention: Intention, how: Placement | None) -> None:
        """Record in `run` how an interrupted move ended."""
        if how in OVER:
            self.record(run, [(intention, how)])
        else:
            self._store.intentions.drop([intention.examined.photo])
        move = intention.move
        log.info(
            "move_recovered",
            run=intention.run,
            photo=move.photo_id,
            name=as_text(move.source),
            ended=how or "undone",
        )

    def refused(self, intention: Intention, error: FolderRefused) -> Returned:
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
            move = self._filer.plan(photo.source, folder, taken)
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
        return any(self._holds(*twin, sha256) for twin in self._store.history.twins(sha256))

    def _holds(self, target: str, size_bytes: int, sha256: str) -> bool:
        seen = self._sorted.seen(target)
        if seen is None:  # the case of its folder may have been changed
            folder, name = split(target)
            target = join(as_called(self._sorted, folder), name)
            seen = self._sorted.seen(target)
        if seen is None or seen.size_bytes != size_bytes:
            return False
        # Taken away this instant, or nobody may read it: no proof of a twin.
        try:
            return bool(sha256) and self._sorted.sha256(target) == sha256
        except PhotoBusy:
            return False

    def _is_left_behind(self, examined: Examined, run: str) -> bool:
        """Drop a source that had to stay when it was filed, and was touched since."""
        photo = examined.photo
        if not examined.sha256 or not self._store.intentions.was_left_behind(
            photo.path, examined.sha256
        ):
            return False
        self._store.queue.forget(photo, examined.sha256, run)
        return True

    def record(self, run: str, placed: Iterable[tuple[Intention, Placement]]) -> list[ResultRow]:
        """Record what became of photos; returns their lines in the results."""
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
            self._store.queue.gone(gone, run, self._clock.now())
        rows = self._store.intentions.record(outcomes, run) if outcomes else []
        photos = {outcome.examined.photo.path: outcome.examined.photo.id for outcome, _ in outcomes}
        for row in rows:
            _tell(photos[row.source], row)
        return rows

    def _outcome(
        self, intention: Intention, placement: Placement, run: str
    ) -> tuple[Outcome, ResultRow]:
        examined, target = intention.examined, intention.move.target
        if intention.status is Status.ERROR:
            why = recorded(examined.problem_text, self._filer.say)
            self._filer.write_reason(target, f"{examined.problem}: {why}\n")
        outcome = Outcome(
            examined,
            intention.status,
            target,
            self._clock.now(),
            kept_source=placement is Placement.COPIED,
        )
        return outcome, self._warehouse.row(outcome, run)


class _RunJournal:
    """What becomes of the photos of one run, until they are in its results."""

    def __init__(self, sorter: Sorter, intentions: Intentions, run: str) -> None:
        self.rows: list[ResultRow] = []
        self.returned: list[Returned] = []
        self._sorter = sorter
        self._intentions = intentions
        self._run = run

    def plan(self, wanted: Sequence[Intention]) -> Sequence[Intention]:
        """As `moves.Journal` says."""
        self._intentions.plan(wanted)
        return wanted

    def record(self, ended: Sequence[tuple[Intention, Placement]]) -> None:
        """As `moves.Journal` says; what is another photo by now is given back."""
        self.rows += self._sorter.record(self._run, ended)
        self.returned += [
            Returned(intention.examined.photo, Setback.CHANGED)
            for intention, how in ended
            if how is Placement.CHANGED
        ]

    def refused(self, planned: Intention, error: FolderRefused) -> None:
        """As `moves.Journal` says."""
        self.returned.append(self._sorter.refused(planned, error))


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
    about: dict[str, object] = {"run": row.run, "photo": photo, "name": as_text(row.source)}
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
