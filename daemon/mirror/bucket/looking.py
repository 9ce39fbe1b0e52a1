"""Looking at the files that are no photos: which are to be sent, and which are to go there."""

from __future__ import annotations

from collections.abc import Callable, Collection

from config.errors import TransientError
from daemon.domain.clock import Clock
from daemon.mirror.bucket.sources import BACKUPS, Source, Sources
from daemon.mirror.bucket.troubles import Troubles
from daemon.store import Store


class Look:
    """Looks at the files of one box."""

    def __init__(
        self,
        store: Store,
        sources: Sources,
        clock: Clock,
        troubles: Troubles,
        call: Callable[[], None],
    ) -> None:
        """call: makes a signed call to storage, which takes none that a clock far ahead signed."""
        self._store = store
        self._sources = sources
        self._clock = clock
        self._troubles = troubles
        self._call = call

    def files(self) -> list[Source]:
        """Those that are new or changed; what is to go there is marked before."""
        open_runs = {run.id for run in self._store.runs.unclosed()}
        sources = [*self._sources.files(open_runs)]
        here = {one.key for one in sources}
        old = self._expired(here)
        to_go = (old & {*self._store.bucket.keys(BACKUPS)}) | (
            {*self._store.bucket.compressed()} - here
        )
        if to_go:
            self._store.bucket.let_go(to_go)
        changed = [one for one in sources if one.key not in old and self._differs(one)]
        return self._in_order(changed)

    def _expired(self, here: Collection[str]) -> set[str]:
        """Which backups are too old, here and there."""
        there = {*self._store.bucket.keys(BACKUPS)}
        backups = there.union(key for key in here if key.startswith(BACKUPS))
        old = {*self._sources.expired(backups, self._clock.now())}
        if not old & there:
            return old
        self._call()
        return {*self._sources.expired(backups, self._clock.now())}

    def _differs(self, source: Source) -> bool:
        known = self._store.bucket.of_key(source.key)
        try:
            seen = source.tree.seen(source.path)
        except TransientError:
            return True  # sending it says why
        if known is None or seen is None:
            return seen is not None
        is_same = (known.size_bytes, known.mtime_ns) == (seen.size_bytes, seen.mtime_ns)
        return not known.sha256 or not is_same

    def _in_order(self, sources: Collection[Source]) -> list[Source]:
        """What made trouble last, and only where it is to be tried again."""
        self._troubles.keep_files({one.key for one in sources})
        due = [one for one in sources if not self._troubles.is_put_off(one.key)]
        return sorted(due, key=lambda one: self._troubles.knows(one.key))
