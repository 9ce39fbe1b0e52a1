"""Moving an archive's photos to their categories, so that each is in one place whatever dies.

A part's rows are on the disk before one of its photos moves, and so is where each is to go: whoever
goes on after a kill finds each photo at one of two places, or at both while a copy was made, and
ends that. A photo that is not what was judged any more stays where it is.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path

from classifier.archive.filing import NOT_FILED, Filing, folder_of
from classifier.archive.manifest import Manifest, Part, judged_file, moves_file, write_whole
from classifier.archive.outages import OUTAGES
from classifier.archive.rows import Row, read_rows, write_rows
from config.errors import PhotoError
from daemon.folders.contents import copy_bytes, drop, exists, hash_of, look, remove, sync_folder
from daemon.folders.os_errors import trouble
from daemon.folders.renaming import (
    CREATE,
    READ,
    Entry,
    Reached,
    Way,
    drop_reservation,
    rename_new,
    same_file,
)

_MARK = b"nightsort archive"
# How a disk says that a file cannot go there by its name alone.
_COPY_INSTEAD = frozenset({errno.EXDEV})


class _StaysError(Exception):
    """A photo that is not moved; the text says why."""


@dataclass(frozen=True, slots=True)
class _Move:
    """A photo that is to be moved."""

    source: Path
    target: Path
    sha256: str
    may_be_done: bool  # by one who was killed


class ArchiveMover:
    """Moves the photos of parts that are judged."""

    def __init__(
        self,
        manifest: Manifest,
        filing: Filing,
        reached: Reached = lambda _: None,
        ways: Sequence[Way] | None = None,
    ) -> None:
        """reached: told of each point passed; ways: of renaming (None: all)."""
        self._manifest = manifest
        self._filing = filing
        self._reached = reached
        self._ways = ways

    def conclude(self, part: Part) -> None:
        """Move the photos of a part, and then let its rows be its result.

        Raises TransientError where a disk is away: the part is then gone on with another time.
        """
        out, result = self._manifest.out, self._manifest.file_of(part.number)
        plan = Plan(moves_file(out, part.number))
        if not result.exists():
            rows = self._moved(part, plan)
            self._reached("before_result")
            write_rows(result, rows)
        self._reached("after_result")
        plan.drop()
        judged_file(out, part.number).unlink(missing_ok=True)

    def _moved(self, part: Part, plan: Plan) -> list[Row]:
        is_resumed = plan.is_there
        if not is_resumed:
            # From here on they hold: a worker that was believed dead may judge the part again.
            plan.rows = read_rows(judged_file(self._manifest.out, part.number))
            for path, row in zip(part.paths, plan.rows, strict=True):
                if row.category is not None:
                    plan.choose(path, folder_of(self._filing, row) / Path(path).name)
            plan.keep()
        self._reached("after_plan")
        rows = [
            self._filed(path, row, plan, may_be_done=is_resumed) if path in plan.targets else row
            for path, row in zip(part.paths, plan.rows, strict=True)
        ]
        self._sync(plan)
        return rows

    def _sync(self, plan: Plan) -> None:
        into, folders = Path(self._filing.into), set[Path]()
        for path, target in plan.targets.items():
            here = Path(target).parent
            folders |= {self._place(path).parent, here, here.parent, into, into.parent}
        for folder in folders:
            with _folder(folder) as descriptor:
                if descriptor is not None:
                    sync_folder(descriptor)

    def _place(self, path: str) -> Path:
        return Path(self._manifest.head.folder) / path

    def _filed(self, path: str, row: Row, plan: Plan, *, may_be_done: bool) -> Row:
        def move() -> _Move:
            target = Path(plan.targets[path])
            return _Move(self._place(path), target, row.sha256 or "", may_be_done)

        try:
            while not self._is_placed(move()):
                # Somebody took the name: another, which is noted before anything moves there.
                plan.choose(path, folder_of(self._filing, row) / Path(path).name)
                plan.keep()
                may_be_done = False
        except (_StaysError, PhotoError) as exc:
            return replace(row, error=f"{NOT_FILED}: {exc}")
        except OSError as exc:
            if exc.errno in OUTAGES:
                raise trouble(exc, f"{self._place(path)} to {plan.targets[path]}") from exc
            return replace(row, error=f"{NOT_FILED}: {exc.strerror}")
        return row

    def _is_placed(self, move: _Move) -> bool:
        """Move it; False where its name is taken there."""
        move.target.parent.mkdir(parents=True, exist_ok=True)
        with _folder(move.source.parent) as here, _folder(move.target.parent) as there:
            if here is None or there is None:
                raise _StaysError("its folder is gone")
            source, target = Entry(here, move.source.name), Entry(there, move.target.name)
            if move.may_be_done:
                drop_reservation(target, _MARK)
            if exists(target):
                return move.may_be_done and self._is_ended(source, target, move)
            self._check(source, move)
            return self._is_moved(source, target, move)

    def _is_ended(self, source: Entry, target: Entry, move: _Move) -> bool:
        """Whether what is there is the photo; then it is not here any longer."""
        if not same_file(source, target) and hash_of(target) != move.sha256:
            return False
        if exists(source) and (same_file(source, target) or hash_of(source) == move.sha256):
            sync_folder(target.folder)  # whoever copied it may have been killed before
            self._reached("before_unlink_again")
            remove(source)
        return True

    def _check(self, source: Entry, move: _Move) -> None:
        if not exists(source):
            raise _StaysError("it is gone")
        if look(source) is None:
            raise _StaysError("it is no regular file")
        if hash_of(source) != move.sha256:
            raise _StaysError("it was changed since it was judged")

    def _is_moved(self, source: Entry, target: Entry, move: _Move) -> bool:
        self._reached("before_rename")
        try:
            rename_new(source, target, _MARK, self._reached, self._ways)
        except FileExistsError:
            return False
        except OSError as exc:
            if exc.errno not in _COPY_INSTEAD:
                raise
            return self._is_copied(source, target, move)
        self._reached("after_rename")
        return True

    def _is_copied(self, source: Entry, target: Entry, move: _Move) -> bool:
        """To another file system: the copy is whole there, and known, before this goes here."""
        partial = Entry(target.folder, f".nightsort-{move.sha256}.part")
        try:
            self._fill(source, partial, move)
            self._reached("after_copy")
            rename_new(partial, target, _MARK, self._reached)
        except FileExistsError:
            drop(partial)
            return False
        except Exception:
            with suppress(OSError):
                drop(partial)
            raise
        self._reached("after_copy_rename")
        sync_folder(target.folder)
        try:
            self._reached("before_unlink")
            remove(source)
        except OSError:
            drop(target)  # it must stay here: then it is not there
            raise
        self._reached("after_unlink")
        return True

    def _fill(self, source: Entry, partial: Entry, move: _Move) -> None:
        drop(partial)  # of one who was killed
        original = os.open(source.name, READ, dir_fd=source.folder)
        try:
            copy = os.open(partial.name, CREATE, 0o666, dir_fd=partial.folder)
            try:
                seen = os.fstat(original)
                places = str(move.source), str(move.target)
                copied = copy_bytes(original, places[0], copy, places[1], seen.st_size)
                os.utime(copy, ns=(seen.st_atime_ns, seen.st_mtime_ns))
                os.fsync(copy)
            finally:
                os.close(copy)
        finally:
            os.close(original)
        if copied != move.sha256:
            raise _StaysError("it was changed since it was judged")


class Plan:
    """Where the photos of a part go, with their rows: a file, whole or not there at all."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.is_there = file.exists()
        said = json.loads(file.read_text(encoding="ascii")) if self.is_there else {}
        self.rows = [Row(**one) for one in said.get("rows", ())]
        self.targets: dict[str, str] = said.get("targets", {})  # by the paths of photos

    def choose(self, path: str, wanted: Path) -> None:
        """Let a photo have the first name of that kind that nothing has, nor is to have."""
        taken = {*self.targets.values()}
        for number in count(1):
            free = wanted if number == 1 else wanted.with_stem(f"{wanted.stem}_{number}")
            if str(free) not in taken and not os.path.lexists(free):
                self.targets[path] = str(free)
                return

    def keep(self) -> None:
        """Durably."""
        said = {"rows": [asdict(row) for row in self.rows], "targets": self.targets}
        write_whole(self._file, json.dumps(said).encode("ascii"))

    def drop(self) -> None:
        """It is done."""
        self._file.unlink(missing_ok=True)


@contextmanager
def _folder(path: Path) -> Iterator[int | None]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)
