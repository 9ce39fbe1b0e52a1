"""Periods in figures and as pages: the figures are the sum of the runs, and Monday has its page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from config.errors import FolderUnavailable
from config.value import ValueSettings
from daemon.folders.tree import Tree
from daemon.reporting.figures import Figures, figures_of
from daemon.reporting.periodical import MONTHLY, WEEKLY, Periodical, Rhythm, Shop
from daemon.reporting.periods import Period
from daemon.store.facts import MONTH_TOLD, WEEK_TOLD
from tests.support.browser import look_at
from tests.support.classifiers import ScriptedClassifier
from tests.support.core import Core, by_tone, tiny_photo

MONDAY = datetime(2025, 10, 13, 2, tzinfo=UTC)
WEEK = Period.week("2025-W42")


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    core = Core(tmp_path, inline=True)
    yield core
    core.stop()


def night(core: Core, day: int, shirts: int = 0, review: int = 0, damaged: int = 0) -> None:
    """One run at 02:00 of a day, counted from Monday of the week."""
    core.clock.set_wall_clock(MONDAY + timedelta(days=day))
    for number in range(shirts):
        core.drop(f"{day} shirt {number}.png", tiny_photo("Shirts", 1000 * day + number))
    for number in range(review):
        core.drop(f"{day} odd {number}.png", tiny_photo("review", 1000 * day + number))
    for number in range(damaged):
        core.drop(f"{day} note {number}.png", f"{day} Please call back {number}.".encode())
    core.drain()


def a_fortnight(core: Core) -> None:
    night(core, -7, shirts=4, review=4)
    night(core, -1, shirts=2)
    night(core, 0, shirts=6, review=2, damaged=2)
    night(core, 2, shirts=3)
    night(core, 6, review=1)
    night(core, 7, shirts=5)


def figures(core: Core, period: Period = WEEK) -> Figures:
    return figures_of(core.store, period, UTC)


def periodical(core: Core, *rhythms: Rhythm) -> Periodical:
    return Periodical(core.store, Tree(core.results), core.clock, rhythms or (WEEKLY,))


# --- figures -----------------------------------------------------------------------------------


def test_the_figures_of_a_week_are_the_sum_of_its_runs(core: Core) -> None:
    a_fortnight(core)
    runs = [run for run in core.store.runs.summaries() if "20251013" <= run["run"] < "20251020"]
    week = figures(core).as_json()
    for key in ("total_processed", "successful", "review", "duplicates", "failed"):
        assert week[key] == sum(run[key] for run in runs), key
    assert (week["runs"], week["total_processed"]) == (3, 14)
    assert week["success_rate"] == round(100 * 12 / 14, 2)
    assert week["categories"] == {"Shirts": 9, "Tops": 3}
    assert week["average_confidence"] == round((9 * 0.9876 + 3 * 0.4123) / 12, 4)


def test_the_page_says_what_the_model_brought_where_it_is_no_chance(core: Core) -> None:
    for day in range(-6, 0):
        night(core, day, shirts=24, review=24)
    core.classifier = ScriptedClassifier(by_tone, title="scripted 2")
    core.slot.change()
    for day in range(3):
        night(core, day, shirts=44, review=4)
    text = (core.results / periodical(core).write(WEEK)).read_text(encoding="utf-8")
    said = "since Mon 13 Oct 20 fewer photos to review a night (8.3% to review, 50.0% before)"
    assert said in text.replace("\N{NO-BREAK SPACE}", " ")
    before = (core.results / periodical(core).write(WEEK.before)).read_text(encoding="utf-8")
    assert "photos to review a night" not in before
    assert core.store.runs.verdicts_by_model() == {"scripted 1": 288, "scripted 2": 144}


def test_of_a_run_in_which_the_model_changed_each_has_its_verdicts(core: Core) -> None:
    core.drop("a.png", tiny_photo("Shirts", 1))
    core.take_in()
    core.work()
    core.classifier = ScriptedClassifier(by_tone, title="scripted 2")
    core.slot.change()
    core.drop("b.png", tiny_photo("Shirts", 2))
    core.drop("c.png", tiny_photo("review", 3))
    core.drop("broken.png", b"no photo")
    assert core.drain()["model"] == "scripted 1, then scripted 2"
    assert core.store.runs.verdicts_by_model() == {"scripted 1": 1, "scripted 2": 2}


def test_a_share_of_photos_may_be_all_of_them(core: Core) -> None:
    night(core, 0, shirts=3)
    page = core.results / periodical(core).write(WEEK)
    text = " ".join(page.read_text(encoding="utf-8").replace("\N{NO-BREAK SPACE}", " ").split())
    assert "<dt>Filed, sure</dt><dd>100.0 % of the photos</dd>" in text


def test_days_have_what_their_runs_did_and_days_without_a_run_have_nothing(core: Core) -> None:
    a_fortnight(core)
    days = figures(core).steps
    assert [counts.photos for _, counts in days] == [10, 0, 3, 0, 0, 0, 1]
    assert [counts.success_rate for _, counts in days][:3] == [80.0, None, 100.0]


def test_the_mix_is_compared_with_the_period_before(core: Core) -> None:
    a_fortnight(core)
    shirts, tops = figures(core).mix
    assert (shirts.category, shirts.share, shirts.before) == ("Shirts", 0.75, 0.6)
    assert shirts.change == pytest.approx(15)
    assert tops.change == pytest.approx(-15)
    assert figures(core, WEEK.before).mix[0].change is None


def test_reasons_are_counted_by_their_codes(core: Core) -> None:
    a_fortnight(core)
    assert dict(figures(core).failures) == {"not_an_image": 2}
    assert dict(figures(core).doubts) == {"unsure": 3}


def test_words_count_once_for_a_photo_and_for_the_day_they_were_said(core: Core) -> None:
    a_fortnight(core)
    core.clock.set_wall_clock(MONDAY + timedelta(days=6))
    core.corrector.correct("-1 shirt 0.png", "Tops", "alice")  # of the week before
    core.corrector.correct("-1 shirt 0.png", "Tshirts", "bob")
    core.corrector.correct("0 odd 0.png", "Shirts", "bob")
    core.corrector.correct("0 odd 1.png", "Tops", "bob")
    core.corrector.undo("0 shirt 0.png", "bob")
    core.clock.set_wall_clock(MONDAY + timedelta(days=7))
    core.corrector.correct("0 shirt 1.png", "Tops", "alice")
    words = figures(core).words
    assert (words.changed, words.changed_unasked, words.confirmed, words.undone) == (2, 1, 1, 1)


def test_a_run_belongs_to_the_local_day_on_which_it_began(tmp_path: Path) -> None:
    east = datetime.fromisoformat("2025-10-13T00:30:00+02:00")  # still Sunday in UTC
    core = Core(tmp_path, inline=True)
    core.clock.set_wall_clock(east)
    core.drop("a.png", tiny_photo())
    core.drain()
    assert [counts.photos for _, counts in figures(core).steps] == [1, 0, 0, 0, 0, 0, 0]
    core.stop()


def test_a_period_without_runs_has_no_rates(core: Core) -> None:
    empty = figures(core).as_json()
    assert (empty["runs"], empty["success_rate"], empty["average_confidence"]) == (0, None, None)


# --- the page ----------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [390, 1280])
def test_a_browser_shows_the_page_in_its_width(core: Core, tmp_path: Path, width: int) -> None:
    a_fortnight(core)
    folder = core.results / periodical(core).write(WEEK)
    seen = look_at(folder, width, tmp_path)
    assert seen.cut_off == []
    assert (seen.too_wide_px, seen.scripts, seen.console) == (0, 0, [])
    assert "14 photos sorted in 3 runs." in seen.text
    assert "40 % more than the week before (10 photos)" in seen.text
    assert "85.7" in seen.text
    assert "+15.0" in seen.text
    assert "not a photo" in seen.text


@pytest.mark.parametrize("days", [1, 70, 800])
def test_periods_of_any_length_have_a_page(core: Core, days: int) -> None:
    a_fortnight(core)
    period = Period(WEEK.first, WEEK.first + timedelta(days=days - 1))
    page = (core.results / periodical(core).write(period)).read_text(encoding="utf-8")
    assert "<polyline" in page
    assert "<script" not in page
    assert "nan" not in page


def test_a_page_links_those_reports_of_runs_that_are_there(core: Core) -> None:
    a_fortnight(core)
    (core.results / "batch_report_20251013_020000.html").touch()
    page = (core.results / periodical(core).write(WEEK)).read_text(encoding="utf-8")
    assert 'href="batch_report_20251013_020000.html"' in page
    assert page.count('href="') == 1


def test_a_hostile_category_is_only_text(core: Core) -> None:
    hostile = "<img src=x onerror=alert(1)>\N{RIGHT-TO-LEFT OVERRIDE}\n{{ 7*7 }}"
    a_fortnight(core)
    (run,) = (run for run in core.store.runs.summaries() if run["run"] == "20251013_020000")
    run["categories"] = {hostile: 8}
    run["model"] = hostile
    core.store.runs.close(run["run"], MONDAY, run)
    page = (core.results / periodical(core).write(WEEK)).read_text(encoding="utf-8")
    assert "<img" not in page
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in page
    assert "{{ 7*7 }}" in page


def test_a_page_says_what_was_saved_and_what_that_assumes(core: Core) -> None:
    night(core, 0, shirts=6, review=2, damaged=2)
    assumed = ValueSettings(wage_per_hour=20.0)
    teller = Periodical(core.store, Tree(core.results), core.clock, (), Shop(assumed))
    page = (core.results / teller.write(WEEK)).read_text(encoding="utf-8")
    assert (
        "<dt>Time saved</dt><dd>2 min 28 s: 8 photos at 30 s by hand, less 2 decisions at 46 s "
        "and 0 quick looks at 10 s</dd>" in page
    )
    assert "<dt>Money saved</dt><dd>0.82 EUR: that time at 20.00 an hour" in page


# --- every Monday ------------------------------------------------------------------------------


def weeks_told(core: Core) -> list[str]:
    return sorted(page.name for page in core.results.glob("period_report_2*.html"))


def test_a_week_is_told_once_when_it_is_over(core: Core) -> None:
    night(core, 0, shirts=3)
    core.clock.set_wall_clock(MONDAY + timedelta(days=6, hours=21))
    periodical(core).check()
    assert weeks_told(core) == []
    core.clock.set_wall_clock(MONDAY + timedelta(days=6, hours=22))
    periodical(core).check()
    assert weeks_told(core) == ["period_report_2025-W42.html"]
    told = core.store.facts.get(WEEK_TOLD)
    assert (told["week"], told["page"]) == ("2025-W42", "period_report_2025-W42.html")
    assert told["figures"]["total_processed"] == 3
    assert told["figures"]["value"]["saved_seconds"] == 90
    latest = core.results / "period_report_latest.html"
    assert latest.read_bytes() == (core.results / told["page"]).read_bytes()
    (core.results / told["page"]).unlink()
    core.restart()
    core.clock.advance(3 * 86400)
    periodical(core).check()
    assert weeks_told(core) == []


def test_a_week_in_which_the_box_was_off_on_monday_is_told_later(core: Core) -> None:
    night(core, 0, shirts=3)
    core.clock.set_wall_clock(MONDAY + timedelta(days=10))
    periodical(core).check()
    assert weeks_told(core) == ["period_report_2025-W42.html"]


def test_the_night_of_sunday_is_waited_for(core: Core) -> None:
    core.clock.set_wall_clock(MONDAY + timedelta(days=6, hours=20))  # Sunday, 22:00
    core.drop("late.png", tiny_photo())
    core.take_in()
    core.work()
    core.clock.set_wall_clock(MONDAY + timedelta(days=7))
    periodical(core).check()
    assert weeks_told(core) == []
    core.drainer.close(settling=0)
    periodical(core).check()
    assert core.store.facts.get(WEEK_TOLD)["figures"]["total_processed"] == 1


def test_a_new_box_tells_nothing_of_weeks_before_its_first_run(core: Core) -> None:
    periodical(core).check()
    night(core, 0, shirts=1)
    periodical(core).check()
    assert weeks_told(core) == []


def test_a_week_without_a_run_is_told_of_as_such(core: Core) -> None:
    night(core, -7, shirts=1)
    core.clock.set_wall_clock(MONDAY + timedelta(days=7))
    periodical(core).check()
    page = (core.results / "period_report_2025-W42.html").read_text(encoding="utf-8")
    assert "Nothing was sorted: no run began in this time." in page


def test_nothing_is_told_when_the_setting_says_so(core: Core) -> None:
    night(core, 0, shirts=3)
    core.clock.set_wall_clock(MONDAY + timedelta(days=7))
    Periodical(core.store, Tree(core.results), core.clock, ()).check()
    assert weeks_told(core) == []
    assert core.store.facts.get(WEEK_TOLD) is None


def test_a_results_folder_that_is_away_is_tried_again_an_hour_later(core: Core) -> None:
    night(core, 0, shirts=3)
    core.clock.set_wall_clock(MONDAY + timedelta(days=7))
    away = core.results.rename(core.results.with_name("away"))
    teller = periodical(core)
    teller.check()
    with pytest.raises(FolderUnavailable):
        teller.write(WEEK)
    away.rename(core.results)
    teller.check()
    assert weeks_told(core) == []
    core.clock.advance(3601)
    teller.check()
    assert weeks_told(core) == ["period_report_2025-W42.html"]


def test_a_clock_that_was_wrong_for_a_while_costs_no_week(core: Core) -> None:
    night(core, 0, shirts=3)
    core.clock.set_wall_clock(datetime(2031, 1, 1, tzinfo=UTC))
    periodical(core).check()
    core.clock.set_wall_clock(MONDAY + timedelta(days=7))
    periodical(core).check()
    assert "period_report_2025-W42.html" in weeks_told(core)


def test_whom_people_may_ask_stands_on_the_page_and_is_printed(core: Core) -> None:
    night(core, 0, shirts=3)
    page = core.results / periodical(core).write(WEEK)
    assert "Questions?" not in page.read_text(encoding="utf-8")
    Periodical(core.store, Tree(core.results), core.clock, (), Shop(ask="IT <desk>")).write(WEEK)
    text = page.read_text(encoding="utf-8")
    assert '<p class="ask">Questions? IT &lt;desk&gt;</p>' in text
    printed = text.partition("@media print{")[2]
    assert "footer p:not(.ask){display:none}" in printed


# --- every month -------------------------------------------------------------------------------


def test_a_month_is_told_once_when_it_is_over_against_the_month_before(core: Core) -> None:
    night(core, -20, shirts=2)  # in September
    night(core, 0, shirts=3)
    night(core, 18, shirts=2, review=1)  # the 31st
    core.clock.set_wall_clock(MONDAY + timedelta(days=18, hours=19))
    periodical(core, MONTHLY).check()
    assert weeks_told(core) == ["period_report_2025-09.html"]
    core.clock.set_wall_clock(MONDAY + timedelta(days=19))
    periodical(core, WEEKLY, MONTHLY).check()
    told = core.store.facts.get(MONTH_TOLD)
    assert (told["month"], told["page"]) == ("2025-10", "period_report_2025-10.html")
    assert (told["figures"]["total_processed"], told["figures"]["total_processed_before"]) == (6, 2)
    latest = core.results / "month_report_latest.html"
    assert latest.read_bytes() == (core.results / told["page"]).read_bytes()
    page = latest.read_text(encoding="utf-8")
    assert "<h1>October 2025</h1>" in page
    assert "200 % more than September 2025 (2 photos)" in page
    (core.results / told["page"]).unlink()
    core.clock.advance(3 * 86400)
    periodical(core, MONTHLY).check()
    assert "period_report_2025-10.html" not in weeks_told(core)


def test_a_month_is_tried_again_when_its_folder_was_away(core: Core) -> None:
    night(core, 0, shirts=3)
    core.clock.set_wall_clock(MONDAY + timedelta(days=30))
    away = core.results.rename(core.results.with_name("away"))
    teller = periodical(core, WEEKLY, MONTHLY)
    teller.check()
    away.rename(core.results)
    core.clock.advance(3601)
    teller.check()
    assert "period_report_2025-10.html" in weeks_told(core)
