"""The history is read by a user who may write nothing: beside the daemon, after it, over its body.

What the page does, as `nightsort-web`, in the daemon's group (docs/decisions/0014).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from daemon.store import DATABASE, Store
from daemon.store.database import LOG_ENDS
from tests.support.two_users import DAEMON, GROUP, WEB, Person, person, shared_folder

_WRITER = """
import os, sys
from pathlib import Path
from daemon.store import Store
os.umask(0o007)
state = Path(sys.argv[1])
store = Store(state)
for line in sys.stdin:
    match line.split():
        case ["remember", word]: store.facts.remember("word", word)
        case ["many"]: [store.facts.remember(f"fact {n}", "x" * 500) for n in range(2000)]
        case ["close"]: store.close()
        case ["open"]: store = Store(state)
        case ["die"]: os.kill(os.getpid(), 9)
    print("done", flush=True)
"""
_READER = """
import sys
from pathlib import Path
from daemon.store import Store
store = Store(Path(sys.argv[1]), reading=True)
print("open", flush=True)
for line in sys.stdin:
    match line.split():
        case ["read"]: print(store.facts.get("word"), flush=True)
        case ["begin"]: store._db.execute("BEGIN"); print("begun", flush=True)
        case ["end"]: store._db.execute("COMMIT"); print("ended", flush=True)
        case ["write"]:
            try: store.facts.remember("word", "mine")
            except Exception as exc: print(type(exc).__name__, flush=True)
"""


@pytest.fixture
def state() -> Iterator[Path]:
    with shared_folder() as folder:
        state = folder / "state"
        state.mkdir()
        os.chown(state, DAEMON, GROUP)
        state.chmod(0o750)
        yield state


@pytest.fixture
def writer(state: Path) -> Iterator[Person]:
    with person(DAEMON, _WRITER, state) as one:
        assert one("remember first") == "done"
        yield one


@contextmanager
def reader(state: Path) -> Iterator[Person]:
    with person(WEB, _READER, state) as one:
        assert one.answer() == "open", one.end()
        yield one


def test_a_user_who_may_only_read_reads_beside_the_daemon(state: Path, writer: Person) -> None:
    with reader(state) as one:
        assert one("read") == "first"
        writer("remember second")
        assert one("read") == "second"


def test_after_a_clean_stop_too(state: Path, writer: Person) -> None:
    writer("close")
    with reader(state) as one:
        assert one("read") == "first"
    assert [(state / f"{DATABASE}{end}").stat().st_size for end in LOG_ENDS] == [0, 0]


def test_and_after_a_kill_what_was_committed_last(state: Path, writer: Person) -> None:
    writer("remember second")
    assert writer("die") == ""
    with reader(state) as one:
        assert one("read") == "second"


def test_a_daemon_that_comes_and_goes_under_a_reader_is_followed(
    state: Path, writer: Person
) -> None:
    writer("close")
    with reader(state) as one:
        assert one("read") == "first"
        writer("open")
        writer("remember second")
        assert one("read") == "second"
        writer("close")
        assert one("read") == "second"
        writer("open")
        writer("remember third")
        writer("die")
        assert one("read") == "third"


def test_a_read_sees_one_state_whatever_the_daemon_writes_meanwhile(
    state: Path, writer: Person
) -> None:
    writer("close")
    with reader(state) as one:
        one("begin")
        assert one("read") == "first"
        writer("open")
        writer("remember second")
        writer("many")  # more than a checkpoint waits for
        writer("close")
        assert one("read") == "first"
        one("end")
        assert one("read") == "second"


def test_a_reader_never_holds_up_the_daemon(state: Path, writer: Person) -> None:
    with reader(state) as one:
        one("begin")
        one("read")
        assert writer("remember second") == "done"
        assert writer("close") == "done"
        assert writer("open") == "done"


def test_a_reader_cannot_write(state: Path, writer: Person) -> None:
    with reader(state) as one:
        assert one("write") == "FolderUnavailable"
        assert one("read") == "first"


def test_what_is_put_beside_the_database_never_touches_a_log_that_is_there(tmp_path: Path) -> None:
    """Not even its locks: another connection of this process may hold some on it."""
    one, other = Store(tmp_path), Store(tmp_path)
    other.facts.remember("word", "kept")
    index = tmp_path / f"{DATABASE}-shm"
    before = index.stat()
    held = locks_on(before.st_ino)
    assert held
    one.close()
    assert locks_on(before.st_ino) == held
    assert index.stat().st_ino == before.st_ino
    other.close()


def locks_on(inode: int) -> list[str]:
    lines = Path("/proc/locks").read_text(encoding="utf-8").splitlines()
    ours = [line.split(maxsplit=1)[1] for line in lines if f":{inode} " in line]
    return sorted(line for line in ours if "POSIX" in line)
