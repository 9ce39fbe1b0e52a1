"""Reading photos: whole, from an open folder, and never more of them than the limits allow."""

from __future__ import annotations

import os
from dataclasses import dataclass

from classifier.containers import recognise
from config.errors import NightsortError, PhotoError, PhotoProblem
from config.settings import IntakeSettings
from daemon.domain.photos import Fingerprint
from daemon.folders.os_errors import REFUSED, trouble
from daemon.folders.tree import ABSENT, Tree, fingerprint_of, split

# What tells a photo's format from any other file.
_HEAD_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Limits:
    """From which size on a file is not read, and a picture not decoded."""

    max_file_bytes: int
    max_megapixels: float

    @classmethod
    def from_settings(cls, intake: IntakeSettings) -> Limits:
        """The limits that are set."""
        return cls(int(intake.max_file_mb * 1e6), intake.max_megapixels)


def require_answer(tree: Tree, path: str) -> None:
    """Look into the folder of `path`; raises TransientError when it does not answer."""
    try:
        with tree.folder(split(path)[0]) as folder, os.scandir(folder) as entries:
            next(entries, None)
    except OSError as exc:
        if exc.errno not in ABSENT | REFUSED:
            raise trouble(exc, tree.full(path)) from exc


def content_is_photo(tree: Tree, path: str) -> bool | None:
    """Whether a file begins as a photo does; None when it cannot be read now."""
    try:
        descriptor = tree.open_file(path)
    except (OSError, NightsortError):
        return None
    try:
        recognise(os.read(descriptor, _HEAD_BYTES))
    except PhotoError:
        return False
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return True


def read_photo(tree: Tree, path: str, max_bytes: int) -> tuple[bytes, Fingerprint]:
    """The bytes of a photo, and the fingerprint under which they were read.

    Raises PhotoError when it is too large or no file to read, FileNotFoundError when it is gone,
    TransientError when the folder does not answer.
    """
    descriptor = tree.open_file(path)
    try:
        seen = fingerprint_of(os.fstat(descriptor))
        if seen.size_bytes > max_bytes:
            raise PhotoError(
                PhotoProblem.TOO_LARGE,
                f"The file is {seen.size_bytes / 1e6:.0f} MB, more than the "
                f"{max_bytes / 1e6:.0f} MB that are allowed; save it smaller, or raise "
                "intake.max_file_mb.",
            )
        data = _read_all(descriptor, seen.size_bytes)
    except OSError as exc:
        raise trouble(exc, tree.full(path)) from exc
    finally:
        os.close(descriptor)
    return data, seen


def _read_all(descriptor: int, size_bytes: int) -> bytes:
    """Read up to `size_bytes`; a file that became shorter gives what there is."""
    pieces = []
    missing = size_bytes
    while missing > 0 and (piece := os.read(descriptor, missing)):
        pieces.append(piece)
        missing -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
