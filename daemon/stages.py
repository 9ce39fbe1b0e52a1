"""Stages: what a service is built from; `assembly` puts them together."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.admission import Admission
from daemon.availability import Availability
from daemon.clerk import Clerk
from daemon.drain import Drain
from daemon.heralding import Herald
from daemon.housekeeping.housekeeper import Housekeeper
from daemon.pulse import Pulse
from daemon.reloading import Reloading
from daemon.requests import Requests
from daemon.store import Store
from daemon.supervision import Supervision
from daemon.timetable import Timetable
from daemon.tree import Tree
from daemon.vigil import Vigil
from daemon.watcher import Watcher


@dataclass(frozen=True, slots=True)
class Stages:
    """The parts of one service."""

    incoming: Tree
    store: Store
    availability: Availability
    watcher: Watcher
    admission: Admission
    drain: Drain
    clerk: Clerk
    housekeeper: Housekeeper
    timetable: Timetable
    herald: Herald
    requests: Requests
    reloading: Reloading
    supervision: Supervision
    pulse: Pulse
    vigil: Vigil
    model: str
