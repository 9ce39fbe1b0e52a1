"""Promise 1, stated for any order of events: nothing is lost, nothing twice, nothing overwritten.

A machine drops, renames, replaces and removes photos, lets the core work, and kills it at every
point of filing and around every word to the store; folders fail and disks are full. Afterwards
every photo that was ever settled is in exactly one place, byte for byte, with one row in the
results and one in the history.
"""

from __future__ import annotations

import errno
import hashlib
import itertools
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from config.errors import DiskFull, TransientError
from daemon.domain.photos import as_text
from daemon.folders.renaming import Way, by_flag, by_link, by_reservation
from daemon.store import Store
from daemon.store.database import Part
from tests.support.core import Core, tiny_photo
from tests.support.desk import Crash
from tests.support.long import LONG
from tests.support.rights import like_an_ordinary_user

pytestmark = pytest.mark.timeout(1800 if LONG else 300)

# Disks that know all ways of renaming, only links, or neither.
WAYS: tuple[tuple[Way, ...] | None, ...] = (None, (by_link,), (by_reservation,), (by_flag,))


# Of the files there are: drawn without looking at them, lest an example depend on the disk's order.
WHICH = st.integers(0, 5)


class Fate:
    """Says when the process dies and when the disk is full, counted in things that happen."""

    def __init__(self) -> None:
        self.die_after: int | None = None
        self.full_after: int | None = None

    def reached(self, _point: str) -> None:
        """A point in filing."""
        if self.passed():
            raise OSError(errno.ENOSPC, "no space left")

    def spoke(self) -> None:
        """A moment around a word to the store."""
        if self.passed():
            raise DiskFull("state_dir: no space left")

    def passed(self) -> bool:
        """Count; whether the disk is full by now."""
        if self.die_after is not None:
            self.die_after -= 1
            if self.die_after < 0:
                self.die_after = None
                raise Crash
        if self.full_after is not None:
            self.full_after -= 1
            return self.full_after < 0
        return False

    def spare(self) -> None:
        """Let things go well from now on."""
        self.die_after = self.full_after = None


class DyingStore:
    """The store, in a process that may die before or after each word of its parts."""

    def __init__(self, store: Store, fate: Fate) -> None:
        self._store = store
        self._fate = fate

    def __getattr__(self, name: str) -> Any:
        part = getattr(self._store, name)
        return DyingPart(part, self._fate) if isinstance(part, Part) else part


class DyingPart:
    """One part of that store."""

    def __init__(self, part: Part, fate: Fate) -> None:
        self._part = part
        self._fate = fate

    def __getattr__(self, name: str) -> Any:
        method: Callable[..., Any] = getattr(self._part, name)

        def called(*args: Any, **options: Any) -> Any:
            self._fate.spoke()
            answer = method(*args, **options)
            self._fate.spoke()
            return answer

        return called


class Night(RuleBasedStateMachine):
    """One share, and everything that can happen to it."""

    def __init__(self) -> None:
        super().__init__()
        memory = Path("/dev/shm")
        self.folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
        self.numbers = itertools.count(1)
        self.expected: Counter[bytes] = Counter()  # what people dropped and nobody took away
        self.settled: set[str] = set()  # names in incoming as they were admitted
        self.fate = Fate()
        self.core: Core

    @initialize(ways=st.sampled_from(WAYS), batch_size=st.sampled_from([1, 3, 5]))
    def begin(self, ways: tuple[Way, ...] | None, batch_size: int) -> None:
        self.core = Core(
            self.folder,
            batch_size=batch_size,
            reached=self.fate.reached,
            ways=ways,
            inline=True,
            wrap=lambda store: DyingStore(store, self.fate),
        )
        self.core.store._db.execute("PRAGMA synchronous = OFF")

    def teardown(self) -> None:
        self.fate.spare()
        if hasattr(self, "core"):
            self.core.stop()
        shutil.rmtree(self.folder)

    # --- people --------------------------------------------------------------------------------

    def _drop(self, name: str, content: bytes) -> None:
        self.core.drop(name, content)
        self.expected[content] += 1

    @rule(
        name=st.sampled_from(["a.png", "b.png", "t/a.png", "A.png", "caf\udce9.png", "=x.png"]),
        category=st.sampled_from(["Shirts", "Tops", "review"]),
    )
    def a_photo_arrives(self, name: str, category: str) -> None:
        if not (self.core.incoming / name).exists():
            self._drop(name, tiny_photo(category, next(self.numbers)))

    @rule(number=st.integers(1, 3), name=st.sampled_from(["twin.png", "t/twin.png", "b.png"]))
    def a_twin_arrives(self, number: int, name: str) -> None:
        if not (self.core.incoming / name).exists():
            self._drop(name, tiny_photo("Shirts", -number))

    @rule(kind=st.sampled_from(["corrupt", "truncated", "empty"]))
    def a_bad_file_arrives(self, kind: str) -> None:
        number = next(self.numbers)
        whole = tiny_photo("Shirts", number)
        content = {"corrupt": b"not %d" % number, "truncated": whole[:-16], "empty": b""}[kind]
        self._drop(f"bad{number}.png", content)

    def _someone(self, which: int) -> Path | None:
        found = sorted(path for path in self.core.incoming.rglob("*") if path.is_file())
        return found[which % len(found)] if found else None

    def _is_under_way(self, content: bytes) -> bool:
        """Whether a photo has two names for the moment, as its move was interrupted."""
        return Counter(self.core.files().values())[content] > self.expected[content]

    def _take(self, path: Path) -> None:
        """Remove a file: the photo is gone, unless it was on its way and is in sorted already."""
        content = path.read_bytes()
        self.expected[content] -= not self._is_under_way(content)
        path.unlink()

    @rule(which=WHICH)
    def a_file_is_renamed(self, which: int) -> None:
        path = self._someone(which)
        if path and not self._is_under_way(path.read_bytes()):
            path.rename(path.with_name(f"renamed{next(self.numbers)}.png"))

    @rule(which=WHICH)
    def a_file_is_removed(self, which: int) -> None:
        if path := self._someone(which):
            self._take(path)

    @rule(which=WHICH, in_place=st.booleans())
    def a_file_is_replaced(self, which: int, in_place: bool) -> None:
        if path := self._someone(which):
            content = tiny_photo("Tops", next(self.numbers))
            if in_place and path.stat().st_nlink == 1:
                self.expected[path.read_bytes()] -= 1
            else:
                self._take(path)
            path.write_bytes(content)
            self.expected[content] += 1

    @rule(which=WHICH)
    def a_filed_photo_is_put_back(self, which: int) -> None:
        """By hand: it must not become its own duplicate, nor vanish."""
        filed = sorted(p for p in self.core.sorted.rglob("*.png") if p.is_file())
        if filed:
            path = filed[which % len(filed)]
            if not self._is_under_way(path.read_bytes()):
                path.rename(self.core.incoming / f"back{next(self.numbers)}.png")

    # --- the process ---------------------------------------------------------------------------

    @rule()
    def photos_settle(self) -> None:
        self.core.take_in()

    @rule(die_after=st.none() | st.integers(0, 60))
    def it_works(self, die_after: int | None) -> None:
        self._run(die_after)

    @rule(die_after=st.none() | st.integers(0, 12))
    def it_looks_ahead(self, die_after: int | None) -> None:
        """Between runs; nothing may move by it."""
        before = self.core.files()
        self.fate.die_after = die_after
        try:
            if self.core.drainer.run is None:
                self.core.look_ahead()
        except Crash:
            self._restart()
        finally:
            self.fate.spare()
        assert self.core.files() == before

    @rule(full_after=st.integers(0, 40))
    def it_works_while_a_disk_fills_up(self, full_after: int) -> None:
        self.fate.full_after = full_after
        self._run(None)
        self.fate.spare()

    @rule(folder=st.sampled_from(["sorted", "results", "incoming", "incoming/t"]))
    def it_works_while_a_folder_refuses(self, folder: str) -> None:
        self._work_while_refused(folder)

    def _work_while_refused(self, folder: str) -> None:
        refusing = self.core.incoming.parent / folder
        if not refusing.is_dir():
            return
        refusing.chmod(0o500)
        try:
            with like_an_ordinary_user():
                self._run(None)
        finally:
            refusing.chmod(0o755)

    @rule(seconds=st.sampled_from([6.0, 700.0]))
    def time_passes(self, seconds: float) -> None:
        self.core.clock.advance(seconds)

    @rule(reboot=st.booleans())
    def it_starts_again(self, reboot: bool) -> None:
        self._restart(reboot=reboot)

    @precondition(lambda self: self.core.drainer.run is not None)
    @rule()
    def the_run_is_closed(self) -> None:
        self.core.drainer.close(settling=0)

    def _restart(self, *, reboot: bool = False) -> None:
        self.fate.spare()
        self.core.restart(reboot=reboot)
        self.core.store._db.execute("PRAGMA synchronous = OFF")

    def _run(self, die_after: int | None) -> None:
        """Take in and work; whatever goes wrong is followed by a restart or by a new try later."""
        self.fate.die_after = die_after
        try:
            self.core.drainer.recover()
            self.core.take_in()
            self.core.work()
        except Crash:
            self._restart()
        except TransientError:
            pass
        finally:
            self.fate.spare()

    # --- what must hold ------------------------------------------------------------------------

    @invariant()
    def nothing_is_lost_or_overwritten(self) -> None:
        if not hasattr(self, "core"):
            return
        present = Counter(self.core.files().values())
        missing = +(self.expected - present)
        assert not missing, f"lost: {missing}"

    @invariant()
    def every_csv_holds_whole_rows(self) -> None:
        if not hasattr(self, "core"):
            return
        for path in self.core.results.glob("batch_results_*.csv"):
            assert path.read_bytes().endswith(b"\r\n")
        assert all(None not in row and row["run"] for row in self.core.all_rows())

    @invariant()
    def every_closed_run_balances(self) -> None:
        if not hasattr(self, "core"):
            return
        for summary in self.core.store.runs.summaries():
            came = summary["waiting_before"] + summary["arrived"]
            went = summary["total_processed"] + summary["gone"] + summary["waiting_after"]
            assert came == went, summary

    def _kept(self) -> set[bytes]:
        """What could not be removed from incoming when it was filed: the exception of promise 1."""
        hashes = self.core.store._db.execute("SELECT sha256 FROM photos WHERE kept_source = 1")
        known = {hashlib.sha256(content).hexdigest(): content for content in self.expected}
        return {known[sha256] for (sha256,) in hashes}

    @rule()
    def in_the_end_everything_is_in_one_place(self) -> None:
        """Let it go well: then all of promise 1 can be checked."""
        self._restart()
        core = self.core
        for _ in range(3):  # the truncated ones wait for their time
            core.recover_and_drain()
            core.clock.advance(700)
        present = core.files()
        kept = self._kept()
        exact = {content: n for content, n in self.expected.items() if content not in kept and n}
        assert {c: n for c, n in Counter(present.values()).items() if c not in kept} == exact
        left = [name for name in present if name.startswith("incoming/")]
        assert all(present[name] in kept for name in left)
        rows = core.all_rows()
        history = [
            row
            for summary in core.store.runs.summaries()
            for row in core.store.runs.rows(summary["run"])
        ]
        assert len(rows) == len(history)
        # One row for each photo that was filed; those that people took away again had theirs too.
        filed = Counter(row["filed_path"] for row in rows)
        for name in present.keys() - set(left):
            assert filed[as_text(str(core.sorted / name.removeprefix("sorted/")))] >= 1
        self.nothing_of_ours_is_left()
        assert core.store.queue.waiting(core.clock.steady()).queued == 0

    def nothing_of_ours_is_left(self) -> None:
        roots = self.core.incoming, self.core.sorted
        assert [path for root in roots for path in root.rglob(".nightsort*")] == []


TestNight = Night.TestCase
TestNight.settings = settings(
    max_examples=1000 if LONG else 150,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
