"""What people do at the page that no photo tells of: sign-ins, and who may use it from now on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Doing(StrEnum):
    """What somebody did. The values are fixed: they stand in the audit chain."""

    SIGN_IN = "sign_in"
    ACCOUNT_ADDED = "account_added"
    ACCOUNT_REMOVED = "account_removed"
    ACCOUNT_TAKEN_BACK = "account_taken_back"  # out of a backup that was restored
    ROLE_CHANGED = "role_changed"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - none
    LINK_MADE = "link_made"  # by which somebody sets a new password
    KEY_MADE = "key_made"
    KEY_REVOKED = "key_revoked"
    KEY_TAKEN_BACK = "key_taken_back"


@dataclass(frozen=True, slots=True)
class PageAct:
    """One of them, without any secret."""

    number: int  # by which the page knows it
    at: str  # ISO 8601, UTC
    person: str  # who did it
    doing: Doing = Doing.SIGN_IN
    whom: str = ""  # whose account, or which key, it is about; of a sign-in: nobody else's
    role: str = ""  # from now on, where it gives one


@dataclass(frozen=True, slots=True)
class PageActsAnswer:
    """Which of them are known."""

    known: int  # up to this number
