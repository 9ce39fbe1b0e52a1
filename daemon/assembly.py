"""Assembly: builds a service from the settings. The only place that knows all the parts."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from classifier.bundle import Bundle, load_bundle
from classifier.classifier import Classifier, thresholds_of
from config.settings import Settings, load
from daemon.admission import Admission
from daemon.alerting.office import Office
from daemon.alerting.targets import enlisted, targets_of
from daemon.availability import Availability
from daemon.clerk import Clerk, Desk, Look
from daemon.clock import Clock
from daemon.corrections import Corrector
from daemon.drain import Drain, DrainPolicy
from daemon.examine import Limits, Workers, usable_cores
from daemon.filing import Filer, FilingPolicy
from daemon.heartbeat import Heartbeat
from daemon.heralding import Herald
from daemon.housekeeping.backups import Backups
from daemon.housekeeping.healing import heal, suspecting
from daemon.housekeeping.housekeeper import Housekeeper
from daemon.housekeeping.nightly import NightlyBackup
from daemon.housekeeping.reconciling import Reconciler
from daemon.housekeeping.retention import Retention
from daemon.lock import hold, prepare
from daemon.metrics import Metrics
from daemon.notify import Notifier
from daemon.presence import Presence, instance_of
from daemon.pulse import Pulse
from daemon.reloading import Reloading
from daemon.reporting.exports import Exports
from daemon.reporting.periodical import Periodical
from daemon.reporting.press import Press, Writers
from daemon.reporting.reporter import Reporter, ReportPolicy
from daemon.requests import Requests
from daemon.results import Warehouse
from daemon.seeking import Seeker
from daemon.service import Service
from daemon.sorting import Sorter
from daemon.stages import Stages
from daemon.status import StatusFile
from daemon.store import Store
from daemon.supervision import Supervision
from daemon.thumbnails import Thumbnails
from daemon.timetable import Timetable
from daemon.tree import Tree
from daemon.vigil import Vigil
from daemon.vitals import Vitals
from daemon.watcher import Watcher

# What a shell says of a command that Ctrl-C has ended.
_INTERRUPTED = 130


@contextmanager
def build(
    settings: Settings,
    clock: Clock,
    notifier: Notifier | None = None,
    reread: Callable[[], Settings] = load,
) -> Iterator[Service]:
    """Build a service that owns its state folder until the end of the `with` block.

    notifier: speaks to the service manager. reread: reads the settings again for a reload.
    Raises ConfigError, ModelError or RefusedError when it cannot work.
    """
    is_service = notifier is not None
    end_at_once = partial(_end_at_once, settings.state_dir, 0 if is_service else _INTERRUPTED)
    hire = enlisted if is_service else targets_of
    alerting = Office(settings, clock, hire, is_service=is_service)
    with (
        _owned(settings, clock) as store,
        alerting.kept(),
        closing(Presence(_folders(settings), _PresenceFacts(settings.state_dir))) as presence,
    ):
        classifier = Classifier.load(
            settings.model_dir, auto=settings.bands.auto, review=settings.bands.review
        )
        filing = FilingPolicy.from_settings(settings.filing)
        desk = _desk(settings, presence)
        incoming, sorted_tree = desk.incoming, desk.sorted
        watcher = _watcher(settings, incoming)
        availability = Availability(presence, clock, watcher.wake)
        timetable = Timetable(settings.window, clock)
        takers = {"window": lambda new: timetable.take(new.window), "alerts": alerting.take}
        notifier = notifier or Notifier()
        model = classifier.bundle.card.title
        workers = Workers(
            incoming,
            classifier,
            Limits.from_settings(settings.intake),
            settings.batch.workers or usable_cores(),
        )
        pulse = Pulse(settings.state_dir, watcher, workers, availability, notifier.watchdog_seconds)
        supervision = Supervision(notifier, pulse)
        heartbeat = settings.metrics.heartbeat_url
        stages = Stages(
            incoming=incoming,
            store=store,
            availability=availability,
            watcher=watcher,
            admission=Admission(incoming, watcher, store, clock, settings.intake.settle_seconds),
            drain=Drain(
                store,
                workers,
                Sorter(
                    store,
                    # Each photo that is moved is a sign of life: a slow share is no standstill.
                    Filer(incoming, sorted_tree, filing, reached=lambda _: pulse.beat()),
                    incoming,
                    sorted_tree,
                    _warehouse(settings),
                    clock,
                ),
                incoming,
                clock,
                _drain_policy(settings, desk.results, model),
            ),
            clerk=_clerk(settings, store, desk, classifier.bundle, clock),
            housekeeper=_housekeeper(settings, store, desk, classifier.bundle, clock),
            timetable=timetable,
            herald=Herald(timetable, clock, store),
            requests=Requests(incoming, store, clock, settings.intake.settle_seconds),
            reloading=Reloading(settings, reread, takers, notifier),
            supervision=supervision,
            pulse=pulse,
            vigil=Vigil(
                availability,
                pulse,
                Vitals(
                    settings,
                    timetable,
                    watcher,
                    availability,
                    pulse,
                    model,
                    lambda: alerting.figures,
                ),
                listeners=(
                    StatusFile(settings.state_dir),
                    supervision,
                    Metrics(settings.metrics.textfile_dir),
                    Heartbeat(heartbeat.get_secret_value() if heartbeat else None),
                    alerting,
                ),
                turn_seconds=supervision.longest_silence_seconds,
            ),
            model=model,
        )
        try:
            yield Service(settings, clock, stages, end_at_once)
        finally:
            workers.stop()


@contextmanager
def build_clerk(settings: Settings, clock: Clock) -> Iterator[Clerk]:
    """Build a clerk that owns the state folder until the end of the `with` block; no model runs.

    Raises ConfigError, ModelError, RefusedError or TransientError when it cannot work.
    """
    with (
        _owned(settings, clock) as store,
        closing(Presence(_folders(settings), _PresenceFacts(settings.state_dir))) as presence,
    ):
        availability = Availability(presence, clock)
        availability.adopt()
        availability.check()
        availability.require()
        desk = _desk(settings, presence)
        bundle = load_bundle(settings.model_dir)
        _housekeeper(settings, store, desk, bundle, clock).reconcile()
        clerk = _clerk(settings, store, desk, bundle, clock)
        clerk.recover()
        yield clerk


@contextmanager
def _owned(settings: Settings, clock: Clock) -> Iterator[Store]:
    """Own the state folder and its database, mended if need be, until the end of the block."""
    with hold(settings.state_dir), suspecting(settings.state_dir):
        heal(Backups.from_settings(settings), clock.now(), lambda: instance_of(_folders(settings)))
        with closing(Store(settings.state_dir)) as store:
            yield store


def _housekeeper(
    settings: Settings, store: Store, desk: Desk, bundle: Bundle, clock: Clock
) -> Housekeeper:
    seeker = _seeker(settings, store, desk, bundle, clock)
    return Housekeeper(
        store,
        Reconciler(store, desk.incoming, desk.sorted, desk.results, seeker, clock),
        NightlyBackup(Backups.from_settings(settings), clock, is_wanted=settings.backups.nightly),
        Retention(store, desk.sorted, desk.results, settings.retention, clock),
        clock,
    )


def _seeker(settings: Settings, store: Store, desk: Desk, bundle: Bundle, clock: Clock) -> Seeker:
    known = tuple(dict.fromkeys((*bundle.card.categories, *settings.categories)))
    filer = Filer(desk.incoming, desk.sorted, FilingPolicy.from_settings(settings.filing))
    return Seeker(store, desk.sorted, filer, known, clock)


def _clerk(settings: Settings, store: Store, desk: Desk, bundle: Bundle, clock: Clock) -> Clerk:
    policy = FilingPolicy.from_settings(settings.filing)
    seeker = _seeker(settings, store, desk, bundle, clock)
    return Clerk(
        store,
        Corrector(store, desk.incoming, desk.sorted, policy, seeker, clock),
        _press(settings, store, desk, bundle, clock),
        clock,
        desk,
        Look(settings.corrections.look_back, settings.corrections.look_minutes * 60),
    )


def _press(settings: Settings, store: Store, desk: Desk, bundle: Bundle, clock: Clock) -> Press:
    writers = Writers(
        Exports(store, desk.results, _warehouse(settings).codes),
        _reporter(settings, store, desk, bundle),
        Periodical(store, desk.results, clock, weekly=settings.reports.weekly),
    )
    return Press(store, writers, clock)


def _reporter(settings: Settings, store: Store, desk: Desk, bundle: Bundle) -> Reporter:
    window, bands, layout = settings.window, settings.bands, settings.filing.layout
    thresholds = thresholds_of(bundle, bands.auto, bands.review)
    limits = Limits.from_settings(settings.intake)
    shown = [
        ("Mode", f"window {window.start:%H:%M} to {window.end:%H:%M}")
        if window.mode == "window"
        else ("Mode", window.mode),
        ("Sure from", f"{100 * thresholds.auto:.1f} % on"),
        ("To decide", f"below {100 * thresholds.review:.1f} %, and what no category fits"),
        ("Filed in", layout if layout != "{category}" else "a folder for each category"),
    ]
    return Reporter(
        store,
        desk.sorted,
        desk.results,
        Thumbnails(desk.sorted, limits),
        ReportPolicy(settings.links.sorted, shown, limits),
    )


def _desk(settings: Settings, presence: Presence) -> Desk:
    return Desk(
        _tree(presence, "incoming", settings.incoming_dir),
        _tree(presence, "sorted", settings.sorted_dir),
        _tree(presence, "results", settings.results_dir),
    )


def _tree(presence: Presence, name: str, root: Path) -> Tree:
    """The folder, refused as soon as another disk lies there than at the last look."""
    return Tree(root, lambda: presence.devices.get(name))


def adopt_folders(settings: Settings) -> None:
    """Accept the folders as they are now, beside a running service or without one.

    Raises ConfigError that names what cannot be accepted, RefusedError for another's state folder.
    """
    prepare(settings.state_dir)
    with (
        closing(Store(settings.state_dir)),
        closing(Presence(_folders(settings), _PresenceFacts(settings.state_dir))) as presence,
    ):
        presence.adopt(force=True)


def _end_at_once(state_dir: Path, code: int) -> None:
    """End this process although a thread hangs; no photo is blamed for what it had in hand."""
    with suppress(Exception), closing(Store(state_dir)) as store:
        store.return_claimed(None)
    os._exit(code)


class _PresenceFacts:
    """Keeps in the store what the folders were adopted as; for any thread."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir

    def load_presence(self) -> dict[str, Any] | None:
        """What was saved, None at the first start."""
        with closing(Store(self._state_dir, reading=True)) as store:
            saved: dict[str, Any] | None = store.fact("presence")
        return saved

    def save_presence(self, presence: dict[str, Any]) -> None:
        """Remember it."""
        with closing(Store(self._state_dir)) as store:
            store.remember("presence", presence)


def _watcher(settings: Settings, incoming: Tree) -> Watcher:
    return Watcher(
        incoming,
        observer=settings.intake.observer,
        rescan_seconds=settings.intake.rescan_seconds,
        ignore=settings.intake.ignore,
    )


def _folders(settings: Settings) -> dict[str, Path]:
    return {
        "incoming": settings.incoming_dir,
        "sorted": settings.sorted_dir,
        "results": settings.results_dir,
    }


def _drain_policy(settings: Settings, results: Tree, model: str) -> DrainPolicy:
    return DrainPolicy(
        batch_size=settings.batch.size,
        settle_seconds=settings.intake.settle_seconds,
        cut_off_seconds=settings.intake.truncated_minutes * 60,
        results=results,
        sorted_dir=settings.sorted_dir,
        model=model,
    )


def _warehouse(settings: Settings) -> Warehouse:
    return Warehouse(
        return_id=re.compile(settings.results.return_id),
        codes={name: (c.code, c.location) for name, c in settings.categories.items()},
    )
