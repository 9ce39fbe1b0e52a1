"""What the page remembers itself: who may use it and how, its calls, what was printed.

Accounts, sessions, links, keys, failed sign-ins; and what the audit chain is still to be told. One
SQLite file of its own, `state_dir/web/web.db`; the only package of `web` that speaks SQL.
Secrets are never in it: passwords as argon2id, everything else as SHA-256 of 256 random bits.
Everything here may be called in any thread; what writes waits for the disk, so not in the event
loop's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from web.database.accounts import Account, Accounts, NameTaken
from web.database.acts import Acts
from web.database.calls import Call, Calls
from web.database.connection import DATABASE, Connection
from web.database.failures import Failures
from web.database.keys import Key, Keys
from web.database.links import Link, Links
from web.database.prints import Print, Prints
from web.database.restoring import TakenBack, take_back
from web.database.sessions import Session, Sessions
from web.reading.restored import restored_people

__all__ = [
    "DATABASE",
    "Account",
    "Call",
    "Key",
    "Link",
    "NameTaken",
    "Print",
    "Session",
    "WebStore",
]


@dataclass(frozen=True, slots=True)
class WebStore:
    """All of it, over one file."""

    connection: Connection
    accounts: Accounts
    acts: Acts
    sessions: Sessions
    links: Links
    keys: Keys
    failures: Failures
    calls: Calls
    prints: Prints

    @classmethod
    def open(cls, folder: Path) -> WebStore:
        """Open the file in `folder`, making it on first use, and bring it to its newest form.

        Raises ConfigError when it cannot be opened, or was written by a newer nightsort.
        """
        connection = Connection(folder)
        return cls(
            connection,
            Accounts(connection),
            Acts(connection),
            Sessions(connection),
            Links(connection),
            Keys(connection),
            Failures(connection),
            Calls(connection),
            Prints(connection),
        )

    def take_back(self, state_dir: Path) -> TakenBack:
        """Take back people and keys of a backup that was restored, where one was."""
        people = restored_people(state_dir)
        if people is None:
            return TakenBack(0, 0)
        return take_back(self.connection, people.accounts, people.keys, people.at)

    def close(self) -> None:
        """Close the file."""
        self.connection.close()
