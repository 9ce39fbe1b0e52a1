"""A real service in a thread, in folders of its own, with a clock that the test moves."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from config.settings import load
from daemon.health.systemd import Notifier
from daemon.service.app import build
from daemon.service.loop import Service
from tests.support.clocks import ManualClock
from tests.support.processes import Site
from tests.support.waiting import DEADLINE_SECONDS, eventually

T = TypeVar("T")

_WINDOW = 'start = "02:00"\nend = "06:00"\ntimezone = "UTC"\n[batch]\nsize = 1\nworkers = 1\n'


class Night:
    """A service in a thread, in the window of one night."""

    def __init__(self, site: Site, clock: ManualClock) -> None:
        self.site = site
        self.clock = clock

    @classmethod
    def make(cls, folder: Path, mode: str = "window") -> Night:
        """At two in the morning, when the window opens."""
        site = Site.make(folder, mode=mode)
        file = site.folder / "nightsort.toml"
        file.write_text(file.read_text().replace(f'"{mode}"\n', f'"{mode}"\n{_WINDOW}'))
        return cls(site, ManualClock(datetime(2025, 10, 13, 2, tzinfo=UTC)))

    @property
    def summaries(self) -> list[dict[str, Any]]:
        """Of all runs that are closed, oldest first."""
        files = sorted(self.site.results.glob("summary_2*.json"))
        return [json.loads(file.read_text(encoding="utf-8")) for file in files]

    def pass_time_until_run(self, number: int) -> dict[str, Any]:
        """Let time pass quickly until so many runs are closed; the summary of the last."""

        def runs() -> list[dict[str, Any]]:
            self.clock.advance(1)
            return self.summaries if len(self.summaries) >= number else []

        return eventually(runs, within_s=DEADLINE_SECONDS, every_s=0.05)[-1]

    def has_begun(self) -> bool:
        """Whether a photo was filed; time passes meanwhile, so that photos settle."""
        self.clock.advance(0.1)
        return any(self.site.sorted.rglob("shirt-*"))

    def is_queued(self, photos: int) -> bool:
        """Whether so many photos wait, by its status; time passes meanwhile."""
        self.clock.advance(0.1)
        file = self.site.state / "status.json"
        return file.exists() and bool(json.loads(file.read_text())["queue"]["waiting"] == photos)

    def waits(self) -> bool:
        """Whether nothing is under way, by its status."""
        said = json.loads((self.site.state / "status.json").read_text(encoding="utf-8"))
        return bool(said["state"] == "waiting" and said["queue"]["settling"] == 0)

    def pass_time_until(self, question: Callable[[], Any]) -> Any:
        """Let time pass until the answer is truthy; that answer."""

        def asked() -> Any:
            self.clock.advance(0.1)
            return question()

        return eventually(asked, within_s=DEADLINE_SECONDS)

    def answer_of(self, asked: Future[T]) -> T:
        """The answer to a request or an order, for which time passes."""
        self.pass_time_until(asked.done)
        return asked.result()


@contextmanager
def serving(night: Night) -> Iterator[Service]:
    """The service at work until the end of the `with` block."""
    started: list[Service] = []
    thread = threading.Thread(target=_serve, args=(night, started))
    thread.start()
    eventually(lambda: started or not thread.is_alive(), within_s=DEADLINE_SECONDS)
    (service,) = started
    try:
        yield service
    finally:
        service.stop()
        thread.join(DEADLINE_SECONDS)


def built(night: Night) -> AbstractContextManager[Service]:
    """The service, for the thread that will run it."""
    settings = load(night.site.folder / "nightsort.toml")
    # A watchdog, though nobody listens, keeps the loop from resting while the clock is moved.
    return build(settings, night.clock, Notifier("@nobody", watchdog_seconds=0.2))


def _serve(night: Night, started: list[Service]) -> None:
    with built(night) as service:
        started.append(service)
        service.run()
