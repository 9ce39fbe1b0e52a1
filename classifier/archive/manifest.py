"""What an archive holds, as it was listed once: `photos.jsonl`, and `archive.json` when it is all.

The photos are cut into parts of a fixed size, counted from 0. A part's result is the file that is
named after it, and it is there whole or not at all: that is all there is to know when a run that
died is gone on with.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import islice, pairwise
from pathlib import Path

from classifier.archive.listing import NoArchive
from classifier.archive.reading import IN_BUCKET
from config.errors import RefusedError
from config.readable import plain

PHOTOS_A_PART = 100
_FORMAT = 1
_PHOTOS, _HEAD, _LOCK = "photos.jsonl", "archive.json", ".lock"


@dataclass(frozen=True, slots=True)
class Part:
    """Some photos of the archive, which are judged together."""

    number: int
    paths: Sequence[str]  # as they were named; bytes that are no UTF-8 as Python escapes them


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of the list when it is whole."""

    format: int
    paths: list[str]  # as they were named
    folder: str  # that relative paths start from
    filed_into: str | None  # where photos are copied to, too
    photos: int
    photos_a_part: int
    are_moved: bool = False  # rather than copied


class Manifest:
    """The list in one output folder."""

    def __init__(self, out: Path, head: Head) -> None:
        """Use `made_or_read`."""
        self.out = out
        self.head = head

    @property
    def parts(self) -> int:
        """How many there are."""
        return -(-self.head.photos // self.head.photos_a_part)

    def file_of(self, number: int) -> Path:
        """Where the result of a part is, or will be."""
        return part_file(self.out, number)

    def missing(self) -> Iterator[Part]:
        """The parts that have no result yet, in order."""
        return self._parts(lambda number: not self.file_of(number).exists())

    def unfiled(self) -> Iterator[Part]:
        """The parts that are judged, and whose photos are still to be moved, in order."""
        if self.head.are_moved:
            yield from self._parts(self._is_unfiled)

    def _is_unfiled(self, number: int) -> bool:
        return judged_file(self.out, number).exists() or moves_file(self.out, number).exists()

    def _parts(self, which: Callable[[int], bool]) -> Iterator[Part]:
        with (self.out / _PHOTOS).open(encoding="ascii") as file:
            for number in range(self.parts):
                lines = list(islice(file, self.head.photos_a_part))
                if which(number):
                    yield Part(number, [json.loads(line) for line in lines])

    def sweep(self) -> None:
        """Remove what those left that died: what is written in part, and what is done with."""
        for left in self.out.glob(".*.part"):
            left.unlink(missing_ok=True)
        for left in (*self.out.glob("judged-*.rows"), *self.out.glob("moves-*.json")):
            number = left.stem.rpartition("-")[2]
            if number.isdecimal() and self.file_of(int(number)).exists():
                left.unlink(missing_ok=True)

    def photos_done(self) -> int:
        """How many photos have a row."""
        done = sum(self.file_of(number).exists() for number in range(self.parts))
        photos = done * self.head.photos_a_part
        is_last_done = self.parts > 0 and self.file_of(self.parts - 1).exists()
        return photos - (self.parts * self.head.photos_a_part - self.head.photos) * is_last_done


def part_file(out: Path, number: int) -> Path:
    """Where the rows of a part belong."""
    return out / f"part-{number:07d}.parquet"


def judged_file(out: Path, number: int) -> Path:
    """Where the rows of a part wait until its photos are moved: no result yet."""
    return out / f"judged-{number:07d}.rows"


def moves_file(out: Path, number: int) -> Path:
    """Where it stands to which places the photos of a part are being moved."""
    return out / f"moves-{number:07d}.json"


def is_listed(out: Path) -> bool:
    """Whether that is the output of an archive whose list is whole."""
    return (out / _HEAD).exists()


@contextmanager
def held(out: Path) -> Iterator[None]:
    """Make the output folder, and keep others out of it. Raises RefusedError."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(out / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
    except OSError as exc:
        raise RefusedError(
            f"{plain(str(out))}: cannot be written to ({exc.strerror}); name another with --out"
        ) from exc
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as exc:
        raise RefusedError(
            f"{plain(str(out))}: another `nightsort archive` works there; wait for it"
        ) from exc
    finally:
        _leave_nothing_empty(out)
        os.close(descriptor)


def _leave_nothing_empty(out: Path) -> None:
    """Remove the folder where nothing came of it: somebody mistyped a path, perhaps."""
    if [one.name for one in out.iterdir()] == [_LOCK]:
        (out / _LOCK).unlink()
        out.rmdir()


def made_or_read(
    out: Path,
    paths: Sequence[str],
    photos: Iterable[str],
    filed_into: str | None = None,
    *,
    are_moved: bool = False,
    photos_a_part: int = PHOTOS_A_PART,
) -> Manifest:
    """The list of an output folder that is `held`; made of `photos` where it is not whole yet.

    Raises RefusedError where the folder belongs to other paths, or holds what is not ours.
    """
    head = _read_head(out)
    if head is None:
        _check_it_is_empty(out)
        count = _list(out, photos)
        if not count:
            (out / _PHOTOS).unlink()
            shown = plain(", ".join(paths))
            raise NoArchive(f"{shown}: no photos there; name a folder that holds some")
        folder = os.getcwd()  # noqa: PTH109
        head = Head(_FORMAT, [*paths], folder, filed_into, count, photos_a_part, are_moved)
        write_whole(out / _HEAD, json.dumps(asdict(head), indent=2).encode("ascii"))
    elif _resolved(head.paths, head.folder) != _resolved(paths, os.getcwd()):  # noqa: PTH109
        named = ", ".join(map(plain, head.paths))
        raise RefusedError(
            f"{plain(str(out))}: is the output for {named}; name another folder with --out"
        )
    elif (head.filed_into, head.are_moved) != (filed_into, are_moved):
        raise RefusedError(
            f"{plain(str(out))}: was begun with {_filing(head)}; go on so, or name another --out"
        )
    return Manifest(out, head)


def check_they_are_apart(paths: Sequence[str]) -> None:
    """Raise NoArchive where one of the paths lies in another: its photos would count twice."""
    places = sorted(_resolved(paths, os.getcwd()), key=lambda one: one.split("/"))  # noqa: PTH109
    for before, after in pairwise(places):
        if _is_within(after, before):
            raise NoArchive(f"{plain(after)}: named twice, or within {plain(before)}; name it once")


def check_output_is_apart(paths: Sequence[str], out: str, filed_into: str | None) -> None:
    """Raise NoArchive where the output would be part of the archive, and so of the next one.

    Photos are copied into folders below `filed_into`, which must be none of the archive's either.
    """
    named = [
        (option, place) for option, place in (("--out", out), ("--file-into", filed_into)) if place
    ]
    for place in _resolved(paths, os.getcwd()):  # noqa: PTH109
        for option, output in named:
            (other,) = _resolved([output], os.getcwd())  # noqa: PTH109
            if _is_within(other, place):
                raise NoArchive(
                    f"{option} {plain(output)}: lies in {plain(place)}, whose photos are to be "
                    "judged; name a folder outside of it"
                )
            if option == "--file-into" and _is_within(place, other):
                raise NoArchive(
                    f"{plain(place)}: lies in --file-into {plain(output)}, where copies go; name "
                    "another folder for them"
                )


def _is_within(place: str, folder: str) -> bool:
    return place == folder or place.startswith(f"{folder.rstrip('/')}/")


def _resolved(paths: Sequence[str], folder: str) -> list[str]:
    return sorted(
        path.rstrip("/")
        if path.startswith(IN_BUCKET)
        else os.path.realpath(os.path.join(folder, path))  # noqa: PTH118
        for path in paths
    )


def _read_head(out: Path) -> Head | None:
    try:
        said = json.loads((out / _HEAD).read_text(encoding="ascii"))
        return Head(**said)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as exc:
        raise RefusedError(
            f"{plain(str(out))}/{_HEAD}: is not what nightsort wrote; name another --out"
        ) from exc


def _check_it_is_empty(out: Path) -> None:
    strange = next((one for one in out.iterdir() if one.suffix == ".parquet"), None)
    if strange is not None:
        raise RefusedError(
            f"{plain(str(strange))}: is not of this archive; name an empty folder with --out"
        )


def _filing(head: Head) -> str:
    if head.filed_into is None:
        return "no --file-into"
    return f"--file-into {plain(head.filed_into)}" + (" --move" if head.are_moved else "")


def _list(out: Path, photos: Iterable[str]) -> int:
    count = 0
    try:
        with (out / _PHOTOS).open("w", encoding="ascii") as file:
            for path in photos:
                file.write(json.dumps(path) + "\n")
                count += 1
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        (out / _PHOTOS).unlink(missing_ok=True)
        raise
    return count


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that is there whole or not at all, whoever else writes it at the same time."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
