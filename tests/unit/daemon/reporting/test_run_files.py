"""The CSV and the summary of a run: exact columns, whole rows, nothing that a spreadsheet runs."""

from __future__ import annotations

import csv
import io
import json
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from classifier.verdict import Band
from config.errors import FolderUnavailable, PhotoProblem, TransientError
from daemon.domain.photos import Fingerprint, Photo, Status
from daemon.domain.return_ids import reader_of
from daemon.domain.runs import ResultRow, Tally
from daemon.domain.sorting import Examined, Outcome
from daemon.domain.summaries import FailedPhoto, missing
from daemon.folders.writing import csv_lines, unguarded
from daemon.reporting.run_files import RunResults, Warehouse, empty_summary, summarise
from tests.support.classifiers import verdict
from tests.support.core import WAREHOUSE
from tests.support.documents import part_of_summary

RUN = "20251013_020000"
AT = datetime(2025, 10, 13, 2, 0, 7, 654321, tzinfo=timezone(timedelta(hours=2)))
COLUMNS = [
    "filename", "category", "confidence", "status", "timestamp",
    "band", "reason", "second_category", "second_confidence", "return_id", "category_code",
    "location", "source_path", "filed_path", "sha256", "run",
]  # fmt: skip
SUMMARY_KEYS = [
    "run", "started", "finished", "total_processed", "successful", "review", "duplicates",
    "failed", "deferred", "waiting_before", "arrived", "gone", "waiting_after", "success_rate",
    "processing_time_seconds", "judged_ahead", "judged_ahead_seconds", "images_per_second",
    "categories", "confidence_distribution", "average_confidence", "errors", "model",
]  # fmt: skip
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def outcome(
    path: str = "table-2/4711 shirt.jpg",
    status: Status = Status.SUCCESS,
    target: str = "Shirts/4711 shirt.jpg",
    band: Band = Band.AUTO,
) -> Outcome:
    photo = Photo(1, path, Fingerprint(1, 2, 3), AT)
    problem = PhotoProblem.CORRUPT if status is Status.ERROR else None
    examined = Examined(
        photo,
        photo.fingerprint,
        "ab" * 32,
        None if problem else verdict("Shirts", 0.95344, band),
        problem,
        "cannot be decoded" if problem else "",
    )
    return Outcome(examined, status, target, AT)


def row(path: str = "table-2/4711 shirt.jpg", **options: object) -> ResultRow:
    return WAREHOUSE.row(outcome(path, **options), RUN)  # type: ignore[arg-type]


@pytest.fixture
def results(tmp_path: Path) -> RunResults:
    folder = tmp_path / "results"
    folder.mkdir()
    return RunResults(folder, RUN, Path("/srv/incoming"), Path("/srv/sorted"))


def parsed(content: bytes) -> list[dict[str, str]]:
    text = content.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def written(results: RunResults, *rows: ResultRow) -> list[dict[str, str]]:
    results.begin([])
    assert results.append(rows)
    return parsed(results.csv_path.read_bytes())


# --- the CSV -----------------------------------------------------------------------------------


def test_the_csv_begins_with_a_bom_and_exactly_these_columns(results: RunResults) -> None:
    results.begin([])
    content = results.csv_path.read_bytes()
    assert content == b"\xef\xbb\xbf" + ",".join(COLUMNS).encode() + b"\r\n"


def test_every_line_ends_like_in_windows(results: RunResults) -> None:
    written(results, row(), row("b.jpg"))
    content = results.csv_path.read_bytes()
    assert content.count(b"\r\n") == content.count(b"\n") == content.count(b"\r") == 3
    assert content.endswith(b"\r\n")


def test_a_filed_photo_has_all_its_facts_in_its_row(results: RunResults) -> None:
    assert written(results, row()) == [
        {
            "filename": "4711 shirt.jpg",
            "category": "Shirts",
            "confidence": "0.9534",
            "status": "success",
            "timestamp": "2025-10-13T02:00:07+02:00",
            "band": "auto",
            "reason": "",
            "second_category": "Tops",
            "second_confidence": "0.0466",
            "return_id": "4711",
            "category_code": "SH",
            "location": "Section A, Aisle 3",
            "source_path": "/srv/incoming/table-2/4711 shirt.jpg",
            "filed_path": "/srv/sorted/Shirts/4711 shirt.jpg",
            "sha256": "ab" * 32,
            "run": RUN,
        }
    ]


def test_a_photo_in_quarantine_has_a_reason_and_no_category(results: RunResults) -> None:
    (found,) = written(results, row(status=Status.ERROR))
    empty = ("category", "confidence", "band", "second_category", "second_confidence")
    assert [found[name] for name in empty] == [""] * 5
    assert (found["status"], found["reason"]) == ("error", "corrupt")


def test_a_photo_for_review_says_why(results: RunResults) -> None:
    (found,) = written(results, row(status=Status.REVIEW, band=Band.REVIEW))
    assert (found["status"], found["band"], found["reason"]) == ("review", "review", "unsure")


HOSTILE = [
    "=HYPERLINK(1).jpg",
    "+1.jpg",
    "-1.jpg",
    "@SUM(A1).jpg",
    "\tx.jpg",
    "\rx.jpg",
    "\nx.jpg",
    "＝1.jpg",
    'a "quoted", name.jpg',
    "two\nlines.jpg",
    "two\r\nlines.jpg",
    "\u202egpj.exe.jpg",
    "\u0645\u0644\u0627\u0628\u0633.jpg",
    "\U0001f455.jpg",
    "cafe\u0301.jpg",
    "caf\udce9.jpg",
    "'.jpg",
    ",,,,.jpg",
    ";.jpg",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_one_cell_that_runs_nothing(results: RunResults, name: str) -> None:
    (found,) = written(results, row(name))
    cell = found["filename"]
    assert not cell.startswith((*FORMULA, "＝"))
    expected = name.replace("\udce9", "\\xe9")
    assert cell in (expected, f"'{expected}")
    assert list(found) == COLUMNS


@given(
    names=st.lists(
        st.binary(min_size=1, max_size=60).map(
            lambda raw: os.fsdecode(raw.replace(b"/", b"_").replace(b"\0", b"_"))
        ),
        min_size=1,
        max_size=5,
    )
)
def test_whatever_bytes_a_name_has_the_csv_can_be_read_back(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    folder = tmp_path_factory.getbasetemp() / "names"
    folder.mkdir(exist_ok=True)
    results = RunResults(folder, RUN, Path("/in"), Path("/sorted"))
    found = written(results, *(row(name, target=f"Shirts/{name}") for name in names))
    assert len(found) == len(names)
    for cells, name in zip(found, names, strict=True):
        as_utf8 = os.fsencode(name).decode("utf-8", "backslashreplace")
        assert unguarded(cells["filename"]) == as_utf8
        assert unguarded(cells["source_path"]) == f"/in/{as_utf8}"
        assert not any(cell.startswith(FORMULA) for cell in cells.values())


def test_a_return_id_is_text_whatever_the_name_holds() -> None:
    anything = Warehouse(reader_of("(.*)[.]jpg"), {})
    assert anything.row(outcome("caf\udce9.jpg"), RUN).return_id == "caf\\xe9"
    assert WAREHOUSE.row(outcome("no number.jpg"), RUN).return_id == ""


def test_appending_gives_the_same_bytes_as_beginning_with_all_rows(results: RunResults) -> None:
    rows = [row(name) for name in HOSTILE]
    written(results, *rows[:3])
    for start in range(3, len(rows), 4):
        assert results.append(rows[start : start + 4])
    assert results.is_whole(len(rows))
    assert not results.is_whole(len(rows) + 1)
    grown = results.csv_path.read_bytes()
    results.begin(rows)
    assert results.csv_path.read_bytes() == grown


@pytest.mark.parametrize("done", ["removed", "shortened", "longer", "a link", "a pipe", "a folder"])
def test_a_csv_that_a_person_touched_is_not_appended_to(
    results: RunResults, tmp_path: Path, done: str
) -> None:
    results.begin([row()])
    path, outside = results.csv_path, tmp_path / "outside.csv"
    content = path.read_bytes()
    outside.write_bytes(content)
    if done == "shortened":
        path.write_bytes(content[:-5])
    elif done == "longer":
        path.write_bytes(content + b"mine\r\n")
    else:
        path.unlink()
    if done == "a link":
        path.symlink_to(outside)
    elif done == "a pipe":
        os.mkfifo(path)
    elif done == "a folder":
        path.mkdir()
    assert not results.is_whole(1)
    assert not results.append([row("b.jpg")])
    assert outside.read_bytes() == content
    if done != "a folder":
        results.begin([row(), row("b.jpg")])
        assert len(parsed(path.read_bytes())) == 2
        assert not path.is_symlink()


@contextmanager
def files_no_larger_than(size_bytes: int) -> Iterator[None]:
    """The kernel takes only so much of a write, then refuses, as a full disk does."""
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("room", [0, 1, 150, 299])
def test_an_append_that_fails_half_way_leaves_whole_rows_only(
    results: RunResults, room: int
) -> None:
    results.begin([row()])
    before = results.csv_path.read_bytes()
    with files_no_larger_than(len(before) + room), pytest.raises(TransientError):
        results.append([row("b.jpg"), row("c.jpg")])
    assert results.csv_path.read_bytes() == before
    assert results.append([row("b.jpg")])
    assert len(parsed(results.csv_path.read_bytes())) == 2


def test_a_beginning_that_fails_leaves_what_was_there(results: RunResults) -> None:
    results.begin([row()])
    before = results.csv_path.read_bytes()
    with files_no_larger_than(100), pytest.raises(TransientError):
        results.begin([row(), row("b.jpg")])
    assert results.csv_path.read_bytes() == before
    assert [path.name for path in results.csv_path.parent.iterdir()] == [results.csv_path.name]


def test_a_link_laid_in_wait_is_not_written_through(results: RunResults, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious", encoding="utf-8")
    folder = results.csv_path.parent
    for name in (
        f".nightsort-batch_results_{RUN}.csv.part",
        f".nightsort-summary_{RUN}.json.part",
        ".nightsort-batch_results_latest.csv.part",
        "batch_results_latest.csv",
        f"summary_{RUN}.json",
    ):
        (folder / name).symlink_to(victim)
    results.begin([row()])
    results.finish(part_of_summary(run=RUN))
    results.copy_as_latest()
    assert victim.read_text(encoding="utf-8") == "precious"
    assert len(parsed((folder / "batch_results_latest.csv").read_bytes())) == 1


def test_a_results_folder_that_is_away_is_told_and_not_made(results: RunResults) -> None:
    results.csv_path.parent.rmdir()
    with pytest.raises(FolderUnavailable):
        results.begin([])
    assert not results.csv_path.parent.exists()


def test_the_newest_results_are_copied_as_latest(results: RunResults) -> None:
    results.begin([row()])
    results.finish(part_of_summary(run=RUN))
    results.copy_as_latest()
    folder = results.csv_path.parent
    assert (folder / "batch_results_latest.csv").read_bytes() == results.csv_path.read_bytes()
    assert json.loads((folder / "summary_latest.json").read_bytes()) == {"run": RUN}
    assert len(list(folder.iterdir())) == 4


def test_the_csv_of_a_run_that_came_to_nothing_is_removed(results: RunResults) -> None:
    results.begin([])
    results.discard()
    results.discard()
    assert not results.csv_path.exists()


# --- the summary -------------------------------------------------------------------------------


def tally(**changes: object) -> Tally:
    statuses = {Status.SUCCESS: 6, Status.REVIEW: 2, Status.DUPLICATE: 1, Status.ERROR: 1}
    base = Tally(
        run=RUN,
        started_at=AT,
        model="fashion 1",
        waiting_before=9,
        arrived=4,
        gone=1,
        waiting_after=2,
        busy_seconds=4.0,
        statuses=statuses,
        categories={"Shirts": 5, "Tops": 3},
        bands={Band.AUTO: 5, Band.CHECK: 1, Band.REVIEW: 2},
        average_confidence=0.876543,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def test_the_summary_has_exactly_these_keys_in_this_order() -> None:
    assert list(summarise(tally(), AT, 0, [])) == SUMMARY_KEYS
    assert list(empty_summary(AT, 0, 0, "m")) == SUMMARY_KEYS


def test_the_summary_counts_what_was_done() -> None:
    errors: list[FailedPhoto] = [{"filename": "x.jpg", "error": "cannot be decoded"}]
    summary = summarise(tally(), AT + timedelta(minutes=1), 3, errors)
    assert summary["total_processed"] == 10
    assert summary["deferred"] == 5
    assert summary["success_rate"] == 88.89
    assert summary["images_per_second"] == 2.5
    assert summary["average_confidence"] == 0.8765
    assert summary["confidence_distribution"] == {"auto": 5, "check": 1, "review": 2}
    assert summary["errors"] == errors
    assert summary["started"] == "2025-10-13T02:00:07+02:00"
    assert json.loads(json.dumps(summary)) == summary


COUNTS = st.integers(0, 1000)


@given(counts=st.lists(COUNTS, min_size=4, max_size=4), gone=COUNTS, after=COUNTS, arrived=COUNTS)
def test_both_equations_hold_whatever_was_done(
    counts: list[int], gone: int, after: int, arrived: int
) -> None:
    before = sum(counts) + gone + after - arrived
    done = tally(
        statuses=dict(zip(Status, counts, strict=True)),
        gone=gone,
        waiting_after=after,
        arrived=arrived,
        waiting_before=before,
    )
    summary = summarise(done, AT, 0, [])
    parts = (summary["successful"], summary["review"], summary["duplicates"], summary["failed"])
    assert summary["total_processed"] == sum(parts)
    assert missing(summary) == 0
    assert missing({**summary, "gone": gone + 1}) != 0
    assert 0 <= summary["success_rate"] <= 100


def test_nothing_to_do_is_no_run_and_zeros() -> None:
    summary = empty_summary(datetime(2025, 10, 13, tzinfo=UTC), 3, 2, "fashion 1")
    assert summary["run"] is None
    assert summary["deferred"] == 5
    assert summary["total_processed"] == summary["success_rate"] == 0
    assert missing(summary) == 0


@given(st.text())
def test_a_cell_that_was_made_harmless_is_read_back_as_it_was(cell: str) -> None:
    assume(not cell.startswith("'"))  # what begins so may have been made so
    ((read,),) = csv.reader(io.StringIO(csv_lines([[cell]]), newline=""), strict=True)
    assert unguarded(read) == cell
