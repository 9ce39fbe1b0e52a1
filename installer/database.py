"""The service's database, as far as an upgrade must know it: its schema, and a copy to go back to.

Opened as its owner, for SQLite makes files beside it. Source: sqlite.org, "Write-Ahead Logging",
"PRAGMA user_version".
"""

from __future__ import annotations

from pathlib import Path

from installer.errors import InstallError
from installer.layout import USER
from installer.machine import Machine
from installer.package import Package

_VERSION = """
import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute("PRAGMA user_version").fetchone()[0])
"""
_COPY = """
import os, sqlite3, sys
source, target = sys.argv[1:]
with sqlite3.connect(source) as one, sqlite3.connect(target + ".part") as other:
    one.backup(other)
other.close()
os.replace(target + ".part", target)
"""
_PUT_BACK = """
import os, sys
database, copy = sys.argv[1:]
os.replace(copy, database)
for name in (database + "-wal", database + "-shm"):
    if os.path.exists(name):
        os.remove(name)
"""


class Database:
    """The database below `state_dir`; used while the service is stopped, but for its schema."""

    def __init__(self, state_dir: Path, machine: Machine) -> None:
        self._file = state_dir / "nightsort.db"
        self._copy = state_dir / "nightsort.db.before-upgrade"
        self._machine = machine

    @property
    def schema(self) -> int:
        """The number of its schema; 0 when there is none yet."""
        return int(self._do(_VERSION, self._file)) if self._file.exists() else 0

    def require_known_to(self, package: Package) -> None:
        """Raises InstallError where a newer nightsort wrote it."""
        if (found := self.schema) > package.schema:
            raise InstallError(
                f"{self._file} was written by a newer nightsort (schema {found}; "
                f"{package.version} knows {package.schema}): install that version, or a newer "
                "one; nothing was changed"
            )

    def keep_copy(self) -> None:
        """Copy it, as it is now."""
        if self._file.exists():
            self._do(_COPY, self._file, self._copy)

    def go_back(self, package: Package) -> bool:
        """Take the copy where the database became too new for `package`; says whether it did."""
        if self.schema <= package.schema:
            return False
        self._do(_PUT_BACK, self._file, self._copy)
        return True

    def drop_copy(self) -> None:
        """The copy is of no use any more."""
        self._copy.unlink(missing_ok=True)

    def _do(self, code: str, *paths: Path) -> str:
        return self._machine.run("python3", "-c", code, *paths, by=USER)
