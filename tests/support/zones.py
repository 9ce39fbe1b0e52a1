"""Time zones made up for a test, so that any time of day can be now for a real process."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, time, timedelta
from pathlib import Path


def zone_where_it_is(local: time, folder: Path) -> dict[str, str]:
    """Make the time zone Test/Box in `folder`, in which it is `local` right now.

    Returns the environment in which a process knows it, and has its settings say so.
    """
    now = datetime.now(UTC)
    there = datetime.combine(now.date(), local, UTC)
    offset = (there - now + timedelta(hours=12)) % timedelta(days=1) - timedelta(hours=12)
    file = folder / "zones" / "Test" / "Box"
    file.parent.mkdir(parents=True, exist_ok=True)
    # TZif, version 1: no transitions, one kind of time, its name. Source: RFC 8536.
    header = b"TZif" + bytes(16) + struct.pack(">6I", 0, 0, 0, 0, 1, 4)
    kind = struct.pack(">iBB", round(offset.total_seconds()), 0, 0)
    file.write_bytes(header + kind + b"BOX\0")
    return {
        "PYTHONTZPATH": str(folder / "zones"),
        "NIGHTSORT_WINDOW__TIMEZONE": "Test/Box",
    }
