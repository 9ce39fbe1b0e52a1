"""The service keeps to the window: the real parts, with a clock that the test moves."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from daemon.store import Store
from tests.support.core import tiny_photo
from tests.support.documents import part_of_summary
from tests.support.nights import Night, serving
from tests.support.photos import photo_bytes, write_photo
from tests.support.waiting import DEADLINE_SECONDS, eventually


@pytest.fixture
def night(tmp_path: Path) -> Night:
    return Night.make(tmp_path / "site")


def test_what_the_window_has_no_time_for_waits_and_is_told_as_deferred(night: Night) -> None:
    for number in range(200):
        (night.site.incoming / f"shirt-{number}.png").write_bytes(tiny_photo(number=number))
    with serving(night):
        eventually(night.has_begun, within_s=DEADLINE_SECONDS)
        night.clock.set_wall_clock(datetime(2025, 10, 13, 6, tzinfo=UTC))
        summary = eventually(lambda: night.summaries, within_s=DEADLINE_SECONDS)[0]
    assert summary["deferred"] == summary["waiting_after"] > 0
    assert summary["total_processed"] + summary["deferred"] == 200
    assert len(night.site.photos("incoming")) == summary["deferred"]


def test_one_window_is_one_run_unless_more_photos_come(night: Night) -> None:
    write_photo(night.site.incoming / "shirt-1.jpg", seed=1)
    with serving(night):
        night.pass_time_until_run(1)
        night.clock.advance(600)
        eventually(night.waits, within_s=DEADLINE_SECONDS)
        assert len(night.summaries) == 1
        write_photo(night.site.incoming / "shirt-2.jpg", seed=2)
        night.pass_time_until_run(2)
    assert [summary["total_processed"] for summary in night.summaries] == [1, 1]


def test_a_photo_that_waits_for_a_new_try_makes_no_run_of_its_own(night: Night) -> None:
    with (night.site.folder / "nightsort.toml").open("a", encoding="utf-8") as settings:
        settings.write("truncated_minutes = 1\n")
    whole = photo_bytes("JPEG", seed=3)
    (night.site.incoming / "cut-off.jpg").write_bytes(whole[: len(whole) // 2])
    write_photo(night.site.incoming / "shirt-1.jpg", seed=1)
    with serving(night):
        summary = night.pass_time_until_run(1)
    assert (summary["total_processed"], summary["failed"]) == (2, 1)


def test_the_week_is_told_on_monday_by_the_service_itself(night: Night) -> None:
    night.clock.set_wall_clock(datetime(2025, 10, 19, 2, tzinfo=UTC))  # a Sunday
    write_photo(night.site.incoming / "shirt-1.jpg", seed=1)
    page = night.site.results / "period_report_2025-W42.html"
    with serving(night):
        night.pass_time_until_run(1)
        assert not page.exists()
        night.clock.set_wall_clock(datetime(2025, 10, 20, 0, 0, 1, tzinfo=UTC))
        eventually(page.exists, within_s=DEADLINE_SECONDS)
    assert "1 photo sorted in 1 run." in page.read_text(encoding="utf-8")


def test_the_report_says_what_was_forecast_when_the_window_opened(night: Night) -> None:
    write_photo(night.site.incoming / "shirt-1.jpg", seed=1)
    with serving(night):
        summary = night.pass_time_until_run(1)
    with closing(Store(night.site.state)) as store:  # with a pace that no clock decides
        at = datetime.fromisoformat(summary["finished"])
        store.runs.close(
            summary["run"], at, part_of_summary(**summary | {"images_per_second": 1.0})
        )
    night.clock.set_wall_clock(datetime(2025, 10, 13, 20, tzinfo=UTC))
    write_photo(night.site.incoming / "shirt-2.jpg", seed=2)
    with serving(night):
        eventually(lambda: night.is_queued(1), within_s=DEADLINE_SECONDS)
        night.clock.set_wall_clock(datetime(2025, 10, 14, 2, tzinfo=UTC))
        night.pass_time_until_run(2)
        page = night.site.results / "batch_report_latest.html"
        eventually(
            lambda: "at 02:00, 1 photo done by 02:00" in page.read_text(encoding="utf-8"),
            within_s=DEADLINE_SECONDS,
        )


def test_a_machine_that_slept_into_the_window_sorts_when_it_wakes(night: Night) -> None:
    night.clock.set_wall_clock(datetime(2025, 10, 12, 22, tzinfo=UTC))
    write_photo(night.site.incoming / "shirt-1.jpg", seed=1)
    with serving(night):
        eventually(lambda: night.is_queued(1), within_s=DEADLINE_SECONDS)
        assert night.summaries == []
        night.clock.advance(5 * 3600)  # both clocks, as suspend does
        summary = night.pass_time_until_run(1)
    assert summary["total_processed"] == 1
    assert summary["run"].startswith("20251013_03")


def test_a_clock_that_is_set_into_the_window_opens_it(night: Night) -> None:
    night.clock.set_wall_clock(datetime(2025, 10, 12, 22, tzinfo=UTC))
    write_photo(night.site.incoming / "shirt-1.jpg", seed=1)
    with serving(night):
        eventually(lambda: night.is_queued(1), within_s=DEADLINE_SECONDS)
        night.clock.set_wall_clock(datetime(2025, 10, 13, 2, 30, tzinfo=UTC))
        summary = night.pass_time_until_run(1)
    assert summary["total_processed"] == 1
