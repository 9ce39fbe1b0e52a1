"""Where a worker reads photos: files here; what else there is, whoever starts the archive says."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from classifier.archive.outages import is_outage
from classifier.reading import read_file
from config.errors import PhotoError

IN_BUCKET = "s3://"  # how the paths of photos in object storage begin


class Reader(Protocol):
    """Is sent to the workers, and reads there."""

    def read(self, path: str, max_bytes: int) -> bytes:
        """A photo's bytes.

        Raises PhotoError where just this one cannot be had; OSError or TransientError where the
        archive itself is away.
        """


@dataclass(frozen=True, slots=True)
class Files:
    """Photos in files."""

    folder: str  # that relative paths start from

    def read(self, path: str, max_bytes: int) -> bytes:
        """As every `Reader`."""
        place = Path(os.path.join(self.folder, path))  # noqa: PTH118 - `path` may be absolute
        try:
            return read_file(place, max_bytes)
        except PhotoError as exc:
            if isinstance(exc.__cause__, OSError) and is_outage(exc.__cause__, place):
                raise exc.__cause__ from None
            raise
