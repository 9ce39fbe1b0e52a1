"""From error to action: what follows when something fails, and how long to wait before a new try.

Errors say what happened; this module alone says what to do about it.
"""

from __future__ import annotations

from config.errors import PhotoProblem, TransientError
from daemon.records import Examined, Photo, Returned, Setback

# Tried this often while its neighbours went through, a photo has a problem of its own.
MOST_ATTEMPTS = 8
FIRST_RETRY_SECONDS = 15.0
LONGEST_RETRY_SECONDS = 600.0


def reading_failed(photo: Photo, error: TransientError) -> Examined | Returned:
    """What follows when only this photo could not be read: a new try later, in the end none.

    Tried often enough, it is set aside.
    """
    if photo.attempts + 1 < MOST_ATTEMPTS:
        return Returned(photo, Setback.FAILED, str(error))
    text = f"The file could not be read in {MOST_ATTEMPTS} tries; photograph the item again."
    return Examined(photo, photo.fingerprint, "", None, PhotoProblem.UNREADABLE, text)


def retry_delay(attempts: int) -> float:
    """Seconds to wait before the next try: 15, 30, 60 … up to ten minutes."""
    return min(FIRST_RETRY_SECONDS * 2.0 ** min(attempts, 10), LONGEST_RETRY_SECONDS)
