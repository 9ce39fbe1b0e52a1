"""What is told of a box, by what its status, its runs and its clock say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from config.alerts import AlertSettings
from config.errors import FolderUnavailable, ModelError
from config.value import ValueSettings
from daemon.alerting import rules
from daemon.domain.accuracy import Rate
from daemon.domain.alerts import RULES, Alert, Sent, news
from daemon.domain.value import Value
from daemon.store.facts import LESSON, MASS_REMOVAL, MONTH_TOLD, PROMOTED, RESTORED, WEEK_TOLD
from daemon.store.handovers import Call
from tests.support.alerts import Box, FakeTarget, healthy
from tests.support.documents import a_lesson

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
REFUSED = Sent(is_delivered=False, error="connection refused")
AWAY = {"share": {"incoming": "incoming_dir /srv/in does not answer", "sorted": "available",
                  "results": "available"}, "state": "share unavailable"}  # fmt: skip


def failing(why: str = "disk full", *, is_model: bool = False) -> dict[str, Any]:
    return {"failing": {"why": why, "failures": 3, "is_model": is_model}}


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    """A box with a window from 02:00 to 06:00 UTC; it is 02:00."""
    box = Box(tmp_path, window={"timezone": "UTC"})
    yield box
    box.store.close()


def only(box: Box, rule: str) -> Alert:
    (alert,) = [alert for alert in box.target.told if alert.rule == rule]
    return alert


# --- the rules as a table ------------------------------------------------------------------------


def test_every_threshold_is_a_setting() -> None:
    settings = {rule.setting for rule in RULES.values() if rule.setting}
    assert settings <= AlertSettings.model_fields.keys()


def test_a_healthy_box_says_nothing(box: Box) -> None:
    assert box.turns(3 * DAY, every=HOUR) == []


# --- what keeps it from working ------------------------------------------------------------------


def test_a_share_that_is_away_is_told_after_some_minutes_and_when_it_is_back(box: Box) -> None:
    box.document = healthy(**AWAY)
    assert box.turns(4 * MINUTE) == []
    assert box.turns(6 * MINUTE) == [("share_unavailable", "raised")]
    assert "incoming" in only(box, "share_unavailable").facts["folders"]
    box.document = healthy()
    assert box.turns(10 * MINUTE) == [("share_unavailable", "resolved")]


def test_a_share_that_flaps_is_told_once(box: Box) -> None:
    told = []
    for _ in range(40):
        box.document = healthy(**AWAY)
        told += box.turns(3 * MINUTE)
        box.document = healthy()
        told += box.turns(3 * MINUTE)
    assert told == [("share_unavailable", "raised")]


def test_work_that_fails_is_told_but_not_beside_the_share_that_is_its_reason(box: Box) -> None:
    box.document = healthy(**AWAY, **failing())
    assert box.turns(10 * MINUTE) == [("share_unavailable", "raised")]
    box.document = healthy(**failing("state_dir: no space left"))
    told = box.turns(10 * MINUTE)
    assert ("run_failed", "raised") in told
    assert only(box, "run_failed").facts["why"] == "state_dir: no space left"


def test_a_failure_that_passes_within_two_minutes_is_not_told(box: Box) -> None:
    box.document = healthy(**failing())
    assert box.turns(1 * MINUTE, every=10) == []
    box.document = healthy()
    assert box.turns(HOUR) == []


def test_a_model_that_answers_wrongly_is_told_at_once(box: Box) -> None:
    box.document = healthy(**failing("its test photos", is_model=True))
    assert box.turns(10 * MINUTE) == [("model_failed", "raised")]
    box.document = healthy()
    assert box.turns(10 * MINUTE) == [("model_failed", "resolved")]


def test_what_is_raised_is_known_to_the_next_process(box: Box) -> None:
    box.document = healthy(**failing(is_model=True))
    assert box.turn() == [("model_failed", "raised")]
    box.restart()
    assert box.turns(10 * MINUTE) == []
    box.clock.advance(DAY)
    assert box.turn() == [("model_failed", "repeated")]


@pytest.mark.parametrize(
    ("error", "rule"),
    [(ModelError("models/x: is missing"), "model_failed"), (ValueError("x"), "run_failed")],
)
def test_an_error_that_ends_the_process_is_told_at_once_and_once(
    box: Box, error: Exception, rule: str
) -> None:
    for _ in range(3):
        box.session.end_with(error)
        box.restart()
    assert [(alert.rule, alert.phase) for alert in box.target.told] == [(rule, "raised")]


def test_a_command_that_ends_with_its_run_tells_all_at_once(tmp_path: Path) -> None:
    box = Box(tmp_path, is_service=False)
    box.session.end_with(FolderUnavailable("incoming_dir is away"))
    assert only(box, "run_failed").facts["why"] == "incoming_dir is away"
    box.restart()
    assert box.turn() == [("run_failed", "resolved")]
    box.store.close()


# --- disks, watch, forecast ----------------------------------------------------------------------


def test_a_disk_with_little_space_is_told_until_there_is_clearly_more(box: Box) -> None:
    box.document = healthy(disk={"sorted": 4_000, "state": 90_000})
    assert box.turns(5 * MINUTE) == [("low_disk", "raised")]
    assert only(box, "low_disk").facts == {
        "disks": {"sorted": 4_000}, "limit_mb": 5_000, "since": box_since(box),
    }  # fmt: skip
    for free in (5_100, 4_900, 5_100, 4_900):
        box.document = healthy(disk={"sorted": free, "state": 90_000})
        assert box.turns(30 * MINUTE) == []
    box.document = healthy(disk={"sorted": 9_000, "state": 90_000})
    assert box.turns(30 * MINUTE) == [("low_disk", "resolved")]


def test_a_backup_that_fails_again_and_again_is_told_until_there_is_one(box: Box) -> None:
    why = "there is no new backup: /mnt/usb is not mounted; mount it"
    box.document = healthy(backup=why)
    assert box.turns(60 * MINUTE) == []
    box.document = healthy()
    assert box.turns(100 * MINUTE) == []
    box.document = healthy(backup=why)
    assert box.turns(100 * MINUTE) == [("backup_failed", "raised")]
    assert only(box, "backup_failed").facts["why"] == why
    box.document = healthy()
    assert box.turns(100 * MINUTE) == [("backup_failed", "resolved")]


def test_another_model_than_the_one_adopted_is_told_until_that_is_mended(box: Box) -> None:
    why = "fashion 1 judges instead of the version adopted: version 2.npz: is damaged"
    box.document = healthy(model_problem=why)
    assert box.turns(MINUTE) == [("model_refused", "raised")]
    facts = only(box, "model_refused").facts
    assert (facts["why"], facts["model"]) == (why, box.document["model"])
    box.document = healthy()
    assert box.turns(MINUTE) == [("model_refused", "resolved")]


def test_a_lesson_by_itself_is_told_once_and_one_that_somebody_asked_for_is_not(box: Box) -> None:
    box.store.facts.remember(LESSON, a_lesson(by_itself=False))
    assert box.turns(MINUTE) == []
    box.store.facts.remember(LESSON, a_lesson())
    assert box.turns(HOUR) == [("lesson_learnt", "told")]
    assert only(box, "lesson_learnt").facts.keys() == RULES["lesson_learnt"].facts.keys()


def test_what_came_of_a_promoted_version_is_told_once(box: Box) -> None:
    promoted = {
        "id": 7, "station": "hamburg", "name": "2025-10-13.1@hamburg", "sha256": "0" * 64,
        "person": "anna", "state": "came", "judgement": "", "why": "", "adopted": False,
    }  # fmt: skip
    box.store.facts.remember(PROMOTED, promoted)
    assert box.turns(MINUTE) == []
    over = {**promoted, "state": "over", "judgement": "better", "why": "because"}
    box.store.facts.remember(PROMOTED, over)
    assert box.turns(HOUR) == [("promotion_compared", "told")]
    facts = only(box, "promotion_compared").facts
    assert facts.keys() == RULES["promotion_compared"].facts.keys()
    box.store.facts.remember(PROMOTED, {**over, "sha256": "1" * 64})  # of a mirror made anew
    assert box.turns(HOUR) == [("promotion_compared", "told")]
    box.store.facts.remember(PROMOTED, {**over, "id": 8, "judgement": "", "why": "withdrawn"})
    assert box.turns(HOUR) == []


def box_since(box: Box) -> str:
    since: str = box.target.told[0].facts["since"]
    return since


def test_a_disk_too_small_for_the_queue_is_told_with_what_it_needs(box: Box) -> None:
    queue = {"waiting": 3, "settling": 0, "retrying": 0}
    admit_bytes(box, 10_000_000_000)
    box.document = healthy(disk={"sorted": 9_000, "state": 90_000}, queue=queue)
    assert box.turns(20 * MINUTE) == [("disk_too_small", "raised")]
    facts = only(box, "disk_too_small").facts
    assert (facts["free_mb"], facts["needed_mb"], facts["waiting"]) == (9_000, 10_512, 3)
    box.document = healthy(disk={"sorted": 9_000, "state": 90_000})  # nothing waits any more
    assert box.turns(40 * MINUTE) == [("disk_too_small", "resolved")]


def test_photos_that_are_only_renamed_need_no_space(box: Box) -> None:
    admit_bytes(box, 10_000_000_000)
    box.document = healthy(
        disk={"sorted": 9_000, "state": 90_000},
        queue={"waiting": 3, "settling": 0, "retrying": 0},
        filing={"min_free_mb": 512, "copies": False},
    )
    assert box.turns(20 * MINUTE) == []


def admit_bytes(box: Box, size: int) -> None:
    from daemon.domain.photos import Fingerprint, Sighting

    box.store.admissions.admit([Sighting("a.jpg", Fingerprint(1, size, 1))], box.clock.now())


def test_a_watch_that_fell_back_to_polling_is_told(box: Box) -> None:
    box.document["watch"] |= {"degraded": True, "mode": "polling", "why": "limit reached"}
    assert box.turns(5 * MINUTE) == [("watch_degraded", "raised")]


def test_another_system_that_is_not_reached_for_half_an_hour_is_told(box: Box) -> None:
    handovers, key = box.store.handovers, "run-1"
    handovers.put([Call(key, box.clock.now(), "{}")], 0)
    handovers.failed(key, box.clock.now(), "it answered 502", box.clock.now() + timedelta(hours=1))
    assert box.turns(29 * MINUTE) == []
    assert box.turns(5 * MINUTE) == [("handover_undeliverable", "raised")]
    assert only(box, "handover_undeliverable").facts["waiting"] == 1
    handovers.arrived(key, box.clock.now())
    assert box.turns(5 * MINUTE) == [("handover_undeliverable", "resolved")]


def test_a_photo_that_cannot_be_taken_for_an_hour_is_told_by_its_name(box: Box) -> None:
    held = [{"name": "return-1.jpg", "seconds": 3500.0}]
    box.document["left_alone"] = {"held": held}
    assert box.turns(5 * MINUTE) == []
    held[0]["seconds"] = 3700.0
    assert box.turns(5 * MINUTE) == [("photos_held", "raised")]
    held[:] = [{"name": "return-2.jpg", "seconds": 3700.0, "why": "Permission denied"}]
    assert box.turns(5 * MINUTE) == []  # it is told already that one cannot be taken
    held.clear()
    assert box.turns(5 * MINUTE) == [("photos_held", "resolved")]


def test_a_forecast_that_misses_the_window_is_told_an_hour_before_not_in_the_afternoon(
    box: Box,
) -> None:
    opens = box.clock.now() + timedelta(hours=8)
    window = {
        "mode": "window",
        "open": False,
        "opens": opens.isoformat(),
        "closes": (opens + timedelta(hours=4)).isoformat(),
    }
    forecast = {"waiting": 9000, "will_not_fit": 900, "done_by": opens.isoformat(), "text": ""}
    box.document = healthy(window=window, forecast=forecast)
    assert box.turns(6.5 * HOUR) == []
    assert box.turns(HOUR) == [("forecast_misses_window", "raised")]
    assert only(box, "forecast_misses_window").facts["will_not_fit"] == 900


# --- windows that were missed --------------------------------------------------------------------


def test_a_window_that_should_have_run_36_hours_ago_and_did_not_is_told(box: Box) -> None:
    box.turn()  # attended, at 02:00
    box.store.close()
    box.clock.advance(24 * HOUR + 35 * HOUR)  # the next one was at 02:00; it is 13:00 a day later
    box.start()
    box.document = healthy(failing={"why": "x", "failures": 1, "is_model": False})
    assert ("window_missed", "raised") not in box.turns(HOUR)
    assert ("window_missed", "raised") in box.turns(2 * HOUR)
    facts = only(box, "window_missed").facts
    assert facts["opened"] == "2025-10-14T02:00:00+00:00"
    assert facts["hours"] == 36
    box.document = healthy()
    assert ("window_missed", "resolved") in box.turns(DAY, every=HOUR)


def test_days_without_a_window_do_not_count(tmp_path: Path) -> None:
    box = Box(tmp_path, window={"timezone": "UTC", "days": ["fri"]})
    box.clock.set_wall_clock(datetime(2025, 10, 17, 2, tzinfo=UTC))  # a Friday
    box.turn()
    box.document = healthy(failing={"why": "x", "failures": 1, "is_model": True})
    told = box.turns(6.9 * DAY, every=HOUR)
    assert ("window_missed", "raised") not in told
    assert ("window_missed", "raised") in box.turns(2 * DAY, every=HOUR)
    box.store.close()


def test_a_run_in_the_morning_makes_up_for_the_window(box: Box) -> None:
    box.turn()
    box.document = healthy(failing={"why": "x", "failures": 1, "is_model": False})
    box.clock.advance(30 * HOUR)
    box.run()
    assert ("window_missed", "raised") not in box.turns(30 * HOUR, every=HOUR)


def test_a_box_that_was_installed_after_the_window_missed_nothing(box: Box) -> None:
    box.clock.set_wall_clock(datetime(2025, 10, 13, 7, tzinfo=UTC))
    box.turn()
    assert box.turns(20 * HOUR, every=HOUR) == []


def test_a_clock_that_is_set_right_after_the_start_missed_no_window(tmp_path: Path) -> None:
    box = Box(tmp_path, window={"timezone": "UTC"})
    box.clock.set_wall_clock(datetime(1970, 1, 1, tzinfo=UTC))
    assert box.turns(10 * MINUTE) == []
    box.clock.set_wall_clock(datetime(2025, 10, 15, 13, tzinfo=UTC))
    assert box.turns(HOUR) == []
    box.store.close()


# --- runs ----------------------------------------------------------------------------------------


def test_a_run_that_ended_is_told_with_its_figures_and_files(box: Box) -> None:
    categories = {"Shirts": 4, "Tops": 6}
    run = box.run(successful=8, review=2, failed=0, categories=categories, is_reported=False)
    for name in (f"batch_report_{run}.html", f"batch_results_{run}.csv"):
        (box.settings.results_dir / name).write_text("x")
    assert box.turn() == []  # its report is not made yet
    box.report_runs()
    assert box.turn() == [("run_finished", "told")]
    told = only(box, "run_finished")
    assert told.facts["total_processed"] == 10
    assert [*told.facts["categories"]] == ["Tops", "Shirts"]
    assert [path.name for path in told.attachments] == [
        f"batch_report_{run}.html",
        f"batch_results_{run}.csv",
    ]
    assert told.facts.keys() == RULES["run_finished"].facts.keys()
    assert box.turns(HOUR) == []


def test_what_is_told_of_a_run_has_its_files_with_it_until_it_is_over(box: Box) -> None:
    run = box.run(successful=20, failed=40, review=60)
    names = {f"batch_report_{run}.html", f"batch_results_{run}.csv"}
    for name in names:
        (box.settings.results_dir / name).write_text("x")
    box.turn()
    for rule in ("high_error_rate", "many_in_review"):
        assert {path.name for path in only(box, rule).attachments} == names
    box.run()
    assert ("many_in_review", "resolved") in box.turn()
    assert all(not one.attachments for one in box.target.told if one.phase == "resolved")


def test_a_run_whose_report_cannot_be_made_is_told_without_it(box: Box) -> None:
    box.run(is_reported=False)
    assert box.turns(20 * MINUTE) == [("run_finished", "told")]
    assert only(box, "run_finished").facts["report"] is None


def test_forty_bad_photos_are_one_alert(box: Box) -> None:
    errors = [{"filename": f"{n}.jpg", "error": "corrupt"} for n in range(40)]
    box.run(successful=20, failed=40, errors=errors)
    told = box.turns(HOUR)
    assert sorted(told) == [("high_error_rate", "raised"), ("run_finished", "told")]
    facts = only(box, "high_error_rate").facts
    assert (facts["failed"], facts["total_processed"], facts["rate"]) == (40, 60, 0.6667)
    assert len(facts["errors"]) == 5


def test_a_night_that_is_as_bad_is_the_second_day_and_a_good_one_ends_it(box: Box) -> None:
    told = []
    for failed in (5, 5, 5, 0):
        box.run(failed=failed)
        told += box.turn()
        box.clock.advance(DAY)
    of_rate = [phase for rule, phase in told if rule == "high_error_rate"]
    assert of_rate == ["raised", "repeated", "repeated", "resolved"]


def test_a_rate_of_few_photos_says_nothing(box: Box) -> None:
    box.run(successful=1, failed=8)
    assert box.turn() == [("run_finished", "told")]


def test_a_run_with_nothing_to_do_says_nothing(box: Box) -> None:
    box.run(successful=0, gone=3, arrived=3)
    assert box.turns(HOUR) == []


def test_many_photos_in_review_are_told(box: Box) -> None:
    box.run(successful=100, review=51)
    assert ("many_in_review", "raised") in box.turn()


def test_a_long_run_is_told_while_it_goes_on_and_not_resolved_by_its_own_end(box: Box) -> None:
    run = box.store.runs.open("20251013_020000", box.clock.now(), "model").id
    assert box.turns(14 * MINUTE) == []
    assert box.turns(10 * MINUTE) == [("slow_run", "raised")]
    from tests.support.alerts import summary

    now = box.clock.now()
    box.store.runs.close(run, now, summary(run, now, processing_time_seconds=800.0))
    box.report_runs()
    assert box.turns(HOUR) == [("run_finished", "told")]
    box.run(processing_time_seconds=5.0)
    assert ("slow_run", "resolved") in box.turn()
    box.run(processing_time_seconds=1000.0)
    assert ("slow_run", "raised") in box.turn()
    told = [one for one in box.target.told if (one.rule, one.phase) == ("slow_run", "raised")]
    assert [one.facts["has_ended"] for one in told] == [False, True]


def test_figures_that_do_not_add_up_are_told_once_a_day(box: Box) -> None:
    for _ in range(3):
        box.run(arrived=12)
        box.turn()
        box.clock.advance(HOUR)
    alert = only(box, "imbalance")
    assert alert.facts["missing"] == 2
    assert alert.facts.keys() == RULES["imbalance"].facts.keys()


# --- continuous mode, weeks ----------------------------------------------------------------------


@pytest.fixture
def continuous(tmp_path: Path) -> Iterator[Box]:
    box = Box(tmp_path, window={"mode": "continuous", "timezone": "UTC"})
    box.turn()
    yield box
    box.store.close()


def test_in_continuous_mode_runs_are_told_once_a_day_in_the_morning(continuous: Box) -> None:
    box = continuous
    told = []
    for _ in range(8):  # 02:00 to 06:00, then tomorrow
        box.run()
        told += box.turns(HOUR / 2)
    assert told == []
    assert box.turns(2 * HOUR) == [("run_finished", "told")]
    facts = only(box, "run_finished").facts
    assert (facts["runs"], facts["total_processed"]) == (8, 80)
    assert facts["value"] is None  # these summaries do not say
    assert box.turns(23 * HOUR, every=HOUR) == []


def test_in_continuous_mode_what_the_runs_of_a_day_saved_is_added_up(continuous: Box) -> None:
    worth = Value(judged=10, reviews=2, looks=1, assumed=ValueSettings(wage_per_hour=18.0))
    for _ in range(8):
        continuous.run(value=worth.as_json())
        continuous.turns(HOUR / 2)
    continuous.turns(2 * HOUR)
    value = only(continuous, "run_finished").facts["value"]
    assert (value["judged"], value["saved_seconds"]) == (80, 8 * (300 - 92 - 10))
    assert value["saved_money"] == 7.92


def test_in_continuous_mode_rates_are_those_of_the_last_day(continuous: Box) -> None:
    box = continuous
    for _ in range(5):  # each too small to be judged alone
        box.run(successful=1, failed=1)
        box.turn()
        box.clock.advance(HOUR)
    assert only(box, "high_error_rate").facts["total_processed"] == 10
    assert only(box, "high_error_rate").facts["run"] is None
    box.clock.advance(20 * HOUR)
    box.run(successful=30)
    assert ("high_error_rate", "resolved") in box.turn()


def test_a_week_is_summed_up_on_its_morning_once(box: Box) -> None:
    figures = {
        "from": "2025-10-06", "to": "2025-10-12", "runs": 5, "total_processed": 900,
        "successful": 880, "review": 15, "duplicates": 3, "failed": 2, "success_rate": 99.7,
        "average_confidence": 0.93, "categories": {"Shirts": 880}, "corrected": 4,
    }  # fmt: skip
    told = {"week": "2025-W41", "page": "period_report_2025-W41.html", "figures": figures}
    (box.settings.results_dir / told["page"]).write_text("x")  # type: ignore[operator]
    box.store.facts.remember(WEEK_TOLD, told)
    assert box.turns(4.9 * HOUR) == []  # it is Monday, 02:00
    assert box.turns(HOUR) == [("weekly_summary", "told")]
    alert = only(box, "weekly_summary")
    assert alert.facts.keys() == RULES["weekly_summary"].facts.keys()
    assert [path.name for path in alert.attachments] == ["period_report_2025-W41.html"]
    assert box.turns(9 * DAY, every=HOUR) == []


def test_a_month_is_summed_up_in_the_morning_once_and_never_a_month_long_past(box: Box) -> None:
    figures = {
        "from": "2025-09-01", "to": "2025-09-30", "runs": 22, "total_processed": 4000,
        "total_processed_before": 3500, "successful": 3900, "review": 80, "duplicates": 12,
        "failed": 8, "success_rate": 99.8, "average_confidence": 0.93,
        "categories": {"Shirts": 3980}, "corrected": 4,
    }  # fmt: skip
    told = {"month": "2025-09", "page": None, "figures": figures}
    box.store.facts.remember(MONTH_TOLD, {**told, "month": "2025-08"})
    assert box.turns(9 * HOUR) == []  # it is October
    box.store.facts.remember(MONTH_TOLD, told)
    assert box.turns(DAY, every=HOUR) == [("monthly_summary", "told")]
    alert = only(box, "monthly_summary")
    assert alert.facts.keys() == RULES["monthly_summary"].facts.keys()
    assert alert.facts["total_processed_before"] == 3500
    assert box.turns(9 * DAY, every=HOUR) == []


@pytest.mark.parametrize(
    ("right", "wrong", "alone", "is_told"),
    [
        (20, 0, 0, False),
        (20, 2, 0, False),  # fewer than three are chance
        (190, 10, 0, True),
        (40, 10, 150, True),  # though all that was left alone were right
        (40, 10, 700, False),
        (0, 3, 200, False),  # only what was wrong was answered
    ],
)
def test_a_promise_is_broken_when_spot_checks_say_so_beyond_doubt(
    right: int, wrong: int, alone: int, is_told: bool
) -> None:
    rate = Rate(right, right + wrong, right + wrong + alone)
    seen = rules.of_accuracy(rate, 0.99, 28, "fashion")
    assert seen.holds is is_told
    assert seen.facts.keys() == RULES["accuracy_below_promise"].facts.keys()


def test_a_week_without_photos_is_not_summed_up(box: Box) -> None:
    box.store.facts.remember(WEEK_TOLD, {"week": "2025-W41", "page": None, "figures": None})
    assert box.turns(9 * DAY, every=HOUR) == []


# --- targets -------------------------------------------------------------------------------------


def test_a_target_out_of_reach_for_half_an_hour_is_told_through_the_others(tmp_path: Path) -> None:
    box = Box(tmp_path)
    is_down = True
    slack = FakeTarget("slack", answer=lambda _: REFUSED if is_down else Sent(is_delivered=True))
    box.targets.append(slack)
    box.session.use(box.targets)
    box.run()
    assert box.turns(29 * MINUTE) == [("run_finished", "told")]
    assert box.turns(5 * MINUTE) == [("target_undeliverable", "raised")]
    facts = only(box, "target_undeliverable").facts
    assert (facts["target"], facts["error"]) == ("slack", "connection refused")
    assert box.session.figures()["unreachable"] == ["slack"]
    assert box.turns(2 * HOUR) == []
    is_down = False
    assert box.turns(2 * HOUR) == [("target_undeliverable", "resolved")]
    assert [alert.rule for alert in slack.told] == ["run_finished"]
    box.store.close()


def test_a_target_that_was_removed_is_no_longer_out_of_reach(tmp_path: Path) -> None:
    box = Box(tmp_path)
    slack = FakeTarget("slack", answer=lambda _: REFUSED)
    box.session.use([box.target, slack])
    box.run()
    assert ("target_undeliverable", "raised") in box.turns(HOUR)
    box.session.use([box.target])
    assert box.turn() == [("target_undeliverable", "resolved")]
    assert box.session.figures()["given_up"] == 1
    box.store.close()


def test_what_others_put_into_the_store_is_told(box: Box) -> None:
    facts = {"why": "malformed", "backup": None, "backup_taken": None, "set_aside": "x"}
    box.store.alerts.keep([news("database_restored", "1", box.clock.now(), facts)])
    assert box.turn() == [("database_restored", "told")]


def test_a_database_that_was_mended_is_told_once(box: Box) -> None:
    at = box.clock.now().isoformat(timespec="seconds")
    told = {"why": "malformed", "backup": "b.db", "backup_taken": at, "set_aside": "damaged.db"}
    box.store.facts.remember(RESTORED, {"at": at, **told})
    assert box.turns(HOUR) == [("database_restored", "told")]
    assert only(box, "database_restored").facts == told
    box.restart()
    assert box.turns(HOUR) == []


def test_every_condition_carries_the_facts_that_its_rule_names(box: Box) -> None:
    box.document = healthy(
        **AWAY, disk={"sorted": 1, "state": 1}, queue={"waiting": 1, "settling": 0, "retrying": 0}
    )
    box.document["watch"] |= {"degraded": True}
    box.run(successful=10, review=60, failed=40, processing_time_seconds=9999.0)
    box.turns(HOUR)
    box.document = healthy(**failing())
    box.turns(HOUR)
    for alert in box.target.told:
        if not RULES[alert.rule].is_news:
            assert alert.facts.keys() == {*RULES[alert.rule].facts, "since"}, alert.rule
    assert len({alert.rule for alert in box.target.told}) >= 8


def test_patience_is_known_for_every_rule() -> None:
    for rule in RULES:
        patience = rules.patience(rule, AlertSettings())
        assert 0 <= patience.raise_seconds <= patience.clear_seconds


def test_photos_that_wait_for_days_are_told_once_a_day_until_they_are_decided(box: Box) -> None:
    since = box.clock.now() - timedelta(days=2, hours=23)
    box.document["undecided"] = {"photos": 12, "oldest": since.isoformat()}
    assert box.turn() == []
    assert box.turns(2 * HOUR) == [("undecided_too_long", "raised")]
    assert box.target.told[-1].facts["photos"] == 12
    assert box.turns(25 * HOUR, every=HOUR) == [("undecided_too_long", "repeated")]
    box.document["undecided"] = {"photos": 0, "oldest": None}
    assert box.turn() == [("undecided_too_long", "resolved")]


def test_many_photos_gone_at_once_are_told_until_they_are_back_or_believed_gone(box: Box) -> None:
    at = box.clock.now()
    later = at + timedelta(hours=1)
    doubted = {later.isoformat(): [4], at.isoformat(): [1, 2, 3]}
    box.store.facts.remember(MASS_REMOVAL, doubted)
    assert box.turn() == [("many_removed", "raised")]
    facts = box.target.told[-1].facts
    assert (facts["photos"], facts["gone_since"]) == (4, at.isoformat())
    assert box.turns(HOUR) == []
    box.store.facts.remember(MASS_REMOVAL, None)
    assert box.turn() == [("many_removed", "resolved")]


def test_a_mirror_that_fails_for_long_is_told_once_and_when_it_is_over(box: Box) -> None:
    mirror = {"station": "berlin", "waiting": 12, "why": "refused"}
    box.document = healthy(mirror=mirror)
    assert box.turns(29 * MINUTE) == []
    assert box.turns(3 * HOUR) == [("mirror_behind", "raised")]
    assert only(box, "mirror_behind").facts.keys() == {"station", "why", "waiting", "since"}
    box.document = healthy(mirror={**mirror, "why": None})
    assert box.turns(HOUR) == [("mirror_behind", "resolved")]


def test_database_and_bucket_that_fail_together_are_one_alert(box: Box) -> None:
    database = {"station": "berlin", "waiting": 12, "why": "refused"}
    bucket = {"station": "berlin", "copies": 7, "waiting": 3, "why": "cannot be reached"}
    box.document = healthy(mirror=database, bucket=bucket)
    assert box.turns(3 * HOUR) == [("mirror_behind", "raised")]
    facts = only(box, "mirror_behind").facts
    assert (facts["why"], facts["waiting"]) == ("refused; and cannot be reached", 15)
    box.document = healthy(mirror={**database, "why": None}, bucket=bucket)
    assert box.turns(HOUR) == []
    box.document = healthy(mirror=None, bucket={**bucket, "why": None})
    assert box.turns(HOUR) == [("mirror_behind", "resolved")]


def test_a_mirror_that_comes_and_goes_is_told_once(box: Box) -> None:
    told = []
    for _ in range(12):
        for why in ("connection refused", None):
            mirror = {"station": "berlin", "waiting": 0, "why": why}
            box.document = healthy(mirror=mirror)
            told += box.turns(10 * MINUTE)
    assert told == [("mirror_behind", "raised")]
