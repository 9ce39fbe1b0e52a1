"""Damages a database file as a failing disk does."""

from __future__ import annotations

import os
from pathlib import Path

PAGE_BYTES = 4096


def overwrite_pages(database: Path, where: str) -> None:
    """Write other bytes over a part of the file: its head, its middle, or cut off its end."""
    size = database.stat().st_size
    assert size > 20 * PAGE_BYTES
    if where == "cut off":
        os.truncate(database, size // 2)
        return
    at = {"head": 0, "middle": size // (2 * PAGE_BYTES) * PAGE_BYTES}[where]
    with database.open("r+b") as file:
        file.seek(at)
        file.write(b"\xa5" * (8 * PAGE_BYTES))
