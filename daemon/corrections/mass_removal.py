"""Many photos gone at once: believed only when they still are on the next day.

A folder moved away by mistake, or a disk mounted without what was on it, looks like people who
tidied up. Each photo waits for itself: a look at some photos says nothing of the others.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

# So many must be gone at once before that looks like an accident.
_MASS = 4
# Runs end at much the same hour, never at the very same.
_NEXT_DAY = timedelta(hours=20)
# What no look asked for since is not waited for any longer.
_PATIENCE = timedelta(days=3)

Doubted = Mapping[str, Collection[int]]


def believed(
    doubted: Doubted, lost: Collection[int], looked_at: Collection[int], now: datetime
) -> tuple[set[int], dict[str, list[int]]]:
    """Which of the `lost` were taken away, and what is doubted from now on.

    doubted: photos that were nowhere, by the time since when, as ISO 8601 (the fact MASS_REMOVAL).
    """
    since = {
        photo: at
        for at, photos in doubted.items()
        for photo in photos
        if photo in lost or (photo not in looked_at and _age(at, now) < _PATIENCE)
    }
    gone = set(lost)
    if len(lost) >= _MASS and 2 * len(lost) > len(looked_at):
        gone = {photo for photo in lost if photo in since and _age(since[photo], now) >= _NEXT_DAY}
        since = dict.fromkeys(lost, now.isoformat()) | since
    left: dict[str, list[int]] = {}
    for photo, at in since.items():
        if photo not in gone:
            left.setdefault(at, []).append(photo)
    return gone, left


def _age(at: str, now: datetime) -> timedelta:
    return now - datetime.fromisoformat(at)
