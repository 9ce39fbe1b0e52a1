"""Speaking with PostgreSQL: connections, and its errors in nightsort's words. Nothing else does.

psycopg is an extra (`nightsort[mirror]`), so it is imported here alone, when it is needed.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from config.errors import TransientError

if TYPE_CHECKING:
    import psycopg

# An attempt must end before the next one is due; a server that is cut off is noticed by the kernel.
CONNECT_SECONDS = 10
_OURS = {
    "connect_timeout": str(CONNECT_SECONDS),
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",  # milliseconds
    "application_name": "nightsort",
}
# Set in each transaction: a pooler between refuses them at the start, or gives them to another.
_PATIENCE = "SET LOCAL statement_timeout = '60s'; SET LOCAL lock_timeout = '20s'"


class MirrorFailed(TransientError):
    """The mirror cannot be written to for now; the message says why, and never a secret."""


class MirrorRefused(MirrorFailed):
    """It stays so until a person does something."""


class NotAllowed(MirrorRefused):
    """The role may not do that."""


class NameTaken(MirrorRefused):
    """There is such a row already, perhaps one that may not be seen."""


def is_installed() -> bool:
    """Whether psycopg is there."""
    return importlib.util.find_spec("psycopg") is not None


def how_to_install() -> str:
    """What to do where it is not."""
    return f'{sys.executable} -m pip install "psycopg[binary]>=3.2"'


class Postgres:
    """One connection. Every method raises MirrorFailed when the server refuses or is away."""

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        self._connection = connection

    def execute(self, statement: str, values: Sequence[Any] | None = None) -> int:
        """Execute one statement; returns how many rows it touched."""
        with _telling():
            return self._connection.execute(statement.encode(), values).rowcount

    def row(self, statement: str, values: Sequence[Any] | None = None) -> tuple[Any, ...] | None:
        """The first row that a statement finds."""
        with _telling():
            return self._connection.execute(statement.encode(), values).fetchone()

    def rows(self, statement: str, values: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
        """All rows that a statement finds."""
        with _telling():
            return self._connection.execute(statement.encode(), values).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written within, or nothing; one that fails at its end may have happened."""
        with _telling(), self._connection.transaction():
            self._connection.execute(_PATIENCE.encode())
            yield

    def close(self) -> None:
        """Close the connection, whatever has become of it."""
        self._connection.close()


def connect(address: str) -> Postgres:
    """Connect to the database that a connection string names.

    Raises MirrorFailed; MirrorRefused where psycopg is missing, or the string makes no sense.
    """
    if not is_installed():
        raise MirrorRefused(
            f"psycopg, which speaks to PostgreSQL, is not installed; {how_to_install()}"
        )
    import psycopg
    from psycopg import conninfo

    try:
        said: Mapping[str, Any] = conninfo.conninfo_to_dict(address)
    except psycopg.Error:
        # Its own words quote the string, and there is a password in it.
        raise MirrorRefused(
            "the connection string cannot be read ([mirror] or [fleet] postgres); write it as "
            "postgresql://user:password@host/database, special characters as %40"
        ) from None
    with _telling():
        return Postgres(
            # Without prepared statements, which a pooler in transaction mode loses.
            psycopg.connect(autocommit=True, prepare_threshold=None, **{**_OURS, **said})
        )


@contextmanager
def _telling() -> Iterator[None]:
    """Say what the server refuses in nightsort's words."""
    import psycopg
    from psycopg import errors

    try:
        yield
    except errors.UniqueViolation as exc:
        raise NameTaken(_in_words(exc)) from exc
    except errors.InsufficientPrivilege as exc:
        raise NotAllowed(
            f"PostgreSQL refuses: {_in_words(exc)}; give the role its rights (docs/mirror.md)"
        ) from exc
    except psycopg.Error as exc:
        raise MirrorFailed(f"PostgreSQL: {_in_words(exc)}") from exc


def _in_words(error: psycopg.Error) -> str:
    """What it says, in one line; values of rows, which it quotes below that, are left out."""
    text = error.diag.message_primary or str(error) or type(error).__name__
    return re.sub(r"\s+", " ", text).strip()[:300]
