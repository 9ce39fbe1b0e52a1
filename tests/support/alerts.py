"""Alerting for tests: targets that remember what they were told, and a box whose state is told.

box = Box(tmp_path)
box.document = healthy(failing={...})
box.turn()                     one turn; returns what the target was told in it
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

from config.settings import Settings
from config.targets import Severity
from daemon.alerting.outbox import Addressee
from daemon.alerting.worker import AlertingSession
from daemon.domain.alerts import Alert, Sent
from daemon.domain.summaries import RunSummary
from daemon.domain.timetable import Timetable
from daemon.store import Delivery, Store
from daemon.store.changes import REPORTS
from tests.support.clocks import ManualClock
from tests.support.documents import part_of_status, part_of_summary

DELIVERED = Sent(is_delivered=True)


class FakeTarget:
    """Takes everything, unless `answer` says otherwise."""

    def __init__(
        self,
        name: str,
        severities: Sequence[str] = get_args(Severity),
        answer: Callable[[Alert], Sent] = lambda _: DELIVERED,
    ) -> None:
        self.name = name
        self.severities = tuple(severities)
        self.told: list[Alert] = []
        self._answer = answer

    def deliver(self, alert: Alert, deadline_seconds: float) -> Sent:
        outcome = self._answer(alert)
        if outcome.is_delivered:
            self.told.append(alert)
        return outcome


class InlineSenders:
    """In place of `Senders`: what is given has been tried when `give` returns."""

    def __init__(self) -> None:
        self.session: AlertingSession | None = None
        self._targets: dict[str, Addressee] = {}

    def take(self, targets: Sequence[Addressee]) -> None:
        self._targets = {target.name: target for target in targets}

    def give(self, deliveries: Sequence[Delivery]) -> None:
        assert self.session is not None
        for delivery in deliveries:
            outcome = self._targets[delivery.target].deliver(delivery.alert, 1.0)
            self.session.note(delivery, outcome)

    def arrived(self, delivery: Delivery) -> None:
        """Nothing is ever on its way."""


class Box:
    """One instance's alerting, with a clock that a test moves and a status that it writes."""

    def __init__(self, folder: Path, *, is_service: bool = True, **settings: Any) -> None:
        """settings: tables of the settings, such as `alerts={...}`."""
        self.folder = folder
        for name in ("results", "state"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self.settings = Settings.model_validate(
            {
                "incoming_dir": folder / "incoming",
                "sorted_dir": folder / "sorted",
                "results_dir": folder / "results",
                "state_dir": folder / "state",
                **settings,
            }
        )
        self.clock = ManualClock()
        self.target = FakeTarget("mail")
        self.targets: list[FakeTarget] = [self.target]
        self.document = healthy()
        self._is_service = is_service
        self.start()

    def start(self) -> None:
        self.store = Store(self.settings.state_dir)
        senders = InlineSenders()
        self.session = AlertingSession(
            self.store,
            self.clock,
            senders,  # type: ignore[arg-type]
            is_service=self._is_service,
        )
        senders.session = self.session
        self.session.use(self.targets)

    def restart(self) -> None:
        self.store.close()
        self.start()

    def turn(self) -> list[tuple[str, str]]:
        """One turn; returns what the target was told in it."""
        before = len(self.target.told)
        self.session.turn(
            self.settings, part_of_status(**{"window": self._window(), **self.document})
        )
        return [(alert.rule, alert.phase) for alert in self.target.told[before:]]

    def turns(self, seconds: float, every: float = 60.0) -> list[tuple[str, str]]:
        """Turns while time passes; returns what was told."""
        told = []
        for _ in range(int(seconds / every)):
            told += self.turn()
            self.clock.advance(every)
        return told

    def _window(self) -> dict[str, Any]:
        timetable = Timetable(self.settings.window, self.clock)
        window = timetable.window()
        return {
            "mode": timetable.mode,
            "open": timetable.is_open(),
            "opens": window and window.opens.isoformat(),
            "closes": window and window.closes.isoformat(),
        }

    def report_runs(self) -> None:
        """The reports of all runs that have ended are there."""
        self.store.changes.move(REPORTS, self.store.changes.newest())

    def run(self, *, at: datetime | None = None, is_reported: bool = True, **counts: Any) -> str:
        """A run that has ended, report and all; returns its id."""
        now = at or self.clock.now()
        run = self.store.runs.open(now.strftime("%Y%m%d_%H%M%S"), now, "model").id
        self.store.runs.close(run, now, summary(run, now, **counts))
        if is_reported:
            self.report_runs()
        return run


def summary(run: str, at: datetime, **counts: Any) -> RunSummary:
    """A run's summary: ten photos that were filed, unless `counts` says otherwise."""
    known = {
        "run": run,
        "started": at.isoformat(),
        "finished": at.isoformat(),
        "successful": 10,
        "review": 0,
        "duplicates": 0,
        "failed": 0,
        "deferred": 0,
        "waiting_before": 0,
        "gone": 0,
        "waiting_after": 0,
        "processing_time_seconds": 12.0,
        "images_per_second": 1.0,
        "categories": {"Shirts": 10},
        "confidence_distribution": {},
        "average_confidence": 0.9,
        "errors": [],
        "model": "model",
        **counts,
    }
    done = sum(known[key] for key in ("successful", "review", "duplicates", "failed"))
    known.setdefault("total_processed", done)
    known.setdefault("arrived", known["total_processed"])
    return part_of_summary(**known)


def healthy(**changes: Any) -> dict[str, Any]:
    """The status of a service that does well."""
    return {
        "state": "waiting",
        "share": dict.fromkeys(("incoming", "sorted", "results"), "available"),
        "watch": {"mode": "native", "why": "ext4", "degraded": False, "ignored": {}},
        "queue": {"waiting": 0, "settling": 0, "retrying": 0},
        "forecast": None,
        "last_run": None,
        "undecided": {"photos": 0, "oldest": None},
        "model": "model",
        "promise": 0.99,
        "disk": {"sorted": 100_000, "state": 100_000},
        "filing": {"min_free_mb": 512, "copies": True},
        "failing": None,
        "left_alone": None,
        "backup": None,
        "mirror": None,
        "bucket": None,
        "model_problem": None,
        "learning": None,
        "problems": [],
        **changes,
    }
