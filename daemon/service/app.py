"""Assembly: builds a service from the settings, and what gives orders without one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from config.errors import RefusedError
from config.settings import Settings, load
from daemon.alerting.targets import enlisted, targets_of
from daemon.alerting.worker import AlertingWorker
from daemon.domain.clock import Clock
from daemon.domain.orders import ChangeModel, Given, ModelAnswer
from daemon.domain.timetable import Timetable
from daemon.folders.availability import Availability
from daemon.folders.machine import usable_cores
from daemon.handover.worker import HandoverWorker
from daemon.health.heartbeat import Heartbeat
from daemon.health.metrics import Metrics
from daemon.health.progress import Liveness
from daemon.health.status_document import Outside, StatusGatherer
from daemon.health.status_file import StatusFile
from daemon.health.status_thread import Listener, StatusThread
from daemon.health.supervision import Supervision
from daemon.health.systemd import Notifier
from daemon.mirror.bucket.thread import BucketThread
from daemon.mirror.saying import Saying
from daemon.mirror.thread import MirrorThread
from daemon.reporting.forecast_log import ForecastLog
from daemon.reporting.report_updater import ReportUpdater
from daemon.reporting.this_week import ThisWeek
from daemon.service.back_off import BackOff
from daemon.service.loop import Service
from daemon.service.orders import Orders
from daemon.service.parts import Judging, Parts, load_model
from daemon.service.reload import Reloading
from daemon.service.run_driver import RunDriver
from daemon.service.state import end_at_once, owned, watched
from daemon.service.status_notes import StatusNotes
from daemon.service.upkeep import Upkeep
from daemon.sorting.model_slot import ModelSlot
from daemon.sorting.versions import load_instead

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
    notifier = notifier or Notifier()
    alerting = AlertingWorker(
        settings, clock, enlisted if is_service else targets_of, is_service=is_service
    )
    handover = HandoverWorker(settings, clock, is_service=is_service)
    saying = Saying(settings.value, clock.now)
    mirror = MirrorThread(settings.mirror, settings.state_dir, saying=saying, is_service=is_service)
    bucket = BucketThread(settings, clock, is_service=is_service)
    with (
        owned(settings, clock) as store,
        alerting.kept(),
        handover.kept(),
        mirror.kept(),
        bucket.kept(),
        watched(settings) as presence,
    ):
        count = settings.batch.workers or usable_cores()
        slot = ModelSlot(partial(load_model, settings), count, partial(load_instead, settings))
        parts = Parts(settings, clock, store, presence, Judging.by(slot))
        watcher = parts.watcher()
        availability = Availability(presence, clock, watcher.wake)
        timetable = Timetable(settings.window, clock)
        workers = parts.workers(slot, count)
        reports = parts.reports(lambda: not availability.absent)
        liveness = Liveness(
            settings.state_dir, watcher, workers, reports, availability, notifier.watchdog_seconds
        )
        supervision = Supervision(notifier, liveness)
        gatherer = StatusGatherer(
            settings,
            timetable,
            watcher,
            availability,
            liveness,
            Outside(
                lambda: alerting.figures,
                lambda: handover.problem,
                lambda: mirror.figures,
                lambda: bucket.figures,
            ),
        )
        status_thread = StatusThread(
            availability,
            liveness,
            gatherer,
            (*_listeners(settings, supervision), alerting, mirror),
            turn_seconds=supervision.longest_silence_seconds,
        )
        share = parts.share(availability, watcher)
        drain = parts.drain(workers, liveness.beat)
        forecast_log, run_now = ForecastLog(timetable, clock, store.facts), parts.run_now(share)
        ahead = parts.look_ahead(workers, watcher.wake)
        runs = RunDriver(clock, share, drain, timetable, forecast_log, run_now, ahead)
        teaching = parts.teaching(slot)
        takers = {
            **_takers(timetable, alerting, slot),
            "handover": handover.take,
            "learning": teaching.lessons.take,
        }
        reloading = Reloading(settings, reread, takers, notifier)
        upkeep = Upkeep(
            parts.housekeeper(reports),
            reports,
            reloading,
            slot,
            parts.empty_folders(),
            teaching,
            parts.reconciler(),
        )
        back_off, week = BackOff(clock), ThisWeek(store.runs, clock)
        status = StatusNotes(share, runs, upkeep, back_off, week, status_thread, supervision)
        orders = parts.orders(reports, teaching.lessons.orders, runs.ask_again)
        abandon = partial(end_at_once, settings.state_dir, 0 if is_service else _INTERRUPTED)
        try:
            yield Service(share, runs, orders, upkeep, back_off, status, abandon)
        finally:
            workers.stop()


@contextmanager
def build_orders(settings: Settings, clock: Clock) -> Iterator[Orders]:
    """Build what carries out orders, and owns the state folder until the end of the `with` block.

    No model runs. What the orders make necessary is written when the block is left.
    Raises ConfigError, ModelError, RefusedError or TransientError when it cannot work.
    """
    with owned(settings, clock) as store, watched(settings) as presence:
        availability = Availability(presence, clock)
        availability.adopt()
        availability.check()
        availability.require()
        parts = Parts(settings, clock, store, presence, Judging.without_model(settings))
        parts.reconciler().reconcile()
        reports = parts.reports(lambda: False)
        orders = parts.orders(reports, {ChangeModel: _no_model_here})
        orders.recover()
        with reports.kept():
            yield orders
            reports.make(ReportUpdater.follow).result()


def _takers(
    timetable: Timetable, alerting: AlertingWorker, slot: ModelSlot
) -> dict[str, Callable[[Settings], None]]:
    """Who takes new settings while the service runs, by the table or key."""

    def take_window(new: Settings) -> None:
        timetable.take(new.window)

    def take_model(new: Settings) -> None:
        slot.take(partial(load_model, new))

    return {
        "window": take_window,
        "alerts": alerting.take,
        "model_dir": take_model,
        "bands": take_model,
    }


def _listeners(settings: Settings, supervision: Supervision) -> tuple[Listener, ...]:
    heartbeat = settings.metrics.heartbeat_url
    return (
        StatusFile(settings.state_dir),
        supervision,
        Metrics(settings.metrics.textfile_dir),
        Heartbeat(heartbeat.get_secret_value() if heartbeat else None),
    )


def _no_model_here(_given: Given) -> ModelAnswer:
    raise RefusedError("no daemon is at work whose model could change; it takes it at its start")
