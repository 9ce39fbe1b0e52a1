"""A photo's bytes, of a file that somebody names."""

from __future__ import annotations

from pathlib import Path
from stat import S_ISREG

from config.errors import PhotoError, PhotoProblem


def read_file(path: Path, max_bytes: int) -> bytes:
    """A photo's bytes. Raises PhotoError when they cannot be had."""
    try:
        seen = path.stat()
        if not S_ISREG(seen.st_mode):
            raise PhotoError(PhotoProblem.UNREADABLE, "This is no regular file.")
        if seen.st_size > max_bytes:
            raise PhotoError(
                PhotoProblem.TOO_LARGE,
                f"The file is larger than the {max_bytes / 1e6:.0f} MB that are allowed.",
            )
        return path.read_bytes()
    except OSError as exc:
        raise PhotoError(
            PhotoProblem.UNREADABLE, f"The file cannot be read ({exc.strerror})."
        ) from exc
