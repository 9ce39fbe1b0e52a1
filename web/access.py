"""Who may call what. A route that does not say cannot be made: so nobody can forget it.

    @router.post("/photos/{photo}/decision")
    @needs(Role.CLERK)
    def decide(photo: int, caller: CallerOf) -> ...:

All of it is settled before a byte of the body is read: credentials, role, origin, limits, kind and
size of the body. Only the token of a form stands in the body, and is looked at next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from config.settings import Settings
from web.bodies import FORM_BYTES
from web.limits import Kind
from web.roles import Role

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
# Of a body; where the settings say how much, a function of them.
Bytes = int | Callable[[Settings], int]


@dataclass(frozen=True, slots=True)
class Access:
    """What a route asks of who calls it."""

    role: Role | None  # None: anybody, whoever they are
    counts_as: Kind
    most_bytes: Bytes
    or_station: bool = False  # also for whoever asks from a station's address

    def bytes_within(self, settings: Settings) -> int:
        """How much a body may have."""
        return self.most_bytes if isinstance(self.most_bytes, int) else self.most_bytes(settings)


_OF: dict[Callable[..., Any], Access] = {}


def needs(
    role: Role,
    *,
    counts_as: Kind = "reads",
    most_bytes: Bytes = FORM_BYTES,
    or_station: bool = False,
) -> Callable[[Endpoint], Endpoint]:
    """Only for callers of this role, or a stronger one. most_bytes: of a body, if it takes one.

    or_station: and for the tablets that `[web] station_addresses` names, whoever holds them.
    """
    return _noted(Access(role, counts_as, most_bytes, or_station))


def open_to_all() -> Callable[[Endpoint], Endpoint]:
    """For anybody; who is known is known all the same."""
    return _noted(Access(None, "reads", FORM_BYTES))


def access_of(endpoint: Callable[..., Any]) -> Access:
    """What this endpoint asks; raises TypeError when it does not say."""
    try:
        return _OF[endpoint]
    except KeyError:
        raise TypeError(
            f"{endpoint.__qualname__} says neither needs(…) nor open_to_all()"
        ) from None


def _noted(access: Access) -> Callable[[Endpoint], Endpoint]:
    def note(endpoint: Endpoint) -> Endpoint:
        _OF[endpoint] = access
        return endpoint

    return note
