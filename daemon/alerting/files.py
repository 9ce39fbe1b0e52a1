"""Which files are there, asked with patience: a share that hangs must not hold up who asks."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

_PATIENCE_SECONDS = 2.0


def existing(*paths: Path) -> tuple[Path | None, ...]:
    """Each path that is a file, None for each that is not or does not answer in time."""
    found: dict[Path, bool] = {}

    def look() -> None:
        for path in paths:
            with suppress(OSError):
                found[path] = path.is_file()

    thread = threading.Thread(target=look, name="files", daemon=True)
    thread.start()
    thread.join(_PATIENCE_SECONDS)
    return tuple(path if found.get(path) else None for path in paths)
