"""What a person or a key may do: each role also does what those before it may."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

# What people and keys may be called.
NAME = re.compile(r"\w(?:[\w .@-]{0,62}\w)?")


class Role(StrEnum):
    """The roles, the weakest first."""

    READER = "reader"  # looks, and asks for predictions
    CLERK = "clerk"  # decides photos
    LEAD = "lead"  # teaches: uploads examples, asks for lessons
    ADMIN = "admin"  # accounts, keys, versions

    def may(self, needed: Role) -> bool:
        """Whether this role suffices where `needed` is asked for."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a person who is signed in, or a program with a key."""

    kind: Literal["person", "key"]
    name: str
    role: Role
    account: int = 0  # of a person
    session: str = ""  # of a person: what tells the sign-in from others, no secret

    @property
    def label(self) -> str:
        """For logs, limits and the history."""
        return f"{self.kind}:{self.name}"
