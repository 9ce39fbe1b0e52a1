"""The report thread: what is written, when, and what becomes of it when the process ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from structlog.testing import capture_logs

from config.errors import RefusedError, StoreDamaged, TransientError
from daemon.folders.photo_files import Limits
from daemon.folders.tree import Tree
from daemon.reporting import report_thread
from daemon.reporting.exports import EXPORTS, Exports
from daemon.reporting.periodical import Periodical
from daemon.reporting.report_thread import ReportThread
from daemon.reporting.report_updater import ReportUpdater, Writers
from daemon.reporting.reporter import Reporter, ReportPolicy
from daemon.reporting.thumbnails import Thumbnails
from daemon.service.upkeep import Upkeep
from daemon.store import Store
from daemon.store.changes import REPORTS
from tests.support.core import WAREHOUSE, Core, tiny_photo
from tests.support.waiting import DEADLINE_SECONDS, eventually


class Office:
    """A core after one run, and a report thread beside it."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.is_absent = False
        self.reports = ReportThread(self.opened, core.clock, lambda: not self.is_absent)

    @contextmanager
    def opened(self, beat: Callable[[], None]) -> Iterator[ReportUpdater]:
        core, limits = self.core, Limits(1_000_000, 1.0)
        sorted_tree, results = Tree(core.sorted), Tree(core.results)
        with closing(Store(core.state)) as store:
            thumbnails = Thumbnails(sorted_tree, limits, 1, beat)
            policy = ReportPolicy(None, list, limits)
            writers = Writers(
                Exports(store, results, WAREHOUSE.codes),
                Reporter(store, sorted_tree, results, thumbnails, policy, beat),
                Periodical(store, results, core.clock, ()),
            )
            yield ReportUpdater(store, writers, core.clock)

    def page(self, run: str) -> Path:
        return self.core.results / f"batch_report_{run}.html"

    @property
    def inventory(self) -> str:
        file = self.core.results / EXPORTS / "inventory_latest.csv"
        return file.read_text(encoding="utf-8-sig")


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    core = Core(tmp_path, inline=True)
    yield Office(core)
    core.stop()


def a_run(core: Core, number: int = 1) -> str:
    core.clock.advance(60)
    core.drop(f"return-500{number}.png", tiny_photo("Shirts", number))
    return str(core.drain()["run"])


def counted(monkeypatch: pytest.MonkeyPatch, owner: type, method: str) -> list[Any]:
    """The first argument of each call of a method from now on."""
    calls: list[Any] = []
    real = getattr(owner, method)

    def counting(self: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append(args[0])
        return real(self, *args, **kwargs)

    monkeypatch.setattr(owner, method, counting)
    return calls


def test_all_runs_that_were_closed_meanwhile_have_their_reports(office: Office) -> None:
    runs = [a_run(office.core, number) for number in range(3)]
    with office.reports.kept():
        office.reports.make_due().result(DEADLINE_SECONDS)
        assert all(office.page(run).is_file() for run in runs)
        assert "return-5002.png" in office.inventory
    assert office.core.store.changes.runs_closed(REPORTS) == []


def test_a_report_that_a_stop_cut_off_is_made_at_the_next_start(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = a_run(office.core)
    is_drawing, may_go_on = threading.Event(), threading.Event()
    real = Thumbnails.of

    def slow(self: Thumbnails, *args: Any) -> dict[str, bytes]:
        is_drawing.set()
        assert may_go_on.wait(DEADLINE_SECONDS)
        return real(self, *args)

    monkeypatch.setattr(Thumbnails, "of", slow)
    with capture_logs() as logs, office.reports.kept():
        told = office.reports.make_due()
        assert is_drawing.wait(DEADLINE_SECONDS)
        office.reports.end()
        may_go_on.set()
    assert told.cancelled()
    assert not office.page(run).exists()
    assert office.core.store.changes.runs_closed(REPORTS) == [run]
    assert logs == []
    again = Office(office.core)
    with again.reports.kept():
        again.reports.make_due().result(DEADLINE_SECONDS)
    assert office.page(run).is_file()


def test_what_is_asked_for_after_the_end_is_not_waited_for(office: Office) -> None:
    with office.reports.kept():
        pass
    with pytest.raises(CancelledError):
        office.reports.make_due().result(DEADLINE_SECONDS)


def test_lists_are_made_once_for_a_burst_of_words(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_thread, "TURN_SECONDS", 0.01)
    core = office.core
    for number in range(20):
        core.drop(f"return-50{number:02}.png", tiny_photo("review", number))
    core.drain()
    with office.reports.kept():
        office.reports.make_due().result(DEADLINE_SECONDS)
        written = counted(monkeypatch, Exports, "write_lists")
        pages = counted(monkeypatch, Reporter, "write")
        for number in range(20):
            core.corrector.correct(f"return-50{number:02}.png", "Tshirts", "alice")
            office.reports.spoken()
            core.clock.advance(0.4)
        core.clock.advance(1)
        eventually(lambda: office.inventory.count("Tshirts") == 20, within_s=DEADLINE_SECONDS)
        assert len(written) == 1
        assert pages == []
        core.clock.advance(60)
        eventually(lambda: pages, within_s=DEADLINE_SECONDS)
        core.clock.advance(600)
    assert len(pages) == 1


def test_lists_that_were_refused_are_made_again_without_a_further_word(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_thread, "TURN_SECONDS", 0.01)
    core = office.core
    a_run(core)
    with capture_logs() as logs, office.reports.kept():
        office.reports.make_due().result(DEADLINE_SECONDS)
        away = core.results.rename(core.results.with_name("away"))
        core.corrector.correct("return-5001.png", "Tshirts", "alice")
        office.reports.spoken()
        core.clock.advance(2)
        eventually(lambda: len(logs) == 2, within_s=DEADLINE_SECONDS)
        away.rename(core.results)
        core.clock.advance(report_thread.TRY_AGAIN_SECONDS + 1)
        eventually(lambda: "Tshirts" in office.inventory, within_s=DEADLINE_SECONDS)
    told = [line["event"] for line in logs]
    assert told == ["photo_corrected", "corrections_not_exported"]


def test_nothing_is_written_by_itself_while_a_folder_is_away_or_before_the_first_word(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_thread, "TURN_SECONDS", 0.01)
    weeks = counted_weeks(monkeypatch)
    with office.reports.kept():
        office.reports.make(lambda _: None).result(DEADLINE_SECONDS)
        assert not eventually_more(weeks)
        office.is_absent = True
        office.reports.make_due().result(DEADLINE_SECONDS)
        assert not eventually_more(weeks)
        office.is_absent = False
        assert eventually_more(weeks)


def counted_weeks(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    weeks: list[None] = []
    monkeypatch.setattr(ReportUpdater, "periods", lambda _: weeks.append(None))
    return weeks


def eventually_more(weeks: list[None]) -> bool:
    """Whether the thread looks for a week that is over, within many of its turns."""
    before = len(weeks)
    try:
        return eventually(lambda: len(weeks) > before, within_s=0.5)
    except AssertionError:
        return False


def test_who_asks_for_what_cannot_be_made_hears_why_and_the_thread_goes_on(office: Office) -> None:
    run = a_run(office.core)
    with capture_logs() as logs, office.reports.kept():
        refused = office.reports.make(lambda updater: updater.make("19990101_000000"))
        assert isinstance(refused.exception(DEADLINE_SECONDS), RefusedError)
        assert office.reports.make(lambda updater: updater.make(run)).result(DEADLINE_SECONDS)
    assert logs == []


def test_a_defect_is_told_and_the_thread_goes_on(office: Office) -> None:
    run = a_run(office.core)
    with capture_logs() as logs, office.reports.kept():
        broken = office.reports.make(lambda _: 1 // 0)
        assert isinstance(broken.exception(DEADLINE_SECONDS), ZeroDivisionError)
        assert office.reports.make(lambda updater: updater.make(run)).result(DEADLINE_SECONDS)
    assert [line["event"] for line in logs] == ["defect_met"]


def test_damage_that_the_thread_meets_is_the_services_to_act_on(office: Office) -> None:
    def meet_damage(_: ReportUpdater) -> None:
        raise StoreDamaged("state_dir: the database is damaged")

    with office.reports.kept():
        office.reports.check()
        assert office.reports.make(meet_damage).exception(DEADLINE_SECONDS)
        with pytest.raises(StoreDamaged):
            eventually(office.reports.check, within_s=DEADLINE_SECONDS)


def test_nobody_waits_for_a_thread_that_hangs_and_its_silence_is_known(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_thread, "LONGEST_SILENCE_SECONDS", 0.2)
    may_go_on = threading.Event()
    with office.reports.kept():
        hanging = office.reports.make(lambda _: may_go_on.wait(DEADLINE_SECONDS))
        behind = office.reports.make_due()
        eventually(lambda: office.reports.silent_seconds() > 0.2, within_s=DEADLINE_SECONDS)
        office.reports.check()
        for told in (hanging, behind):
            assert isinstance(told.exception(timeout=0), TransientError)
        may_go_on.set()
        eventually(lambda: office.reports.silent_seconds() == 0.0, within_s=DEADLINE_SECONDS)
        assert office.reports.make(lambda _: "well").result(DEADLINE_SECONDS) == "well"


@pytest.mark.parametrize("is_quiet", [True, False])
def test_nobody_learns_while_a_report_is_waited_for(office: Office, *, is_quiet: bool) -> None:
    rest = {"housekeeper", "reloading", "slot", "empty_folders", "teaching", "reconciler"}
    parts = {name: MagicMock() for name in rest}
    upkeep = Upkeep(reports=office.reports, **parts)
    may_go_on = threading.Event()
    with office.reports.kept():
        made = office.reports.make(lambda _: may_go_on.wait(DEADLINE_SECONDS))
        upkeep.tidy(is_quiet=is_quiet)
        assert not parts["teaching"].step.called
        may_go_on.set()
        made.result(DEADLINE_SECONDS)
        upkeep.tidy(is_quiet=is_quiet)
        assert parts["teaching"].step.called


def test_pictures_that_are_made_are_progress(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_run(office.core)
    silences: list[float] = []
    real = Thumbnails._one

    def watched(self: Thumbnails, *args: Any) -> bytes | None:
        silences.append(office.reports.silent_seconds())
        return real(self, *args)

    monkeypatch.setattr(Thumbnails, "_one", watched)
    with office.reports.kept():
        office.reports._beat_at -= 3600
        office.reports.make_due().result(DEADLINE_SECONDS)
    assert silences
    assert max(silences) < 60
