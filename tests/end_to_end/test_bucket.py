"""The bucket with the real command and a real S3 server: outages, kills, sorting beside them."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.photos import write_photo
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
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert process.wait(DEADLINE_SECONDS) == 0
            assert time.monotonic() - began < 50  # systemd would wait for 60


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
