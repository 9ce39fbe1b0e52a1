"""Reports on the page: made from the history, never read from a folder that others may write to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from config.contact import ContactSettings
from daemon.folders.spreadsheets import read_sheets
from tests.support.core import tiny_photo
from tests.support.web_core import WebDesk, reviewed

_HERE = "/page/reports"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[WebDesk]:
    """One run, of whose photos one waits and one is broken."""
    with reviewed(tmp_path) as desk:
        desk.core.drop("return-60521.png", tiny_photo("Shirts", 1))
        desk.core.drop("return-60522.png", tiny_photo("review", 2))
        desk.core.drop("broken <b>.jpg", b"no photo at all")
        desk.core.drain()
        yield desk


def run_of(desk: WebDesk) -> str:
    (summary,) = desk.core.store.runs.summaries()
    return str(summary["run"])


def test_everything_listed_opens(desk: WebDesk) -> None:
    page = desk.get(_HERE).text
    assert len(page.encode()) < 100_000
    links = sorted(set(re.findall(rf'href="({_HERE}/[^"]+)"', page)))
    kinds = [re.sub(r"\d[\dW_-]*", "*", link.removeprefix(f"{_HERE}/")) for link in links]
    assert kinds == [
        "batch_report_*.html", "batch_results_*.csv", "batch_results_*.xlsx",
        "period_report_*.html", "period_report_*.html", "summary_*.json",
    ]  # fmt: skip
    for link in links:
        answer = desk.get(link)
        assert answer.status_code == 200, link
        assert int(answer.headers["content-length"]) == len(answer.content) > 100


def test_files_of_a_run_are_as_they_were_written_whatever_lies_in_the_folder(
    desk: WebDesk,
) -> None:
    run = run_of(desk)
    csv, summary = (f"batch_results_{run}.csv", f"summary_{run}.json")
    written = {name: (desk.core.results / name).read_bytes() for name in (csv, summary)}
    for name in (csv, summary):
        (desk.core.results / name).write_bytes(b"=cmd|' /C calc'!A0")
        answer = desk.get(f"{_HERE}/{name}")
        assert answer.content == written[name]
        assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert json.loads(written[summary])["run"] == run


def test_the_page_of_a_run_needs_no_share_and_may_run_nothing(desk: WebDesk) -> None:
    run = run_of(desk)
    (desk.core.results / f"batch_report_{run}.html").write_text("<script>alert(1)</script>")
    answer = desk.get(f"{_HERE}/batch_report_{run}.html")
    assert "return-60522.png" in answer.text
    assert "broken &lt;b&gt;.jpg" in answer.text
    assert "<script" not in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script" not in policy
    assert "frame-ancestors 'none'" in policy
    german = desk.get(f"{_HERE}/batch_report_{run}.html", **{"accept-language": "de"})
    assert '<html lang="de">' in german.text
    (link,) = re.findall(r'href="(exports/pick_lists_[^"]+)"', answer.text)
    led = desk.get(f"{_HERE}/{link}")
    assert (led.status_code, led.headers["location"]) == (303, f"/page/pick-lists/{run}")


def test_the_page_of_a_week_leads_to_its_runs(desk: WebDesk) -> None:
    run = run_of(desk)
    (week, _) = re.findall(rf'href="({_HERE}/period_report_[^"]+)"', desk.get(_HERE).text)
    text = desk.get(week).text
    assert f'href="batch_report_{run}.html"' in text
    day = f"{run[:4]}-{run[4:6]}-{run[6:8]}"
    asked = desk.get(f"{_HERE}/days?from={day}&to={day}")
    assert asked.headers["location"] == f"{_HERE}/period_report_{day}_{day}.html"
    assert desk.get(asked.headers["location"]).status_code == 200


def test_the_page_of_a_week_says_whom_to_ask(desk: WebDesk) -> None:
    (week, _) = re.findall(rf'href="({_HERE}/period_report_[^"]+)"', desk.get(_HERE).text)
    assert "Questions?" not in desk.get(week).text
    settings = desk.site.settings.model_copy(update={"contact": ContactSettings(name="IT")})
    object.__setattr__(desk.site, "settings", settings)
    assert '<p class="ask">Questions? IT</p>' in desk.get(week).text


def test_the_workbook_opens_and_has_every_photo(desk: WebDesk) -> None:
    run = run_of(desk)
    content = desk.get(f"{_HERE}/batch_results_{run}.xlsx").content
    assert content.startswith(b"PK")
    sheets = str([[*rows] for _, rows in read_sheets(BytesIO(content))])
    assert "return-60521.png" in sheets
    assert "return-60522.png" in sheets


@pytest.mark.parametrize(
    "name",
    [
        "batch_report_nothing.html", "batch_results_nothing.csv", "batch_results_nothing.xlsx",
        "summary_nothing.json", "batch_report_%2e%2e.html", "batch_results_..%2f..%2fx.csv",
        "period_report_2026-W99.html", "period_report_x.html", "period_report_2026-11-02.html",
        "period_report_2026-11-02_2026-11-01.html", "period_report_1000-01.html",
        "period_report_2026-w47.html", "exports/pick_lists_nothing.html", "pick_lists_latest.html",
    ],
)  # fmt: skip
def test_what_there_is_not_is_not_found(desk: WebDesk, name: str) -> None:
    assert desk.get(f"{_HERE}/{name}").status_code == 404


def test_days_that_make_no_sense_are_told_so(desk: WebDesk) -> None:
    for asked in ("from=x&to=y", "from=2026-11-02&to=2026-11-01", "from=1990-01-01&to=2026-01-01"):
        answer = desk.get(f"{_HERE}/days?{asked}")
        assert answer.status_code == 400, answer.text


def test_reports_are_not_made_all_at_once(desk: WebDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.reading.reports._places", _NoPlace())
    answer = desk.get(f"{_HERE}/batch_report_{run_of(desk)}.html")
    assert answer.status_code == 503
    assert "retry-after" in answer.headers


class _NoPlace:
    """Others are at it."""

    def acquire(self, **_: float) -> bool:
        return False


def test_before_the_first_run_it_says_what_to_do(tmp_path: Path) -> None:
    with reviewed(tmp_path) as desk:
        assert "Nothing was sorted yet" in desk.get(_HERE).text
