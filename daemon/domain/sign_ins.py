"""Sign-ins to the page, as it tells of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SignIn:
    """Somebody signed in to the page."""

    number: int  # by which the page knows it
    at: str  # ISO 8601, UTC
    person: str


@dataclass(frozen=True, slots=True)
class SignInsAnswer:
    """Which sign-ins are known."""

    known: int  # up to this number
