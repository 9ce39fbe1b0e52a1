"""How a shop develops, on the pages of weeks and months: counted from runs and from alerts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.domain.speech import Speech, speech
from daemon.domain.timetable import nightly, schedule_of
from daemon.folders.tree import Tree
from daemon.reporting.periodical import WEEKLY, Periodical, Shop
from daemon.reporting.periods import Period
from daemon.reporting.trends import in_words, trends_of
from daemon.store.facts import WEEK_TOLD
from tests.support.alerts import Box, healthy

DAY = 86_400.0
FIRST = datetime(2025, 10, 13, 2, tzinfo=UTC)  # a Monday
AWAY = {"share": {"incoming": "does not answer", "sorted": "available", "results": "available"}}


@pytest.fixture
def box(tmp_path: Path) -> Box:
    box = Box(tmp_path, window={"timezone": "UTC"})
    box.clock.set_wall_clock(FIRST)
    return box


def a_week(box: Box, nights: int = 7, **counts: Any) -> None:
    for _ in range(nights):
        box.run(**counts)
        box.turns(DAY, every=3600.0)


def page(box: Box, period: Period, say: Speech) -> str:
    shop = Shop(box.settings.value, nightly(box.settings.window))
    teller = Periodical(box.store, Tree(box.settings.results_dir), box.clock, (), shop, say)
    text = (box.settings.results_dir / teller.write(period)).read_text(encoding="utf-8")
    return " ".join(text.replace("\N{NO-BREAK SPACE}", " ").split())


def weekly(box: Box) -> Periodical:
    """Tells of weeks by itself."""
    shop = Shop(schedule=nightly(box.settings.window))
    return Periodical(box.store, Tree(box.settings.results_dir), box.clock, (WEEKLY,), shop)


def test_windows_are_due_and_kept_or_missed_and_failures_counted(box: Box) -> None:
    a_week(box)
    box.document = healthy(**AWAY, state="share unavailable")
    box.turns(3 * DAY, every=3600.0)  # Monday to Wednesday
    box.document = healthy(failing={"why": "disk full", "failures": 3, "is_model": False})
    box.turns(3600.0)
    box.document = healthy()
    a_week(box, 4)
    schedule = schedule_of(box.settings.window)
    first, second = Period.week("2025-W42"), Period.week("2025-W43")
    now = box.clock.now()
    told = trends_of(box.store, first, now, schedule)
    assert told.windows is not None
    assert (told.windows.due, told.windows.kept, told.failures) == (7, 7, 0)
    told = trends_of(box.store, second, now, schedule)
    assert told.windows is not None
    assert told.windows.due == 7
    assert told.windows.missed == 3
    assert told.failures == 1
    box.store.close()


def windows_of(box: Box, week: str) -> tuple[int, int]:
    """How many were due and kept."""
    schedule = schedule_of(box.settings.window)
    told = trends_of(box.store, Period.week(week), box.clock.now(), schedule)
    assert told.windows is not None
    return told.windows.due, told.windows.kept


def test_a_single_night_without_the_service_is_a_window_missed_though_no_alert_tells_of_it(
    box: Box,
) -> None:
    a_week(box, 3)
    box.store.close()
    box.clock.advance(8 * 3600.0)  # Thursday 02:00 to 10:00
    box.start()
    assert windows_of(box, "2025-W42") == (4, 3)
    told = box.turns(16 * 3600.0, every=3600.0)
    a_week(box, 3)
    assert ("window_missed", "raised") not in told
    assert windows_of(box, "2025-W42") == (7, 6)
    a_week(box)
    assert windows_of(box, "2025-W43") == (7, 7)
    box.store.close()


def test_a_sunday_window_that_is_open_at_midnight_is_waited_for_and_counted(
    tmp_path: Path,
) -> None:
    box = Box(tmp_path, window={"timezone": "UTC", "start": "22:00", "end": "05:00"})
    box.clock.set_wall_clock(FIRST.replace(hour=22))
    a_week(box, 6)
    box.run()  # on Sunday
    teller = weekly(box)
    box.clock.set_wall_clock(FIRST.replace(hour=1) + timedelta(days=7))
    box.turn()
    teller.check()
    assert box.store.facts.get(WEEK_TOLD) is None
    box.turns(4 * 3600.0, every=600.0)
    teller.check()
    name = box.store.facts.get(WEEK_TOLD)["page"]
    text = (box.settings.results_dir / name).read_text(encoding="utf-8")
    assert "<dt>Windows kept</dt><dd>7 of 7</dd>" in text
    box.store.close()


def test_windows_before_the_first_run_were_not_due(box: Box) -> None:
    box.clock.set_wall_clock(FIRST + timedelta(days=4))
    a_week(box, 3)
    told = trends_of(
        box.store, Period.week("2025-W42"), box.clock.now(), schedule_of(box.settings.window)
    )
    assert told.windows is not None
    assert told.windows.due == 3
    box.store.close()


def test_without_a_window_none_is_told(box: Box) -> None:
    box.run()
    told = trends_of(box.store, Period.week("2025-W42"), box.clock.now())
    assert told.windows is None
    labels = [label for label, _ in in_words(told)]
    assert labels == ["This year so far", "Times that sorting failed", "Undecided now"]
    box.store.close()


@pytest.mark.parametrize(
    ("language", "rises", "kept", "year"),
    [
        ("en", "▲ rises", "<dt>Windows kept</dt><dd>7 of 7</dd>",
         "<dt>This year so far</dt><dd>5,600 photos in 28 runs, 560 to decide</dd>"),
        ("de", "▲ steigt", "<dt>Zeitfenster eingehalten</dt><dd>7 von 7</dd>",
         "<dt>Dieses Jahr bisher</dt><dd>5.600 Fotos, 28 Läufe, 560 zu entscheiden</dd>"),
    ],
)  # fmt: skip
def test_the_page_tells_four_weeks_and_what_rises(
    box: Box, language: str, rises: str, kept: str, year: str
) -> None:
    for bags in (20, 20, 60, 60):
        mix = {"Shirts": 200 - bags, "Handbags": bags}
        a_week(box, successful=180, review=20, average_confidence=0.9, categories=mix)
    text = page(box, Period.week("2025-W45"), speech(language))
    assert kept in text
    assert year in text
    row = text.partition('<th scope="row">Handbags</th><td>10')[2].partition("</tr>")[0]
    assert rises in row
    point = speech(language)("dates.point")
    assert row.count(f"30{point}0 %") == 2
    box.store.close()


def test_the_page_of_a_month_has_the_months_before_it(box: Box) -> None:
    a_week(box, 25, successful=100, categories={"Shirts": 100})
    text = page(box, Period.month("2025-11"), speech("en"))
    months = text.partition('<th scope="col">Month</th>')[2].partition("</table>")[0]
    assert [name in months for name in ("September", "October 2025", "November 2025")] == [
        False, True, True,
    ]  # fmt: skip
    assert "<td>1,900</td>" in months
    assert "<td>600</td>" in months
    assert '<th scope="col">Month</th>' not in page(box, Period.week("2025-W45"), speech("en"))
    box.store.close()
