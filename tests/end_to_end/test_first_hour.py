"""What a newcomer meets in the first hour, with the real commands."""

from __future__ import annotations

import hashlib
import json
import random
import resource
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from daemon.cli.samples import draw_item, draw_samples
from tests.support.processes import Site, clean_environment, command
from tests.support.waiting import DEADLINE_SECONDS, eventually


def draw_photo(path: Path, seed: int) -> Path:
    draw_item("handbag", random.Random(seed), (480, 640)).save(path, "JPEG", quality=90)
    return path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_newcomer_sees_samples_and_a_dropped_photo_filed_and_listed(tmp_path: Path) -> None:
    data = tmp_path / "nightsort-data"
    draw_samples(data / "incoming")
    with (tmp_path / "out.txt").open("wb") as out:
        daemon = subprocess.Popen(
            command("run"), cwd=tmp_path, stdout=out, stderr=out, env=clean_environment()
        )
    try:
        site = Site(data)
        eventually(lambda: len(site.growing_rows()) == 10, within_s=DEADLINE_SECONDS)
        dropped = draw_photo(data / "incoming" / "return-77001.jpg", seed=1)
        content = sha256(dropped)
        eventually(
            lambda: any(row["filename"] == dropped.name for row in site.growing_rows()),
            within_s=DEADLINE_SECONDS,
        )
    finally:
        daemon.send_signal(signal.SIGINT)
        assert daemon.wait(DEADLINE_SECONDS) == 0
    rows = site.rows()
    assert {row["status"] for row in rows} >= {"success", "duplicate", "error"}
    (row,) = (row for row in rows if row["filename"] == dropped.name)
    assert sha256(Path(row["filed_path"])) == content == row["sha256"]
    assert row["return_id"] == "77001"
    assert not site.photos("incoming")
    summary = json.loads((data / "results" / "summary_latest.json").read_text())
    assert summary["total_processed"] == len(rows) == 11


def test_a_cut_off_photo_waits_until_its_rest_arrives_and_is_filed_once(tmp_path: Path) -> None:
    site = Site.make(tmp_path)
    whole = draw_photo(tmp_path / "whole.jpg", seed=2).read_bytes()
    photo = site.incoming / "return-10001.jpg"
    photo.write_bytes(whole[: len(whole) // 2])
    first = json.loads(site.nightsort("now", "--json").stdout)
    assert (first["run"], first["deferred"], first["waiting_after"]) == (None, 1, 1)
    assert site.photos("incoming") == [photo]
    photo.write_bytes(whole)
    second = json.loads(site.nightsort("now", "--json").stdout)
    assert second["total_processed"] == 1
    assert [row["filename"] for row in site.growing_rows()] == ["return-10001.jpg"]


def test_bad_files_are_set_aside_with_a_reason_a_clerk_understands(tmp_path: Path) -> None:
    site = Site.make(tmp_path, settings="max_file_mb = 1")
    (site.incoming / "empty.jpg").touch()
    (site.incoming / "huge.jpg").write_bytes(bytes(1_100_000))
    (site.incoming / "text.jpg").write_text("no photo")
    (site.incoming / "noise.jpg").write_bytes(random.Random(8).randbytes(5000))
    draw_photo(site.incoming / "good-10002.jpg", seed=8)
    summary = json.loads(site.nightsort("now", "--json").stdout)
    assert (summary["failed"], summary["total_processed"]) == (4, 5)
    reasons = {row["filename"]: row["reason"] for row in site.rows() if row["reason"]}
    assert reasons == {
        "empty.jpg": "corrupt",
        "huge.jpg": "too_large",
        "text.jpg": "not_an_image",
        "noise.jpg": "not_an_image",
    }
    for name, reason in reasons.items():
        note = site.sorted / "_quarantine" / f"{name}.reason.txt"
        assert note.read_text().startswith(reason)


def test_a_photo_written_slowly_is_not_taken_before_it_is_whole(tmp_path: Path) -> None:
    site = Site.make(tmp_path, mode="continuous")
    whole = draw_photo(tmp_path / "whole.jpg", seed=3).read_bytes()
    quick = draw_photo(tmp_path / "quick.jpg", seed=4)
    with site.daemon():
        with (site.incoming / "slow-20001.jpg").open("wb") as slow:
            slow.write(whole[: len(whole) // 2])
            slow.flush()
            # Longer than the settle time: another photo comes and is filed meanwhile.
            (site.incoming / "quick-20002.jpg").write_bytes(quick.read_bytes())
            eventually(lambda: len(site.growing_rows()) == 1, within_s=DEADLINE_SECONDS)
            assert (site.incoming / "slow-20001.jpg").exists()
            slow.write(whole[len(whole) // 2 :])
        eventually(lambda: len(site.growing_rows()) == 2, within_s=DEADLINE_SECONDS)
    (filed,) = (p for p in site.photos("sorted") if p.name == "slow-20001.jpg")
    assert filed.read_bytes() == whole
    assert "photo_cut_off" not in {event["event"] for event in site.events()}


def test_below_the_minimum_of_free_space_nothing_is_filed_and_people_are_told(
    tmp_path: Path,
) -> None:
    site = Site.make(tmp_path, settings="[filing]\nmin_free_mb = 1000000000\n")
    photo = draw_photo(site.incoming / "return-20003.jpg", seed=12)
    done = site.nightsort("now")
    assert done.returncode == 1
    assert "filing.min_free_mb is 1000000000; free some space" in done.stderr
    assert (site.photos("incoming"), site.photos("sorted")) == ([photo], [])
    assert Site.make(tmp_path).nightsort("now").returncode == 0
    assert [path.name for path in site.photos("sorted")] == [photo.name]


def test_a_second_daemon_refuses_in_one_line(tmp_path: Path) -> None:
    site = Site.make(tmp_path)
    with site.daemon():
        eventually((site.state / "status.json").exists, within_s=DEADLINE_SECONDS)
        second = site.nightsort("run")
    assert second.returncode == 1
    assert second.stderr.count("\n") == 1
    assert "another nightsort" in second.stderr


def test_the_lock_survives_no_kill(tmp_path: Path) -> None:
    site = Site.make(tmp_path)
    with site.daemon() as daemon:
        eventually((site.state / "status.json").exists, within_s=DEADLINE_SECONDS)
        daemon.kill()
        daemon.wait(DEADLINE_SECONDS)
        assert site.nightsort("status").returncode == 3
        assert site.nightsort("now").returncode == 0


def test_now_asks_the_running_daemon_and_returns_its_summary(tmp_path: Path) -> None:
    site = Site.make(tmp_path)
    with site.daemon():
        eventually((site.state / "status.json").exists, within_s=DEADLINE_SECONDS)
        draw_photo(site.incoming / "return-30001.jpg", seed=5)
        done = site.nightsort("now", "--json")
        assert done.returncode == 0, done.stderr
        summary = json.loads(done.stdout)
        assert summary["total_processed"] == 1
        status = site.nightsort("status", "--json")
        assert status.returncode == 0, status.stdout
        assert json.loads(status.stdout)["last_run"]["run"] == summary["run"]
    assert json.loads((site.results / "summary_latest.json").read_text()) == summary


def test_interrupting_now_leaves_the_daemons_run_going_and_says_so(tmp_path: Path) -> None:
    site = Site.make(tmp_path)
    with site.daemon():
        eventually((site.state / "status.json").exists, within_s=DEADLINE_SECONDS)
        with (site.incoming / "growing-40001.jpg").open("wb") as growing:
            growing.write(b"\xff\xd8\xff")  # keeps the run waiting until it is closed
            growing.flush()
            client = site.start("now", "--json")
            assert client.stderr is not None
            assert "sorting: 0 of 1" in client.stderr.readline()
            client.send_signal(signal.SIGINT)
            _, said = client.communicate(timeout=DEADLINE_SECONDS)
            assert client.returncode == 130
            assert "the run goes on" in said
            assert said.count("\n") == 1


def test_now_that_hangs_ends_when_it_is_interrupted_again_and_loses_nothing(tmp_path: Path) -> None:
    site = Site.make(tmp_path)
    photo = sha256(draw_photo(site.incoming / "return-40002.jpg", seed=8))
    hang = (
        "import time\nfrom daemon.sorting.sorter import Sorter\n"
        "Sorter.sort = lambda *_: print('hangs', flush=True) or time.sleep(600)\n"
        "from daemon.cli.main import main\nmain()"
    )
    said = tmp_path / "said.txt"
    with said.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-c", hang, "--config", str(site.folder / "nightsort.toml"), "now"],
            stdout=file,
            stderr=file,
            env=clean_environment(),
        )
    try:
        eventually(lambda: "hangs" in said.read_text(), within_s=DEADLINE_SECONDS)
        process.send_signal(signal.SIGINT)
        eventually(lambda: "once more ends it" in said.read_text(), within_s=DEADLINE_SECONDS)
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE_SECONDS) == 130
    finally:
        process.kill()
    assert site.nightsort("now").returncode == 0
    assert [row["sha256"] for row in site.rows()] == [photo]


def test_pictures_that_hang_keep_now_for_a_while_only(tmp_path: Path) -> None:
    site = Site.make(tmp_path)
    draw_photo(site.incoming / "return-40003.jpg", seed=8)
    begun = tmp_path / "begun"
    hangs = (
        "import threading, daemon.cli.service\nfrom pathlib import Path\n"
        "from daemon.reporting.report_thread import ReportThread\n"
        "from daemon.reporting.thumbnails import Thumbnails\n"
        f"begun = Path({str(begun)!r})\n"
        "Thumbnails._one = lambda *_: (begun.touch(), threading.Event().wait())\n"
        "ReportThread.silent_seconds = lambda _: 60.0 if begun.exists() else 0.0\n"
        "daemon.cli.service._LAST_SECONDS = 0.1\n"
        "from daemon.cli.main import main\nmain()"
    )
    done = subprocess.run(
        [sys.executable, "-c", hangs, *site.asking("now", "--json")],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert begun.exists()
    assert json.loads(done.stdout)["total_processed"] == 1


def test_in_window_mode_the_status_forecasts_from_the_last_runs_pace(tmp_path: Path) -> None:
    site = Site.make(tmp_path, mode="window")
    draw_photo(site.incoming / "return-50001.jpg", seed=9)
    assert site.nightsort("now").returncode == 0
    draw_photo(site.incoming / "return-50002.jpg", seed=10)
    assert site.nightsort("now").returncode == 0
    (site.folder / "nightsort.toml").write_text(
        (site.folder / "nightsort.toml")
        .read_text()
        .replace("[window]", f"[window]\n{_window_of_an_hour(begins_in_hours=2)}")
    )
    with site.daemon():
        draw_photo(site.incoming / "return-50003.jpg", seed=11)
        eventually(lambda: _status(site)["queue"]["waiting"] == 1, within_s=DEADLINE_SECONDS)
        status = _status(site)
        shown = site.nightsort("status").stdout
    assert status["forecast"]["text"].startswith("1 queued, done by ")
    assert status["forecast"]["text"] in shown
    assert not status["window"]["open"]
    assert [path.name for path in site.photos("incoming")] == ["return-50003.jpg"]


def _window_of_an_hour(begins_in_hours: int) -> str:
    """Settings of a window that is not open now."""
    begins = datetime.now(UTC) + timedelta(hours=begins_in_hours)
    ends = begins + timedelta(hours=1)
    return f'timezone = "UTC"\nstart = "{begins:%H:%M}"\nend = "{ends:%H:%M}"'


def _status(site: Site) -> dict[str, Any]:
    path = site.state / "status.json"
    document: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return document or {"queue": {"waiting": 0}}


def test_ignored_files_are_counted_in_status_and_log(tmp_path: Path) -> None:
    site = Site.make(tmp_path)
    (site.incoming / "Thumbs.db").write_bytes(b"junk")
    (site.incoming / "notes.txt").write_bytes(b"no photo")
    with site.daemon():
        eventually((site.state / "status.json").exists, within_s=DEADLINE_SECONDS)
        draw_photo(site.incoming / "return-50001.jpg", seed=6)
        assert site.nightsort("now").returncode == 0
        shown = site.nightsort("status").stdout
    assert "1 junk" in shown
    assert "1 not photos" in shown
    (finished,) = (event for event in site.events() if event["event"] == "run_finished")
    assert finished["ignored"] == 2
    assert {path.name for path in site.photos("incoming")} == {"Thumbs.db", "notes.txt"}


def test_what_is_no_photo_is_named_to_the_clerk(tmp_path: Path) -> None:
    site = Site.make(tmp_path)
    (site.incoming / "photos.zip").write_bytes(b"PK\x03\x04")
    draw_photo(site.incoming / "return-50001.jpg", seed=6)
    told = "1 thing here is no photo: photos.zip."
    with site.daemon():
        eventually((site.state / "status.json").exists, within_s=DEADLINE_SECONDS)
        done = site.nightsort("now")
        assert done.returncode == 0
        assert told in done.stderr
        found = site.nightsort("find", "photos.zip")
        assert found.returncode == 1
        assert "photos.zip: lies in incoming and is no photo" in found.stderr
        assert f"Left alone       {told}" in site.nightsort("status").stdout
    assert told in (site.results / "batch_report_latest.html").read_text(encoding="utf-8")


def test_a_photo_that_stays_open_is_named_on_the_page_and_in_the_note(tmp_path: Path) -> None:
    site = Site.make(tmp_path)
    draw_photo(site.incoming / "return-50001.jpg", seed=6)
    held = draw_photo(site.incoming / "return-50002.jpg", seed=7)
    with held.open("ab"), site.daemon():
        (site.incoming / "RUN NOW.txt.txt").write_bytes(b"")
        eventually(lambda: [*site.incoming.glob("nightsort has run *")])
        (note,) = site.incoming.glob("nightsort has run *")
        found = site.nightsort("find", "return-50002.jpg")
        assert "return-50002.jpg: is still being written" in found.stderr
        page = (site.results / "batch_report_latest.html").read_text(encoding="utf-8")
    told = "1 photo is still being written, or open in another program: return-50002.jpg (for "
    assert told in note.read_text(encoding="utf-8")
    assert told in page


def test_the_demonstration_shows_every_fate_in_time(tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        command("demo", "--keep", str(tmp_path / "demo")),
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        env=clean_environment(),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    # By the processor's clock: by the wall's it depends on what else this machine does.
    assert spent.ru_utime + spent.ru_stime - before.ru_utime - before.ru_stime < 20
    site = Site(tmp_path / "demo")
    reasons = [row["reason"] for row in site.rows() if row["status"] == "error"]
    assert sorted(reasons) == ["corrupt", "not_an_image"]
    assert "duplicate" in {row["status"] for row in site.rows()}
    assert [path.name for path in site.photos("incoming")] == ["cut-off.jpg"]
    assert "slow-copy-20817.jpg" in {path.name for path in site.photos("sorted")}
    assert str(site.sorted) in done.stdout


def test_a_demonstration_that_is_not_kept_sends_nobody_to_a_folder_that_is_gone(
    tmp_path: Path,
) -> None:
    done = subprocess.run(
        command("demo"),
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        env=clean_environment() | {"TMPDIR": str(tmp_path)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [*tmp_path.iterdir()] == []
    assert str(tmp_path) not in done.stdout
    assert "keep them: nightsort demo --keep DIR" in done.stdout.splitlines()[-1]


def test_an_emptied_folder_in_incoming_disappears_a_folder_of_a_person_stays(
    tmp_path: Path,
) -> None:
    site = Site.make(tmp_path, mode="continuous", settings="remove_empty_folders_hours = 0.00001")
    (site.incoming / "kept-by-a-person").mkdir()
    table = site.incoming / "20251013" / "table-2"
    table.mkdir(parents=True)
    draw_photo(table / "return-60001.jpg", seed=7)
    assert site.nightsort("now").returncode == 0
    assert table.exists()
    with site.daemon():
        eventually(lambda: not (site.incoming / "20251013").exists(), within_s=DEADLINE_SECONDS)
    assert (site.incoming / "kept-by-a-person").exists()
