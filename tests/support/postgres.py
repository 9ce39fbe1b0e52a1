"""A PostgreSQL server of the test's own, on a socket in a folder of its own, from Debian's package.

    with cluster() as postgres:
        postgres.new_database("mirror")    a connection string
        postgres.stop(), postgres.start()
Where it is not installed the test is skipped with the reason; where $CI is set it fails instead.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

_PORT = "5499"  # names the socket; nothing listens on the network


def _programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: path.parts[4])
    return found[-1].parent if found else None


@dataclass
class Cluster:
    """A server that can be stopped, killed and started again."""

    folder: Path
    programs: Path
    user: str

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def run(self, program: str, *arguments: str) -> str:
        """Run one of its programs as its user; it refuses root."""
        as_user = ["runuser", "-u", self.user, "--"] if os.geteuid() == 0 else []
        done = subprocess.run(
            [*as_user, str(self.programs / program), *arguments],
            check=False, capture_output=True, text=True, timeout=120, cwd="/",
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"
        return done.stdout

    def start(self) -> None:
        options = f"-p {_PORT} -k {self.folder} -c fsync=off -c listen_addresses="
        log = str(self.folder / "log")
        self.run("pg_ctl", "-D", str(self.data), "-w", "-l", log, "-o", options, "start")

    def stop(self, how: str = "immediate") -> None:
        """End it; immediate: as a power cut would."""
        self.run("pg_ctl", "-D", str(self.data), "-w", "-m", how, "stop")

    def address(self, database: str, role: str = "test") -> str:
        return f"host={self.folder} port={_PORT} dbname={database} user={role}"

    def new_database(self, name: str) -> str:
        """The connection string of an empty database of that name."""
        self.ask("postgres", f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        self.ask("postgres", f'CREATE DATABASE "{name}"')
        return self.address(name)

    def ask(self, database: str, statement: str, role: str = "test") -> list[tuple[Any, ...]]:
        """What a statement answers; () where it has no rows."""
        with psycopg.connect(self.address(database, role), autocommit=True) as connection:
            done = connection.execute(statement.encode())
            return done.fetchall() if done.description else []

    def tables(self, database: str) -> dict[str, list[tuple[Any, ...]]]:
        """All that was mirrored there, in order."""
        return {
            table: self.ask(database, f"SELECT * FROM nightsort.{table} ORDER BY station, id")
            for table in ("runs", "photos", "corrections", "alerts", "examples")
        }


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A server that runs until the end of the `with` block."""
    programs = _programs()
    if programs is None:
        reason = "PostgreSQL's server (Debian: postgresql) is not installed"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    user = "postgres" if any(one.pw_name == "postgres" for one in pwd.getpwall()) else "nobody"
    folder = Path(tempfile.mkdtemp(prefix="nightsort-pg-"))  # a socket's path must be short
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, user)
        made = Cluster(folder, programs, user)
        made.run(
            "initdb", "-D", str(made.data), "-A", "trust", "-U", "test", "--no-sync", "-E", "UTF8"
        )
        made.start()
        yield made
        if (made.data / "postmaster.pid").exists():
            made.stop()
    finally:
        _end(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _end(folder: Path) -> None:
    """Whatever became of the test, its server does not outlive it."""
    pid = folder / "data/postmaster.pid"
    if pid.exists() and (number := re.match(r"\d+", pid.read_text())):
        subprocess.run(["kill", "-QUIT", number[0]], check=False)
