"""Passwords: what is kept of them (argon2id), whether one fits, what is asked of a new one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from config.errors import TransientError

SHORTEST, LONGEST = 8, 200
# 84 ms and 46 MB each on the machine of docs/performance.md. Source: OWASP, "Password Storage".
_HASHER = PasswordHasher(time_cost=1, memory_cost=46 * 1024, parallelism=1)
# Of a word that nobody has: a name that nobody has takes as long as one with a wrong password.
_NOBODYS = (
    "$argon2id$v=19$m=47104,t=1,p=1$bmlnaHRzb3J0LW5vYm9keQ$"
    "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"
)
_AT_ONCE = threading.BoundedSemaphore(2)
_PATIENCE_SECONDS = 5.0


class TooManyAtOnce(TransientError):
    """More people sign in at this moment than are attended to."""


def hashed(password: str) -> str:
    """What is kept of it; raises TooManyAtOnce."""
    with _attended():
        return _HASHER.hash(password.encode("utf-8", "surrogatepass"))


def fits(password: str, kept: str | None) -> bool:
    """Whether it is the one of which `kept` was made; None: there is no such person.

    Takes the same time in both cases. Raises TooManyAtOnce.
    """
    with _attended():
        try:
            _HASHER.verify(kept or _NOBODYS, password.encode("utf-8", "surrogatepass"))
        except (VerificationError, InvalidHashError):
            return False
    return kept is not None


def is_outdated(kept: str) -> bool:
    """Whether today another strength is chosen."""
    return _HASHER.check_needs_rehash(kept)


def complaint(password: str, name: str) -> str | None:
    """Why a new password will not do: a key of the catalogue `password`; None: it will.

    Length is what counts; no rules on characters. Source: NIST SP 800-63B.
    """
    if len(password) < SHORTEST:
        return "too_short"
    if len(password) > LONGEST:
        return "too_long"
    if len(set(password)) < 4 or name.casefold() in password.casefold():
        return "too_simple"
    return None


@contextmanager
def _attended() -> Iterator[None]:
    if not _AT_ONCE.acquire(timeout=_PATIENCE_SECONDS):
        raise TooManyAtOnce("too many people sign in at this moment; try again in a moment")
    try:
        yield
    finally:
        _AT_ONCE.release()
