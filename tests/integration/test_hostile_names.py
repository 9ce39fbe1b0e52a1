"""Names from hell through every output at once, each read again by a program that is not ours."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import structlog

from daemon.domain.photos import as_text
from daemon.reporting.history import story_in_words, story_json
from daemon.reporting.periods import Period
from tests.integration.test_pick_lists import updater
from tests.support.browser import look_at
from tests.support.core import Core, tiny_photo
from tests.support.names import HOSTILE

NAMES = {as_text(name) for name in HOSTILE}
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "\N{FULLWIDTH EQUALS SIGN}")


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Core]:
    """Each name filed, in review, as a duplicate, in quarantine, corrected and put back."""
    with structlog.testing.capture_logs():
        core = Core(tmp_path_factory.mktemp("core"), inline=True)
        for number, name in enumerate(HOSTILE):
            core.drop(f"a/{name}", tiny_photo("Shirts", number))
            core.drop(f"b/{name}", tiny_photo("review", 100 + number))
            core.drop(f"c/{name}", tiny_photo("Shirts", number))
            core.drop(f"d/{name}", f"Please call back {number}.".encode())
            core.drop(f"e/{name}", tiny_photo("Shirts", 200 + number))
            core.drop(f"f/{name}", tiny_photo("Shirts", 300 + number))
        summary = core.drain()
        for name in HOSTILE:
            for folder, word in (("e", "correct"), ("f", "undo")):
                (story,) = core.store.history.stories(f"{folder}/{name}")
                if word == "correct":
                    core.corrector.correct(story.place, "Tops", "=cmd|' calc'!A0")
                else:
                    core.corrector.undo(story.place, "=cmd|' calc'!A0")
        updating = updater(core)
        updating.follow()
        updating.make(summary["run"])
        updating.make_period(Period(core.clock.now().date(), core.clock.now().date()))
    yield core
    core.stop()


def test_the_run_holds_each_name_in_every_state(core: Core) -> None:
    (summary,) = core.store.runs.summaries()
    count = len(HOSTILE)
    assert (summary["successful"], summary["review"]) == (3 * count, count)
    assert (summary["duplicates"], summary["failed"]) == (count, count)


@pytest.mark.parametrize(
    ("pattern", "rows"),
    [("batch_results_latest.csv", 6), ("exports/inventory_latest.csv", 2),
     ("exports/corrections_2*.csv", 2)],
)  # fmt: skip
def test_csv_reads_them_and_no_cell_is_a_formula(core: Core, pattern: str, rows: int) -> None:
    (path,) = core.results.glob(pattern)
    with path.open(encoding="utf-8-sig", newline="") as file:
        read = list(csv.DictReader(file))
    assert len(read) == rows * len(HOSTILE)
    assert {row["filename"].removeprefix("'") for row in read} == NAMES
    assert not [cell for row in read for cell in row.values() if cell.startswith(FORMULAS)]
    assert {len(row) for row in read} == {len(read[0])}


def test_json_reads_them(core: Core) -> None:
    summary = json.loads((core.results / "summary_latest.json").read_text(encoding="utf-8"))
    assert {error["filename"] for error in summary["errors"]} == NAMES
    for name in HOSTILE:
        for story in core.store.history.stories(name):
            told = json.loads(json.dumps(story_json(story, core.store.corrections.of(story.id))))
            assert told["filename"] == as_text(name)


def test_openpyxl_reads_them_and_no_cell_is_a_formula(core: Core) -> None:
    book = openpyxl.load_workbook(core.results / "batch_results_latest.xlsx")
    results, review, *_ = book.worksheets
    assert results.max_row == 1 + 6 * len(HOSTILE)
    cells: list[Any] = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells} <= {"s", "n", "d", "inlineStr"}
    shown = {row[0].value for row in results.iter_rows(min_row=2)}
    assert len(shown) == len(HOSTILE)
    decide = [row for row in review.iter_rows(min_row=2) if row[2].value]  # below: how many in all
    assert {row[1].value for row in decide} == shown


@pytest.mark.parametrize(
    "page",
    ["batch_report_latest.html", "exports/pick_lists_latest.html",
     "period_report_2025-10-13_2025-10-13.html"],
)  # fmt: skip
@pytest.mark.parametrize("width", [390, 1280])
def test_a_browser_shows_them_as_text_and_runs_nothing(
    core: Core, tmp_path: Path, page: str, width: int
) -> None:
    seen = look_at(core.results / page, width, tmp_path)
    assert (seen.too_wide_px, seen.unseen, seen.without_alt) == (0, 0, 0)
    assert (seen.scripts, seen.console) == (0, [])
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in seen.text
    if "period" not in page:
        assert "<script>alert(1)<script> 4712.png" in seen.text
        assert "{{ 7*7 }}" in seen.text


def test_a_terminal_shows_them_on_one_line_each(core: Core) -> None:
    for name in HOSTILE:
        (story,) = core.store.history.stories(f"e/{name}")
        words = core.store.corrections.of(story.id)
        text = story_in_words(story, words, lambda _, place: place, UTC)
        lines = text.split("\n")
        assert len(lines) == 7 + bool(story.return_id)
        assert all(line.isprintable() for line in lines)
