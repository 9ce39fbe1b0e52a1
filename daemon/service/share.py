"""The share as the service sees it: whether the folders are there, and what comes into incoming."""

from __future__ import annotations

from collections.abc import Mapping

from daemon.domain.status_words import Problem
from daemon.folders.availability import Availability
from daemon.intake.admission import Admission
from daemon.intake.watcher import Watcher


class Share:
    """One face of availability, watcher and admission."""

    def __init__(
        self,
        availability: Availability,
        watcher: Watcher,
        admission: Admission,
        settle_seconds: float,
        about: Mapping[str, str],
    ) -> None:
        """about: what a start tells of it."""
        self.about = about
        self._availability = availability
        self._watcher = watcher
        self._admission = admission
        self.settle_seconds = settle_seconds
        self.start, self.stop = watcher.start, watcher.stop
        self.wake, self.wait = watcher.wake, watcher.wait
        self.require = availability.require
        self.take_in, self.look_afresh = admission.take_in, admission.look_afresh
        self.is_settling, self.next_due = admission.is_settling, admission.next_due
        self.left_alone = admission.left_alone

    def adopt(self) -> None:
        """Make or adopt the folders at the first start, and see whether they are there.

        Raises ConfigError when they cannot be made or adopted.
        """
        self._availability.adopt()
        self._availability.check()

    @property
    def absent(self) -> Mapping[str, Problem]:
        """Folders that are away, with a sentence that says why."""
        return self._availability.absent

    def is_back(self) -> bool:
        """Whether a folder has come back, and all are there now; what lies there is looked at."""
        if not self._availability.take_return():
            return False
        self._watcher.rescan()
        return not self.absent

    @property
    def is_looking(self) -> bool:
        """Whether a look at everything is under way or due."""
        return self._watcher.scanning

    @property
    def settling(self) -> int:
        """Files that were seen and may still be written to."""
        return self._admission.settling

    @property
    def ignored(self) -> int:
        """Files that the last complete look left out."""
        return sum(self._watcher.ignored.values())
