"""Parts: what the service is built of, and a command that gives orders without one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

from classifier.bundle import load_bundle
from classifier.classifier import Classifier, categories_of, thresholds_of
from classifier.verdict import Thresholds
from config.errors import ModelError, RefusedError
from config.settings import ReportSettings, Settings
from daemon.corrections.corrector import Corrector
from daemon.corrections.moved_photos import MovedPhotos
from daemon.domain.clock import Clock
from daemon.domain.orders import Acknowledge, Receive
from daemon.domain.return_ids import reader_of
from daemon.domain.speech import speech
from daemon.domain.timetable import nightly
from daemon.folders.availability import Availability
from daemon.folders.photo_files import Limits
from daemon.folders.presence import Presence
from daemon.folders.tree import Folders, Tree
from daemon.intake.admission import Admission
from daemon.intake.arrivals import Arrivals
from daemon.intake.empty_folders import EmptyFolders
from daemon.intake.screening import Screening
from daemon.intake.watcher import Watcher
from daemon.maintenance.backups import Backups
from daemon.maintenance.forgetting import Forgetter
from daemon.maintenance.housekeeper import Housekeeper
from daemon.maintenance.nightly_backup import NightlyBackup
from daemon.maintenance.reconcile import Reconciler
from daemon.maintenance.retention import Retention
from daemon.reporting.exports import Exports
from daemon.reporting.kept_pictures import KeptPictures
from daemon.reporting.periodical import MONTHLY, WEEKLY, Periodical, Rhythm, Shop
from daemon.reporting.report_thread import PAGES_QUIET_SECONDS, ReportThread
from daemon.reporting.report_updater import ReportUpdater, Writers
from daemon.reporting.reporter import Reporter, ReportPolicy
from daemon.reporting.run_files import Warehouse
from daemon.reporting.settings_told import settings_told
from daemon.reporting.thumbnails import Thumbnails
from daemon.service import state
from daemon.service.acknowledging import acknowledge
from daemon.service.forgetting import ForgetOrders
from daemon.service.lessons import Lessons
from daemon.service.orders import DragPolicy, Orders, Others
from daemon.service.run_now import RunNow
from daemon.service.share import Share
from daemon.service.teaching import Teaching
from daemon.sorting.back_to_queue import BackToQueue, Waits
from daemon.sorting.drain import Drain, DrainPolicy
from daemon.sorting.filer import Filer, FilingPolicy
from daemon.sorting.gathering import Gathering
from daemon.sorting.labels import label_reader
from daemon.sorting.look_ahead import LookAhead
from daemon.sorting.model_slot import ModelSlot
from daemon.sorting.open_results import OpenResults
from daemon.sorting.sorter import Sorter
from daemon.sorting.versions import load_classifier, version_usable
from daemon.sorting.workers import LabelOf, Workers, no_label
from daemon.store import Store

Beat = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Judging:
    """What is known of how photos are judged now."""

    categories: Callable[[], tuple[str, ...]]
    given_up: Callable[[], frozenset[str]]
    thresholds: Callable[[], Thresholds]

    @classmethod
    def by(cls, slot: ModelSlot) -> Judging:
        """By the model in the slot, also once that is another one."""
        return cls(
            lambda: slot.model.categories,
            lambda: slot.model.given_up,
            lambda: slot.model.thresholds,
        )

    @classmethod
    def without_model(cls, settings: Settings) -> Judging:
        """As the card of model or version says. Raises ModelError when no model can be trusted."""
        bundle = load_bundle(settings.model_dir)
        version = version_usable(settings, bundle)
        thresholds = thresholds_of(bundle, settings.bands.auto, settings.bands.review, version)
        categories, given_up = categories_of(bundle, version)
        return cls(lambda: categories, lambda: given_up, lambda: thresholds)


def load_model(settings: Settings) -> Classifier:
    """The model that is to be used. Raises ModelError when it cannot be trusted."""
    try:
        return load_classifier(settings)
    except RefusedError as exc:  # whoever spoilt the rights of its folder shall not stop the start
        raise ModelError(str(exc)) from exc


class Parts:
    """Builds the parts of one process that owns its state folder."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        store: Store,
        presence: Presence,
        judging: Judging,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._store = store
        self._judging = judging
        self._say = speech(settings.reports.language)
        self._folders = Folders(
            **{n: _tree(presence, n, p) for n, p in state.folders(settings).items()}
        )
        self._filing = FilingPolicy.from_settings(settings.filing, settings.reports.language)
        self._limits = Limits.from_settings(settings.intake)
        self._kept_pictures = KeptPictures(settings.state_dir)
        self._moved_photos = MovedPhotos(
            store,
            self._folders.sorted,
            Filer(self._folders.incoming, self._folders.sorted, self._filing),
            lambda: self._categories(store),
            clock,
            settings.corrections.share_log,
        )
        self.forgetter = Forgetter(store, self._folders, self._moved_photos, settings, clock)

    def _categories(self, store: Store) -> tuple[str, ...]:
        """What photos may be filed into: the model's, the settings', and what people named anew.

        store: of the calling thread.
        """
        judging, said = self._judging, store.examples.said()
        named = [one for one in said if one not in judging.given_up()]
        return tuple(dict.fromkeys((*judging.categories(), *self._settings.categories, *named)))

    # --- incoming --------------------------------------------------------------------------------

    def watcher(self) -> Watcher:
        """Sights what comes into incoming."""
        intake = self._settings.intake
        return Watcher(
            self._folders.incoming,
            observer=intake.observer,
            rescan_seconds=intake.rescan_seconds,
            ignore=intake.ignore,
        )

    def share(self, availability: Availability, watcher: Watcher) -> Share:
        """The share as the service sees it."""
        settle_seconds = self._settings.intake.settle_seconds
        admission = Admission(
            self._folders.incoming, watcher, self._store, self._clock, settle_seconds
        )
        about = {name: str(path) for name, path in state.folders(self._settings).items()}
        return Share(availability, watcher, admission, settle_seconds, about)

    def _arrivals(self) -> Arrivals:
        intake = self._settings.intake
        return Arrivals(
            Tree(self._settings.state_dir),
            self._folders.incoming,
            self._store,
            self._limits.max_file_bytes,
            Screening(intake.ignore),
            self._clock,
        )

    def run_now(self, share: Share) -> RunNow:
        """Hears of those who drop RUN NOW."""
        return RunNow(
            self._folders.incoming,
            self._store.facts,
            self._clock,
            share.settle_seconds,
            lambda: share.left_alone(0.0),
            self._say,
        )

    # --- sorting ---------------------------------------------------------------------------------

    def workers(self, slot: ModelSlot, count: int) -> Workers:
        """Examine photos."""
        label_of: LabelOf = no_label
        if (returns := self._settings.returns).barcodes:
            label_of = label_reader(
                reader_of(returns.pattern), self._settings.intake.max_megapixels
            )
        return Workers(
            self._folders.incoming,
            slot,
            self._limits,
            count,
            label_of,
            self._kept_pictures,
            mark=repr((returns.barcodes, returns.pattern)),
        )

    def look_ahead(self, workers: Workers, wake: Callable[[], None]) -> LookAhead | None:
        """Judges photos while nothing else is to be done, if that is wanted."""
        intake = self._settings.intake
        if not intake.look_ahead:
            return None
        return LookAhead(self._store.ahead, workers, self._clock, intake.look_ahead_share, wake)

    def drain(self, workers: Workers, beat: Beat) -> Drain:
        """Drains the queue. beat: called for each photo that is moved."""
        # It is a sign of life: a slow share is no standstill.
        folders, settings = self._folders, self._settings
        filer = Filer(folders.incoming, folders.sorted, self._filing, reached=lambda _: beat())
        sorter = Sorter(
            self._store, filer, folders.incoming, folders.sorted, self._warehouse(), self._clock
        )
        patience = Waits(
            settle_seconds=settings.intake.settle_seconds,
            cut_off_seconds=settings.intake.truncated_minutes * 60,
        )
        back = BackToQueue(self._store.queue, folders.incoming, self._clock, patience)
        results = OpenResults(
            self._store.runs, folders.results, settings.incoming_dir, settings.sorted_dir
        )
        return Drain(
            self._store,
            workers,
            sorter,
            results,
            back,
            self._clock,
            DrainPolicy(settings.batch.size, settings.value),
        )

    def _warehouse(self) -> Warehouse:
        return Warehouse(
            return_id=reader_of(self._settings.returns.pattern),
            codes=self._settings.codes,
        )

    # --- what people say and read ----------------------------------------------------------------

    def orders(
        self,
        reports: ReportThread,
        others: Others,
        summaries_changed: Callable[[], None] = lambda: None,
    ) -> Orders:
        """Carries out orders. others: what is about models and lessons.

        summaries_changed: as `ForgetOrders` has it.
        """
        folders, corrections = self._folders, self._settings.corrections
        state_dir = self._settings.state_dir
        return Orders(
            self._store,
            Corrector(
                self._store,
                folders.incoming,
                folders.sorted,
                self._filing,
                self._moved_photos,
                self._clock,
            ),
            ForgetOrders(self.forgetter, reports, state_dir, summaries_changed),
            self._clock,
            folders,
            DragPolicy(corrections.look_back, corrections.look_minutes * 60),
            {
                **others,
                Receive: self._arrivals().carry_out,
                Acknowledge: partial(acknowledge, self._store.alerts, self._clock),
            },
        )

    def reports(self, may_work: Callable[[], bool]) -> ReportThread:
        """Makes reports. may_work: whether the folders are there."""

        @contextmanager
        def opened(beat: Beat) -> Iterator[ReportUpdater]:
            with closing(Store(self._settings.state_dir)) as store:
                yield self._report_updater(store, beat)

        look_seconds = self._settings.corrections.look_minutes * 60 or PAGES_QUIET_SECONDS
        quiet_seconds = min(PAGES_QUIET_SECONDS, look_seconds)
        return ReportThread(opened, self._clock, may_work, pages_quiet_seconds=quiet_seconds)

    def _report_updater(self, store: Store, beat: Beat) -> ReportUpdater:
        settings, folders, ask = self._settings, self._folders, self._settings.contact.line
        reporter = Reporter(
            store,
            folders.sorted,
            folders.results,
            Thumbnails(folders.sorted, self._limits, beat=beat, kept=self._kept_pictures),
            ReportPolicy(
                settings.links.sorted,
                lambda: settings_told(settings, self._judging.thresholds(), self._say),
                self._limits,
                lambda: self._categories(store),
                settings.value,
                settings.reports.spot_checks,
                self._say,
            ),
            beat,
        )
        writers = Writers(
            Exports(store, folders.results, settings.codes, self._say, ask=ask),
            reporter,
            Periodical(
                store,
                folders.results,
                self._clock,
                _rhythms(settings.reports),
                Shop(settings.value, nightly(settings.window), ask),
                self._say,
            ),
        )
        return ReportUpdater(store, writers, self._clock)

    # --- upkeep ----------------------------------------------------------------------------------

    def reconciler(self) -> Reconciler:
        """Brings the store to what the folders say, if an older one was restored."""
        return Reconciler(
            self._store, self._folders, self._moved_photos, self._clock, self.forgetter
        )

    def housekeeper(self, reports: ReportThread) -> Housekeeper:
        """Keeps the instance well. reports: has written again what names somebody no more."""

        def rewrite(runs: Sequence[str], days: Sequence[date]) -> None:
            reports.make(lambda updater: updater.without(runs, days))

        settings, folders = self._settings, self._folders
        backups = Backups.from_settings(settings)
        return Housekeeper(
            self._store,
            NightlyBackup(backups, self._clock, is_wanted=settings.backups.nightly),
            Retention(
                self._store,
                folders.sorted,
                folders.results,
                settings.retention,
                self._clock,
                self._kept_pictures.forget,
                rewrite,
            ),
            self._clock,
        )

    def teaching(self, slot: ModelSlot) -> Teaching:
        """Makes examples of what people decide."""
        examples, sights = (
            Gathering(wanting, self._folders.sorted, self._limits, slot)
            for wanting in (self._store.examples, self._store.sights)
        )
        lessons = Lessons(self._store, slot, self._settings, self._clock)
        return Teaching(examples, sights, lessons, self._clock)

    def empty_folders(self) -> EmptyFolders:
        """Removes folders in incoming that were emptied."""
        hours = self._settings.intake.remove_empty_folders_hours
        return EmptyFolders(self._folders.incoming, self._store.intentions, self._clock, hours)


def _tree(presence: Presence, name: str, root: Path) -> Tree:
    """The folder, refused as soon as another disk lies there than at the last look."""
    return Tree(root, lambda: presence.devices.get(name))


def _rhythms(reports: ReportSettings) -> list[Rhythm]:
    """The periods that are told of by themselves."""
    wanted = ((WEEKLY, reports.weekly), (MONTHLY, reports.monthly))
    return [rhythm for rhythm, is_wanted in wanted if is_wanted]
