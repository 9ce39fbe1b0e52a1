"""The morning after with the real commands: history, find, correct, undo, rebuild."""

from __future__ import annotations

import getpass
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.photos import write_photo
from tests.support.processes import Site, clean_environment
from tests.support.waiting import DEADLINE_SECONDS, eventually

HOSTILE = "=cmd|' calc'!A0 <b>&\"4712.jpg"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site after one run, for tests that only look."""
    return after_one_run(tmp_path_factory.mktemp("site"))


def after_one_run(folder: Path) -> Site:
    site = Site.make(folder)
    write_photo(site.incoming / "return-4711.jpg", seed=1)
    write_photo(site.incoming / HOSTILE, seed=2)
    (site.incoming / "note.jpg").write_text("Please call back.", encoding="utf-8")
    assert site.nightsort("now").returncode == 0
    return site


def document(site: Site, *arguments: str) -> dict[str, Any]:
    done = site.nightsort(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    read: dict[str, Any] = json.loads(done.stdout)
    return read


def test_history_lists_the_run_with_the_keys_of_its_summary(site: Site) -> None:
    summary = json.loads((site.results / "summary_latest.json").read_text(encoding="utf-8"))
    assert document(site, "history", "--days", "1") == {"runs": [summary]}
    table = site.nightsort("history").stdout
    assert summary["run"] in table
    assert "Duplicates" in table


@pytest.mark.parametrize("name", ["return-4711.jpg", "4711"])
def test_find_says_where_a_photo_is(site: Site, name: str) -> None:
    (photo,) = document(site, "find", name)["photos"]
    assert (site.folder / photo["folder_now"] / photo["path_now"]).is_file()
    assert f"{site.sorted}/{photo['path_now']}" in site.nightsort("find", name).stdout


def test_find_takes_the_path_at_which_a_photo_lies_whatever_its_name(site: Site) -> None:
    (photo,) = document(site, "find", HOSTILE)["photos"]
    again = document(site, "find", str(site.sorted / photo["path_now"]))
    assert again["photos"] == [photo]


def test_find_of_what_never_was_says_so(site: Site) -> None:
    done = site.nightsort("find", "never.jpg")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "nightsort: never.jpg: no photo of that name or return id\n"


def test_find_loads_nothing_that_loads_slowly(site: Site) -> None:
    code = (
        "import sys; from daemon.cli.main import cli\n"
        f"cli(['--config', {str(site.folder / 'nightsort.toml')!r}, 'find', '4711'],"
        " standalone_mode=False)\n"
        "print(*{'numpy', 'PIL', 'rich', 'apprise', 'jinja2', 'xlsxwriter'} & {*sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env=clean_environment(),
    )  # fmt: skip
    assert "return-4711.jpg" in done.stdout
    assert done.stdout.splitlines()[-1] == ""


def test_find_takes_the_number_that_the_log_names(site: Site) -> None:
    (photo,) = document(site, "find", "4711")["photos"]
    assert document(site, "find", f"#{photo['id']}")["photos"] == [photo]


def test_results_are_rebuilt_byte_for_byte(site: Site) -> None:
    before = {path: path.read_bytes() for path in site.results.glob("*.*")}
    for path in before:
        if path.suffix in (".csv", ".json"):  # what results are; reports are made from photos too
            path.write_bytes(b"spoilt")
    done = site.nightsort("results", "rebuild", "latest")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2
    assert {path: path.read_bytes() for path in before} == before


def test_rebuilding_a_run_that_never_was_says_so(site: Site) -> None:
    done = site.nightsort("results", "rebuild", "19990101_000000")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("nightsort: 19990101_000000: no such finished run")


def test_a_run_leaves_a_report_and_a_workbook_which_can_be_made_again(site: Site) -> None:
    files = [site.results / f"batch_{n}" for n in ("report_latest.html", "results_latest.xlsx")]
    before = [file.stat().st_size for file in files]
    assert min(before) > 5_000
    for file in files:
        file.unlink()
    done = site.nightsort("report")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 6
    assert all(Path(line).is_file() for line in done.stdout.splitlines())
    assert all(file.is_file() for file in files)


def test_words_are_heard_with_and_without_a_daemon(tmp_path: Path) -> None:
    site = after_one_run(tmp_path)
    (photo,) = document(site, "find", "4711")["photos"]
    category = "Watches" if photo["category"] != "Watches" else "Shirts"
    done = site.nightsort("correct", str(site.sorted / photo["path_now"]), category)
    assert done.returncode == 0, done.stderr
    assert (site.sorted / category / "return-4711.jpg").is_file()
    with site.daemon():
        eventually((site.state / "control.sock").exists, within_s=DEADLINE_SECONDS)
        answer = document(site, "undo", "4711")
        assert (site.incoming / "return-4711.jpg").is_file()
    assert answer["left"] == []
    (photo,) = document(site, "find", "4711")["photos"]
    assert [(one["word"], one["person"]) for one in photo["corrections"]] == [
        ("corrected", getpass.getuser()),
        ("undone", getpass.getuser()),
    ]
    assert len([*(site.results / "exports").glob("corrections_*.csv")]) == 1


def test_lists_and_page_follow_what_is_decided_by_dragging_while_the_daemon_runs(
    tmp_path: Path,
) -> None:
    # Below every threshold the model would be sure of it: everything is for a person to decide.
    site = Site.make(
        tmp_path / "site",
        settings="[bands]\nreview = 1.0\nauto = 1.0\n[corrections]\nlook_minutes = 0.005\n",
    )
    write_photo(site.incoming / "return-4711.jpg", seed=1)
    assert site.nightsort("now").returncode == 0
    (photo,) = site.photos("sorted/_review")
    (site.sorted / "Watches").mkdir()
    photo.rename(site.sorted / "Watches" / photo.name)
    inventory = site.results / "exports" / "inventory_latest.csv"
    page = site.results / "batch_report_latest.html"
    assert "4711" not in inventory.read_text(encoding="utf-8")
    with site.daemon():
        eventually(
            lambda: (
                "4711,Watches,,,false" in inventory.read_text(encoding="utf-8")
                and "now Watches" in page.read_text(encoding="utf-8")
            ),
            within_s=DEADLINE_SECONDS,
        )


def test_without_a_history_there_is_one_line(tmp_path: Path) -> None:
    done = Site.make(tmp_path / "new").nightsort("history")
    assert (done.returncode, done.stdout) == (1, "")
    assert "there is no history yet" in done.stderr


def test_a_report_of_a_week_and_of_any_days_is_written(site: Site) -> None:
    today = datetime.now(UTC).astimezone().date()
    year, week, _ = today.isocalendar()
    done = site.nightsort("report", "--week", f"{year}-W{week:02}")
    assert done.returncode == 0, done.stderr
    page = Path(done.stdout.strip())
    assert page == site.results / f"period_report_{year}-W{week:02}.html"
    assert "3 photos sorted in 1 run." in page.read_text(encoding="utf-8")
    done = site.nightsort("report", "--from", "2001-01-01", "--to", "2001-02-01")
    assert done.returncode == 0, done.stderr
    assert "Nothing was sorted" in Path(done.stdout.strip()).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--week", "2026-W60"], "no such week"),
        (["--week", "soon"], "write one such as 2026-W47"),
        (["--from", "2026-11-01"], "--from and --to"),
        (["--from", "2026-11-02", "--to", "2026-11-01"], "before it begins"),
        (["latest", "--week", "2026-W47"], "not both"),
        (["--week", "0001-W01"], "the period must lie between the years 1970 and 2999"),
        (["--week", "9999-W52"], "no such week"),
        (["--from", "0001-01-01", "--to", "9999-12-31"], "between the years 1970 and 2999"),
        (["--from", "2026-11-02", "--to", "9999-12-31"], "between the years 1970 and 2999"),
    ],
)
def test_a_period_that_is_none_is_wrong_use(site: Site, arguments: list[str], said: str) -> None:
    done = site.nightsort("report", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_history_says_how_many_photos_people_corrected(tmp_path: Path) -> None:
    site = after_one_run(tmp_path)
    before = site.nightsort("history").stdout.splitlines()[-1].split()
    (photo,) = document(site, "find", "4711")["photos"]
    category = "Watches" if photo["category"] != "Watches" else "Tops"
    assert site.nightsort("correct", "4711", category).returncode == 0
    after = site.nightsort("history").stdout.splitlines()[-1].split()
    changed = [(was, now) for was, now in zip(before, after, strict=True) if was != now]
    assert changed == [("0", "1")]


def test_what_was_saved_is_told_in_words_and_to_programs(site: Site) -> None:
    today = datetime.now(UTC).astimezone().date()
    told = json.loads(site.nightsort("value", "--month", f"{today:%Y-%m}", "--json").stdout)
    assert (told["month"], told["runs"], told["saved_money"]) == (f"{today:%Y-%m}", 1, None)
    assert told["saved_seconds"] == (
        told["judged"] * 30 - told["reviews"] * 46 - told["looks"] * 10
    )
    words = site.nightsort("value").stdout
    assert f"{today:%B %Y}, up to now" in words
    assert f"{told['judged']} photos at 30 s by hand" in words
    assert "No money is told: [value] wage_per_hour is not set." in words
    done = site.nightsort("value", "--month", "November")
    assert (done.returncode, done.stdout) == (2, "")
    assert "'November' is no month; write one such as 2026-11" in done.stderr
