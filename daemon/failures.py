"""From error to action: what follows when something fails, and how long to wait before a new try.

Errors say what happened; this module alone says what to do about it.
"""

from __future__ import annotations

from config.errors import PhotoError, PhotoProblem, TransientError
from daemon.records import Photo, Returned, Setback

# Tried this often while its neighbours went through, a photo has a problem of its own.
MOST_ATTEMPTS = 8
FIRST_RETRY_SECONDS = 15.0
LONGEST_RETRY_SECONDS = 600.0


def reading_failed(photo: Photo, error: FileNotFoundError | TransientError) -> Returned:
    """What follows when a photo could not be read: it is gone, or it is tried again later.

    Raises PhotoError when it was tried often enough: then it is set aside.
    """
    if isinstance(error, FileNotFoundError):
        return Returned(photo, Setback.GONE)
    if photo.attempts + 1 >= MOST_ATTEMPTS:
        raise PhotoError(
            PhotoProblem.UNREADABLE,
            f"The file could not be read in {MOST_ATTEMPTS} tries; photograph the item again.",
        ) from error
    return Returned(photo, Setback.FAILED, str(error))


def retry_delay(attempts: int) -> float:
    """Seconds to wait before the next try: 15, 30, 60 … up to ten minutes."""
    return min(FIRST_RETRY_SECONDS * 2.0 ** min(attempts, 10), LONGEST_RETRY_SECONDS)
