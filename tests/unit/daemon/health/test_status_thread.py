"""The status thread goes on, whatever happens to those around it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest
from structlog.testing import capture_logs

from config.errors import FolderUnavailable
from daemon.domain.runs import Progress
from daemon.domain.status import LiveStatus
from daemon.folders.availability import Availability
from daemon.folders.presence import Presence
from daemon.health.progress import Liveness
from daemon.health.status_document import Moment, StatusGatherer
from daemon.health.status_thread import Listener, StatusThread
from tests.support.clocks import ManualClock
from tests.support.documents import part_of_status
from tests.support.waiting import eventually


class Folders:
    """Stands for `Presence`: says what a test wants to be absent."""

    def __init__(self) -> None:
        self.absent: dict[str, str] = {}
        self.free_bytes: dict[str, int] = {}

    def check(self) -> dict[str, str]:
        return dict(self.absent)


class Echo:
    """Stands for `StatusGatherer`: the document says no more than the state."""

    def document(self, moment: Moment) -> LiveStatus:
        return part_of_status(state=moment.state)


class Quiet:
    """Stands for `Liveness`: a loop that was last alive so long ago."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def silent_seconds(self) -> float:
        return self.seconds


class Recording:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def tell(self, document: LiveStatus) -> None:
        self.told.append(document["state"])


class Raising:
    """A listener with a defect."""

    def tell(self, _document: LiveStatus) -> None:
        raise RuntimeError("a defect")


class Stand:
    """A status thread with everything around it."""

    def __init__(self, *listeners: Listener, gatherer: Echo | None = None) -> None:
        self.clock = ManualClock()
        self.folders = Folders()
        self.liveness = Quiet()
        self.recording = Recording()
        self.availability = Availability(cast(Presence, self.folders), self.clock)
        self.status_thread = StatusThread(
            self.availability,
            cast(Liveness, self.liveness),
            cast(StatusGatherer, gatherer or Echo()),
            (*listeners, self.recording),
            turn_seconds=0.01,
            last_patience_seconds=0.01,
        )

    def note(self, state: str) -> None:
        self.status_thread.note(
            Moment(state, Progress(None, 0, 0, 0, 0.0), 0, "model", None, {}, ())
        )


@contextmanager
def noting(stand: Stand) -> Iterator[None]:
    stand.note("waiting")
    with stand.status_thread.kept():
        eventually(lambda: stand.recording.told)
        yield


def test_a_listener_with_a_defect_silences_nobody_and_is_told_once() -> None:
    stand = Stand(Raising())
    with capture_logs() as logs, noting(stand):
        eventually(lambda: len(stand.recording.told) > 5)
    assert [line["event"] for line in logs] == ["defect_met"]


def test_what_was_noted_last_is_told_last() -> None:
    stand = Stand()
    with noting(stand):
        stand.note("sorting")
        stand.note("stopping")
    assert stand.recording.told[-1] == "stopping"


def test_a_service_that_is_asked_to_end_is_said_to_be_although_its_loop_says_nothing() -> None:
    stand = Stand()
    with noting(stand):
        stand.status_thread.stop_asked()
        eventually(lambda: stand.recording.told[-1] == "stopping")


@pytest.mark.parametrize(
    ("is_absent", "seconds", "ends"),
    [(True, 3600.0, True), (True, 0.0, False), (False, 3600.0, False)],
)
def test_it_ends_the_process_only_when_a_share_keeps_the_loop_from_ending(
    is_absent: bool, seconds: float, ends: bool
) -> None:
    stand = Stand()
    if is_absent:
        stand.folders.absent = {"sorted": "it does not answer"}
    stand.liveness.seconds = seconds
    stand.note("sorting")
    ended = threading.Event()
    with capture_logs() as logs, stand.status_thread.kept(ended.set):
        stand.status_thread.stop_asked()
        told = len(stand.recording.told)
        eventually(lambda: ended.is_set() or len(stand.recording.told) > told + 20)
    assert ended.is_set() == ends
    assert ("ended_without_share" in {line["event"] for line in logs}) == ends


def test_it_ends_the_process_also_where_nobody_can_be_told_how_things_are() -> None:
    class Defect(Echo):
        def document(self, moment: Moment) -> LiveStatus:
            raise RuntimeError("a defect")

    stand = Stand(gatherer=Defect())
    stand.folders.absent = {"sorted": "it does not answer"}
    stand.liveness.seconds = 3600.0
    stand.note("sorting")
    ended = threading.Event()
    with capture_logs(), stand.status_thread.kept(ended.set):
        stand.status_thread.stop_asked()
        eventually(ended.is_set)


# Whether folders are there


def test_since_when_a_folder_is_away_is_kept_while_it_lasts(tmp_path: Path) -> None:
    stand = Stand()
    stand.folders.absent = {"sorted": f"sorted_dir {tmp_path} does not answer"}
    with capture_logs() as logs:
        for _ in range(3):
            stand.availability.check()
            stand.clock.advance(600)
    assert stand.availability.absent["sorted"].startswith("since Mon 02:00: sorted_dir ")
    with pytest.raises(FolderUnavailable, match="since Mon 02:00"):
        stand.availability.require()
    stand.folders.absent = {}
    with capture_logs() as more:
        stand.availability.check()
    stand.availability.require()
    assert stand.availability.take_return()
    assert not stand.availability.take_return()
    assert [line["event"] for line in logs + more] == ["share_unavailable", "share_available"]
