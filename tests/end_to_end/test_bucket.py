"""The bucket with the real command and a real S3 server: outages, kills, sorting beside them."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from daemon.store import Store
from daemon.store.facts import UNFETCHED
from tests.support.photos import drop_photos, write_photo
from tests.support.processes import Site
from tests.support.s3 import Storage, storage
from tests.support.waiting import DEADLINE_SECONDS, eventually

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def s3() -> Iterator[Storage]:
    with storage() as running:
        yield running


@pytest.fixture
def bucket(s3: Storage) -> str:
    return s3.new_bucket()


def site_of(folder: Path, mirror: dict[str, Any]) -> Site:
    lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in mirror.items())
    return Site.make(folder, settings=f"[mirror]\n{lines}")


def drop(site: Site, *numbers: int) -> None:
    for number in numbers:
        write_photo(site.incoming / f"return-60{number:03}_front.jpg", seed=number)


def status(site: Site) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(site.nightsort("mirror", "status", "--json").stdout)
    return answer


def is_up(site: Site) -> None:
    eventually(lambda: site.nightsort("status").returncode == 0, every_s=0.2)


def copied(s3: Storage, bucket: str) -> set[bytes]:
    return {text for key, text in s3.objects(bucket).items() if key.startswith("20")}


def filed(site: Site) -> set[bytes]:
    return {path.read_bytes() for path in site.photos("sorted") if path.suffix == ".jpg"}


def wait_until_equal(site: Site, s3: Storage, bucket: str) -> None:
    eventually(lambda: copied(s3, bucket) == filed(site), every_s=0.2)
    eventually(lambda: status(site)["bucket"]["state"] == "equal", every_s=0.2)


def test_what_was_there_before_is_filled_without_a_daemon(
    tmp_path: Path, s3: Storage, bucket: str
) -> None:
    site = site_of(tmp_path, s3.settings(bucket, photos=True))
    drop(site, 1, 2)
    assert site.nightsort("now").returncode == 0
    assert site.nightsort("backup").returncode == 0
    assert status(site)["bucket"]["state"] == "not begun"
    done = site.nightsort("mirror", "fill", "--json")
    assert done.returncode == 0, done.stderr
    there = s3.objects(bucket)
    assert json.loads(done.stdout) == {"station": "berlin", "rows": None, "copies": len(there)}
    assert copied(s3, bucket) == filed(site)
    assert any(key.startswith("backups/") for key in there)
    said = site.nightsort("mirror", "status")
    assert f"all {len(there)} files are there" in said.stdout
    assert "There is no mirror" not in said.stdout
    assert "nightsort is not running" in said.stderr


def test_a_bucket_is_filled_though_the_database_is_not_there_and_both_are_told(
    tmp_path: Path, s3: Storage, bucket: str
) -> None:
    nowhere = f"postgresql:///returns?host={tmp_path / 'nowhere'}"
    with s3.gate() as gate:
        mirror = s3.settings(bucket, photos=True, endpoint=gate.address)
        site = site_of(tmp_path, {**mirror, "postgres": nowhere})
        drop(site, 1)
        assert site.nightsort("now").returncode == 0
        done = site.nightsort("mirror", "fill", "--json")
        there = s3.objects(bucket)
        assert done.returncode == 1
        assert json.loads(done.stdout) == {"station": "berlin", "rows": None, "copies": len(there)}
        assert copied(s3, bucket) == filed(site) != set()
        assert f"{len(there)} files of station berlin are in the bucket" in done.stderr
        assert [line.split()[:2] for line in errors_of(done)] == [["nightsort:", "PostgreSQL:"]]
        gate.trouble = "away"
        failed = site.nightsort("mirror", "fill")
        assert failed.returncode == 1
        assert [line.split()[1][:5] for line in errors_of(failed)] == ["Postg", "s3://"]


def errors_of(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in done.stderr.splitlines() if line.startswith("nightsort: ")]


def test_a_bucket_is_filled_though_the_databases_credential_is_not_there(
    tmp_path: Path, s3: Storage, bucket: str
) -> None:
    site = site_of(tmp_path, {**s3.settings(bucket), "postgres_credential": "nobody-put-it-there"})
    drop(site, 1)
    assert site.nightsort("now").returncode == 0
    done = site.nightsort("mirror", "fill")
    assert (done.returncode, len(errors_of(done))) == (2, 1), done.stderr
    assert s3.objects(bucket)


def test_sorting_goes_on_while_the_bucket_is_away_and_what_waits_follows(
    tmp_path: Path, s3: Storage, bucket: str
) -> None:
    with s3.gate() as gate:
        site = site_of(tmp_path, s3.settings(bucket, photos=True, endpoint=gate.address))
        with site.daemon():
            is_up(site)
            drop(site, 1)
            assert site.nightsort("now").returncode == 0
            wait_until_equal(site, s3, bucket)
            gate.trouble = "away"
            drop(site, 2, 3)
            assert site.nightsort("now").returncode == 0
            assert len(filed(site)) == 3
            eventually(lambda: status(site)["bucket"]["state"] == "behind", every_s=0.2)
            failed = site.nightsort("mirror", "status")
            assert failed.returncode == 1
            assert "as each attempt fails: s3://" in failed.stdout
            assert site.nightsort("status").returncode == 0
            assert "docs/bucket.md says more" in site.nightsort("doctor").stdout
            gate.trouble = ""
            wait_until_equal(site, s3, bucket)
            asked = site.nightsort("mirror", "fill")
            assert "The daemon copies everything now" in asked.stderr
            wait_until_equal(site, s3, bucket)
            assert "answers, for station berlin" in site.nightsort("doctor").stdout
    events = [event for event in site.events() if event["event"].startswith("mirror_")]
    whys = [event["why"] for event in events if event["event"] == "mirror_interrupted"]
    assert 0 < len(whys) == len({*whys})
    assert {event["to"] for event in events} == {"bucket"}
    assert events[-1]["event"] == "mirror_resumed"
    assert s3.key.partition(":")[2] not in (site.folder / "daemon.log").read_text()


def test_a_server_that_takes_the_call_and_says_nothing_holds_nothing_up(
    tmp_path: Path, s3: Storage, bucket: str
) -> None:
    with s3.gate() as gate:
        gate.trouble = "silent"
        site = site_of(tmp_path, s3.settings(bucket, photos=True, endpoint=gate.address))
        with site.daemon() as process:
            is_up(site)
            eventually(lambda: gate.calls > 0)
            drop(site, 1)
            assert site.nightsort("now").returncode == 0
            assert len(filed(site)) == 1
            process.send_signal(signal.SIGTERM)
            assert process.wait(DEADLINE_SECONDS) == 0


def test_a_daemon_killed_while_it_copies_goes_on_where_it_was(
    tmp_path: Path, s3: Storage, bucket: str
) -> None:
    site = site_of(tmp_path, s3.settings(bucket, photos=True))
    drop(site, *range(1, 9))
    assert site.nightsort("now").returncode == 0
    with site.daemon() as process:
        eventually(lambda: copied(s3, bucket))
        process.send_signal(signal.SIGKILL)
        process.wait(DEADLINE_SECONDS)
    with site.daemon():
        wait_until_equal(site, s3, bucket)
    assert len([key for key in s3.objects(bucket) if key.startswith("20")]) == len(filed(site))


def test_a_box_without_obstore_sorts_and_says_what_is_missing(
    tmp_path: Path, s3: Storage, bucket: str
) -> None:
    site = site_of(tmp_path, s3.settings(bucket))
    without = (
        "import importlib.util as util\n"
        "found = util.find_spec\n"
        "util.find_spec = lambda name, *more: None if name == 'obstore' else found(name, *more)"
    )
    with site.daemon(without):
        is_up(site)
        eventually(lambda: status(site)["bucket"]["state"] == "behind", every_s=0.2)
        assert 'pip install "obstore' in status(site)["bucket"]["why"]
        drop(site, 1)
        assert site.nightsort("now").returncode == 0
    assert len(filed(site)) == 1


# --- a lost box ----------------------------------------------------------------------------------


def test_a_lost_box_is_made_again_of_the_mirror(tmp_path: Path, s3: Storage, bucket: str) -> None:
    mirror = s3.settings(bucket, photos=True)
    old = site_of(tmp_path / "box", mirror)
    drop(old, 1, 2, 3)
    assert old.nightsort("now").returncode == 0
    assert old.nightsort("backup").returncode == 0
    drop(old, 4, 5)  # what the backup does not know
    assert old.nightsort("now").returncode == 0
    assert old.nightsort("correct", "60004", "Handbags").returncode == 0
    assert old.nightsort("mirror", "fill").returncode == 0
    receipt = json.loads(old.nightsort("forget", "60002", "--yes", "--json").stdout)
    held = {(one["what"], one["where"]) for one in receipt["remains"]}
    assert {("mirror", bucket), ("backup", f"backups in {bucket}")} <= held
    assert old.nightsort("mirror", "fill").returncode == 0
    lay = {path.relative_to(old.sorted): path.read_bytes() for path in photos_of(old)}
    runs = old.nightsort("history", "--json").stdout
    assert len(lay) == 4
    old.folder.rename(tmp_path / "lost")

    new = site_of(tmp_path / "box", mirror)  # with the same settings
    done = new.nightsort("restore", "--from-mirror")
    assert done.returncode == 0, done.stderr
    said = done.stderr.splitlines()
    assert said[0] == "Restored: photos: 3, runs: 1."
    assert said[-1] == "It agrees with results and folders again."
    assert {path.relative_to(new.sorted): path.read_bytes() for path in photos_of(new)} == lay
    assert new.nightsort("history", "--json").stdout == runs
    for number in (1, 3, 4, 5):
        found = new.nightsort("find", f"6000{number}", "--json")
        assert found.returncode == 0, found.stderr
    assert new.nightsort("find", "60002").returncode == 1
    with closing(Store(new.state)) as store:  # as if it had been broken off
        store.facts.remember(UNFETCHED, "2025-10-13T02:00:00+00:00")
    refused = new.nightsort("now")
    assert (refused.returncode, "restore --from-mirror" in refused.stderr) == (1, True)
    assert new.nightsort("restore", "--from-mirror").returncode == 0
    assert json.loads(new.nightsort("now", "--json").stdout)["run"] is None

    with new.daemon():
        is_up(new)
        wait_until_equal(new, s3, bucket)
    assert copied(s3, bucket) == {*lay.values()}
    undone = new.nightsort("undo", "60001")
    assert undone.returncode == 0, undone.stderr


def photos_of(site: Site) -> list[Path]:
    return [path for path in site.photos("sorted") if path.suffix == ".jpg"]


def test_a_restore_says_of_how_many_photos_the_copies_were_without_metadata(
    tmp_path: Path, s3: Storage, bucket: str
) -> None:
    mirror = s3.settings(bucket, photos=True, strip_metadata=True)
    old = site_of(tmp_path / "box", mirror)
    drop(old, 1)  # has none
    with_metadata = drop_photos(old.incoming, 2)
    for command in ("now", "backup"):
        assert old.nightsort(command).returncode == 0
    assert old.nightsort("mirror", "fill").returncode == 0
    lay = {path.relative_to(old.sorted): path for path in photos_of(old)}
    old.folder.rename(tmp_path / "lost")

    new = site_of(tmp_path / "box", mirror)
    done = new.nightsort("restore", "--from-mirror")
    assert done.returncode == 0, done.stderr
    assert (
        "Of 2 photos the copies were without metadata ([mirror] strip_metadata): their pixels are "
        "as they were, their bytes are not."
    ) in done.stderr.splitlines()
    changed = set()
    for place in lay:
        before, now = (folder / place for folder in (tmp_path / "lost/sorted", new.sorted))
        if before.read_bytes() != now.read_bytes():
            changed.add(place.name)
        with Image.open(now) as made, Image.open(before) as original:
            assert not made.getexif()
            assert made.tobytes() == original.tobytes()
    assert changed == {*with_metadata}
    again = new.nightsort("now", "--json")
    assert (again.returncode, json.loads(again.stdout)["run"]) == (0, None)
    for name in with_metadata:
        assert new.nightsort("find", name).returncode == 0
    assert new.nightsort("mirror", "fill").returncode == 0
    assert copied(s3, bucket) == filed(new)


def test_a_restore_from_the_mirror_names_what_is_missing(
    tmp_path: Path, s3: Storage, bucket: str
) -> None:
    site = site_of(tmp_path / "box", s3.settings(bucket))
    refused = site.nightsort("restore", "--from-mirror")
    assert refused.returncode == 1
    assert "no good backup of station berlin" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert site.nightsort("restore").returncode == 2
    without = Site.make(tmp_path / "without")
    refused = without.nightsort("restore", "--from-mirror")
    assert (refused.returncode, "no bucket to restore from" in refused.stderr) == (1, True)
