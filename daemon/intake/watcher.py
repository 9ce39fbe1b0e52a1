"""The watcher: turns events and looks at the whole folder into sightings.

`event_source` decides how incoming is listened to and heals it, `scan` finds what events missed;
the watcher says when to look, and hands out what both found, a few at a time. Whether the folder
is the right one is for `presence`, whether a file is complete for `intake`. Nothing is concluded
from a file not being seen. One thread calls it, except for `wake`, `healthy`, `busy_seconds` and
the properties.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import islice

import structlog

from config.errors import TransientError
from config.sections import Observer
from daemon.domain.left_alone import MOST_NAMED, LeftAlone
from daemon.domain.photos import Sighting, as_text
from daemon.domain.wake_up import WakeUp
from daemon.folders.os_errors import printable
from daemon.folders.tree import Tree
from daemon.intake.event_source import CHECK_SECONDS, EventSource, MakeEvents, Mode
from daemon.intake.events import Events
from daemon.intake.scan import Scan
from daemon.intake.screening import Screening

log = structlog.get_logger()

# Between two polls, when a look takes next to no time; a slow one takes a twentieth of the time.
POLL_SECONDS = 5.0
_REST_PER_LOOK = 19.0
# After this long even a look that found no photo yet gives the caller its turn.
SLICE_SECONDS = 0.5


class Watcher:
    """Watches one folder."""

    def __init__(
        self,
        incoming: Tree,
        *,
        observer: Observer,
        rescan_seconds: float,
        ignore: Sequence[str],
        now: Callable[[], float] = time.monotonic,
        make_events: MakeEvents = Events,
    ) -> None:
        """`now` gives seconds that only ever grow."""
        self._tree = incoming
        self._rescan_seconds = rescan_seconds
        self._now = now
        self._wake_up = WakeUp()
        self._screening = Screening(ignore)
        self._source = EventSource(
            incoming, self._screening, observer, self._wake_up.ring, make_events
        )
        self._is_started = False
        self.looks = 0  # complete ones, at everything
        self._look: Scan | None = None  # at everything
        self._side_look: Scan | None = None  # at a folder that an event pointed to
        self._due_at = now()  # when everything is to be looked at again
        self._is_asked = False  # to look at everything, whatever the time
        self._not_before = now()  # of a folder that is away
        self._has_sighted = False  # since the last wait
        self._ignored: dict[str, int] = {}
        self._unreadable: frozenset[str] = frozenset()
        self._left_alone = LeftAlone()

    # --- for the service -------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to watch with the next `sightings`; a share that is away, as soon as it is there.

        Touches nothing yet: a share that hangs must not hang the start.
        """
        self._is_started = True
        self.rescan()

    def stop(self) -> None:
        """End watching."""
        self._is_started = False
        self._source.stop()
        self._drop_looks()

    def wake(self) -> None:
        """End a wait; from any thread or signal handler."""
        self._wake_up.ring()

    def wait(self, timeout_s: float) -> None:
        """Wait until something may be new, `wake`, or the time-out."""
        # Whoever took no sightings since the last wait has no room for more: let him rest.
        if self._has_sighted:
            self._has_sighted = False
            timeout_s = min(timeout_s, self._until_due())
        self._wake_up.wait(timeout_s)

    def rescan(self) -> None:
        """Begin a fresh look at everything now."""
        self._drop_looks()
        self._is_asked = True
        self._wake_up.ring()

    @property
    def scanning(self) -> bool:
        """Whether a look at everything is under way or due."""
        return self._look is not None or self._is_due()

    @property
    def mode(self) -> Mode:
        """How incoming is watched."""
        return self._source.mode

    @property
    def why(self) -> str:
        """Why it is watched that way."""
        return self._source.why

    @property
    def is_degraded(self) -> bool:
        """Whether events are wanted and cannot be had, for a limit of the kernel."""
        return self._source.is_limited

    @property
    def ignored(self) -> dict[str, int]:
        """What the last complete look left out, in numbers, by kind.

        The kinds are junk, not_a_photo, special and unreadable_folder.
        """
        return dict(self._ignored)

    @property
    def left_alone(self) -> LeftAlone:
        """What the last complete look left out, by name."""
        return self._left_alone

    def healthy(self) -> bool:
        """Whether events are heard, or not relied on; False if their thread has ended unnoticed."""
        return self._source.healthy()

    def busy_seconds(self) -> float:
        """How long the thread that hears events has been at one of them; 0 when it waits."""
        return self._source.busy_seconds()

    def sightings(self, limit: int) -> list[Sighting]:
        """At most `limit` photos that may be new: from events, then from looks under way.

        Raises TransientError while the folder is away and something is to be looked at.
        """
        self._has_sighted = True
        if self._is_started and self._source.heal(self._now()):
            self.rescan()
        try:
            found = self._from_events(limit)
            return found + self._from_looks(limit - len(found))
        except TransientError:
            # What the hints said is lost by now; a look at everything makes up for it.
            self.rescan()
            self._not_before = self._now() + CHECK_SECONDS
            raise

    # --- when to look ----------------------------------------------------------------------------

    def _is_due(self) -> bool:
        return self._is_asked or self._now() >= self._due_at

    def _until_due(self) -> float:
        """Seconds until there may be something to hand out, without an event."""
        now = self._now()
        events = self._source.events
        if self._look or self._side_look or (events and events.pending):
            return 0.0
        return max(0.0, self._not_before - now, 0.0 if self._is_asked else self._due_at - now)

    def _rest(self, look: Scan) -> float:
        """Seconds until everything is looked at again, when that took as long as `look`."""
        if self.mode == "native":
            return self._rescan_seconds
        return min(self._rescan_seconds, max(POLL_SECONDS, look.took_seconds * _REST_PER_LOOK))

    # --- what is found ---------------------------------------------------------------------------

    def _from_events(self, limit: int) -> list[Sighting]:
        found: list[Sighting] = []
        events = self._source.events
        while events and len(found) < limit and (path := events.take_file()) is not None:
            try:
                fingerprint = self._tree.fingerprint(path)
            except OSError:
                continue  # the next look tells what is wrong with that folder
            if fingerprint is not None:
                found.append(Sighting(path, fingerprint))
        return found

    def _from_looks(self, limit: int) -> list[Sighting]:
        """What the looks under way find in one slice of time."""
        found: list[Sighting] = []
        ends = time.monotonic() + SLICE_SECONDS
        while len(found) < limit and (left := ends - time.monotonic()) > 0:
            look = self._next_look()
            if look is None:
                break
            found += look.sightings(limit - len(found), left)
            if look.done:
                self._finish(look)
        return found

    def _next_look(self) -> Scan | None:
        """The look to go on with; folders that events pointed to come first."""
        events = self._source.events
        if self._side_look is None and events and (folder := events.take_folder()) is not None:
            self._side_look = Scan(self._tree, self._screening, folder)
        if self._side_look is None and self._look is None and self._is_due():
            if self._is_started:
                self._source.reconsider(self._now())
            self._is_asked = False
            self._look = Scan(self._tree, self._screening, enter=self._watch_too)
        return self._side_look or self._look

    def _watch_too(self, folder: str) -> None:
        """A folder in which the look found photos has to be watched; usually it is."""
        if self._source.events:
            self._source.events.ensure(folder)

    def _finish(self, look: Scan) -> None:
        if look is self._side_look:
            self._side_look = None
            return
        self._look = None
        self.looks += look.whole
        # A look that failed somewhere is repeated soon: a server that stumbled is up again by then.
        self._due_at = self._now() + (self._rest(look) if look.whole else POLL_SECONDS)
        self._ignored = look.ignored
        self._left_alone = LeftAlone(
            look.others,
            tuple(map(as_text, look.other_names)),
            {
                as_text(path or "."): why
                for path, why in islice(look.unreadable.items(), MOST_NAMED)
            },
        )
        for path in look.unreadable.keys() - self._unreadable:
            where = printable(self._tree.full(path))
            log.warning("folder_unreadable", folder=where, why=look.unreadable[path])
        self._unreadable = frozenset(look.unreadable)

    def _drop_looks(self) -> None:
        for look in (self._look, self._side_look):
            if look is not None:
                look.close()
        self._look = self._side_look = None
