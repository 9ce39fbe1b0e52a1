"""From error to action: what follows when something fails, and how long to wait before a new try.

Errors say what happened; this module alone says what to do about it.
"""

from __future__ import annotations

from datetime import timedelta

from config.errors import PhotoProblem, TransientError
from daemon.domain.photos import Photo
from daemon.domain.sorting import Examined, Returned, Setback

# Tried this often while its neighbours went through, a photo has a problem of its own.
MOST_ATTEMPTS = 8
FIRST_RETRY_SECONDS = 15.0
LONGEST_RETRY_SECONDS = 600.0

# Between two attempts to tell somebody something. What claims to wait longer than the longest was
# planned before the clock was set.
_FIRST_WAITS_SECONDS = (5.0, 15.0, 60.0)
LONGEST_WAIT = timedelta(hours=1)
# Nothing is given up before this many attempts: the machine may have been off for days.
_FEWEST_ATTEMPTS = 5


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


def wait_after(attempts: int, age: timedelta, give_up: timedelta) -> timedelta | None:
    """How long to wait after so many attempts to tell somebody something; None: give up.

    age: since it was made; give_up: when it is of no use any more.
    """
    if age >= give_up and attempts >= _FEWEST_ATTEMPTS:
        return None
    if attempts <= len(_FIRST_WAITS_SECONDS):
        return timedelta(seconds=_FIRST_WAITS_SECONDS[attempts - 1])
    doublings = min(attempts - len(_FIRST_WAITS_SECONDS), 10)
    return min(timedelta(seconds=_FIRST_WAITS_SECONDS[-1] * 2.0**doublings), LONGEST_WAIT)
