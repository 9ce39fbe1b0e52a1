"""Photos in a ZIP, which may come from anybody: nothing of it is ever written anywhere.

Its list of contents is read only where that is no longer than it may be; a photo when its turn
comes, and no more of it than a photo may have. What is no plain file of a plain path is refused by
name.
"""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from config.errors import PhotoError, PhotoProblem
from config.readable import plain
from daemon.intake.screening import Screening
from daemon.sorting.offline import NoPhotos

# Of the list of contents, for each photo: a name of usual length and what stands beside it.
_LISTED_BYTES = 400
_USUAL = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED = 0x1


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of an archive is taken."""

    photos: int
    unpacked_bytes: int  # of all photos


# Brought by whoever runs the box; and sent by anybody with the right to.
BROUGHT = Bounds(photos=100_000, unpacked_bytes=10**12)
SENT = Bounds(photos=5_000, unpacked_bytes=4_000_000_000)


@dataclass(frozen=True, slots=True)
class Packed:
    """A photo in an archive."""

    within: str  # its path there, with `/`
    problem: str  # why it is not taken, in a sentence; empty where it may be
    read: Callable[[int], bytes]  # at most so many bytes of it; raises PhotoError

    @property
    def parts(self) -> tuple[str, ...]:
        """Its folders, and its name."""
        return PurePosixPath(self.within).parts


def photos_in(file: io.FileIO, place: str, ignore: Iterable[str], bounds: Bounds) -> list[Packed]:
    """All photos of a ZIP, by name. They are read from `file`, which closes with the last of them.

    place: where it lies, for people. Raises NoPhotos where there are none, or too many.
    """
    archive = _opened(file, place, bounds)
    screening = Screening(ignore)
    found = [one for one in archive.infolist() if _is_wanted(one, screening)]
    if not found:
        raise NoPhotos(f"{place}: no photos in it; put <category>/*.jpg into it")
    if len(found) > bounds.photos:
        raise NoPhotos(f"{place}: more than {bounds.photos:,} photos; bring it in parts")
    if sum(one.file_size for one in found) > bounds.unpacked_bytes:
        most = f"{bounds.unpacked_bytes / 1e9:.0f} GB"
        raise NoPhotos(f"{place}: its photos have more than {most}; bring it in parts")
    return [_packed(archive, one) for one in sorted(found, key=_path)]


def _opened(file: io.FileIO, place: str, bounds: Bounds) -> zipfile.ZipFile:
    guarded = _Guarded(file, bounds.photos * _LISTED_BYTES)
    try:
        archive = zipfile.ZipFile(guarded)
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError) as exc:
        why = plain(str(exc))
        raise NoPhotos(f"{place}: cannot be read as a ZIP ({why}); pack it again") from exc
    guarded.most_bytes = None
    return archive


class _Guarded(io.BufferedReader):
    """A file of which no more is read at once than a list of contents may have.

    `zipfile` reads that list whole, as long as the archive itself says that it is.
    """

    def __init__(self, file: io.FileIO, most_bytes: int) -> None:
        super().__init__(file)
        self.most_bytes: int | None = most_bytes

    def read(self, size: int | None = -1, /) -> bytes:
        """As a file's. Raises BadZipFile."""
        if self.most_bytes is not None and size is not None and size > self.most_bytes:
            raise zipfile.BadZipFile("it lists too many files")
        return super().read(size)

    def __del__(self) -> None:
        """As a ZIP does that opened its file itself."""
        self.close()


def _path(info: zipfile.ZipInfo) -> str:
    """Some programs of Windows write its own slashes."""
    return info.filename.replace("\\", "/")


def _is_wanted(info: zipfile.ZipInfo, screening: Screening) -> bool:
    parts = PurePosixPath(_path(info)).parts
    if not parts or info.is_dir():
        return False
    is_hidden = any(part == "__MACOSX" or screening.is_junk(part) for part in _below(parts))
    return not is_hidden and screening.is_photo(parts[-1])


def _below(parts: tuple[str, ...]) -> tuple[str, ...]:
    """Without what only leads out: that is no hidden folder, and is refused by name."""
    return tuple(part for part in parts if part not in ("..", "/"))


def _packed(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Packed:
    problem = _problem(info)

    def read(most: int) -> bytes:
        if problem:
            raise PhotoError(PhotoProblem.UNREADABLE, problem)
        if info.file_size > most:
            text = f"The file is larger than the {most / 1e6:.0f} MB that are allowed."
            raise PhotoError(PhotoProblem.TOO_LARGE, text)
        try:
            with archive.open(info) as file:
                return file.read(most)
        except (OSError, EOFError, RuntimeError, ValueError, zipfile.BadZipFile, zlib.error) as exc:
            text = f"It cannot be taken out of the ZIP ({plain(str(exc))})."
            raise PhotoError(PhotoProblem.UNREADABLE, text) from exc

    return Packed(_path(info), problem, read)


def _problem(info: zipfile.ZipInfo) -> str:
    """Why nothing of an entry is taken; empty where it may be."""
    path = PurePosixPath(_path(info))
    mode = info.external_attr >> 16
    if path.is_absolute() or ".." in path.parts or path.parts[0].endswith(":"):
        return "Its path leads out of the archive."
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return "It is a link or a special file, no photo."
    if info.flag_bits & _ENCRYPTED:
        return "It is encrypted; pack it without a password."
    if info.compress_type not in _USUAL:
        return "It is packed in an unusual way; pack it as Windows or macOS do."
    return ""
