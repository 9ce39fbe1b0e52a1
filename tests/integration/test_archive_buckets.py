"""An archive in a bucket: a bucket that stutters loses nothing, and has nothing twice."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from classifier.archive.listing import NoArchive
from config.errors import PhotoError, PhotoProblem, RefusedError
from daemon.mirror.bucket import archived
from daemon.mirror.bucket.archived import BucketPhotos, bucket_of, patiently, photos_in
from daemon.mirror.bucket.client import Bucket, BucketFailed, BucketRefused, ObjectCold
from tests.integration.test_archive import archive, rows
from tests.support.photos import photo_bytes
from tests.support.processes import Site, clean_environment
from tests.support.s3 import Gate, Storage
from tests.support.waiting import DEADLINE_SECONDS, eventually

SLOW_DOWN = "503 Slow Down"


@pytest.fixture
def gate(s3: Storage) -> Iterator[Gate]:
    with s3.gate() as gate:
        yield gate


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site.make(tmp_path)


@pytest.fixture
def reader(site: Site, s3: Storage, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> BucketPhotos:
    for name, value in environment(s3, gate).items():
        monkeypatch.setenv(name, value)
    archived._kept.cache_clear()
    return BucketPhotos(str(site.folder / "nightsort.toml"), patience_seconds=DEADLINE_SECONDS)


def environment(s3: Storage, gate: Gate) -> dict[str, str]:
    return {
        "NIGHTSORT_ARCHIVE__ENDPOINT": gate.address,
        "NIGHTSORT_ARCHIVE__BUCKET_KEY": s3.key,
    }


def fill(s3: Storage, bucket: str, count: int) -> list[str]:
    """Photos that differ, at the price of one; returns their paths."""
    drawn = photo_bytes(seed=1, size=(60, 80))
    for number in range(count):
        s3.put_as_others(bucket, f"old/{number:04}.jpg", drawn + b"%d" % number)
    return [f"{bucket}/old/{number:04}.jpg" for number in range(count)]


def asked(site: Site, s3: Storage, gate: Gate, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        archive(site, *arguments),
        cwd=site.folder,
        env=clean_environment() | environment(s3, gate),
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


def listed(site: Site, reader: BucketPhotos, path: str) -> list[str]:
    from config.settings import load

    found = bucket_of(load(site.folder / "nightsort.toml"), path)
    return [
        *photos_in(
            found,
            path,
            is_photo=lambda name: name.endswith(".jpg"),
            is_junk=lambda name: name.startswith("."),
            patience_seconds=DEADLINE_SECONDS,
        )
    ]


# The command


def test_photos_in_a_bucket_are_judged_and_copied_down(
    site: Site, s3: Storage, gate: Gate, bucket: str
) -> None:
    fill(s3, bucket, 3)
    s3.put_as_others(bucket, "old/bad.jpg", b"no photo")
    s3.put_as_others(bucket, "old/notes.txt", b"no photo by its name")
    s3.put_as_others(bucket, "older/x.jpg", b"not asked for")
    (site.folder / "here").mkdir()
    (site.folder / "here/a.jpg").write_bytes(photo_bytes(seed=2))
    wanted = (f"{bucket}/old/", "here", "--out", "out", "--workers", "2", "--file-into", "filed")
    done = asked(site, s3, gate, *wanted)
    assert done.returncode == 0, done.stderr
    found = {row["path"]: row for row in rows(site.folder / "out")}
    assert sorted(found) == sorted(
        ["here/a.jpg", *(f"{bucket}/old/{name}.jpg" for name in ("0000", "0001", "0002", "bad"))]
    )
    assert found[f"{bucket}/old/bad.jpg"]["error"] == "not_an_image"
    filed = {one.name for one in (site.folder / "filed").rglob("*") if one.is_file()}
    assert filed == {"0000.jpg", "0001.jpg", "0002.jpg", "a.jpg"}
    again = asked(site, s3, gate, *wanted)  # the same, from whatever folder
    assert (again.returncode, again.stderr) == (0, "")
    secret = s3.key.partition(":")[2]
    said = "".join(one.read_text("utf-8", "replace") for one in (site.folder / "out").iterdir())
    assert secret not in said + done.stdout + done.stderr


def test_a_bucket_that_stutters_loses_nothing_and_has_nothing_twice(
    site: Site, s3: Storage, gate: Gate, bucket: str
) -> None:
    wanted = fill(s3, bucket, 240)
    with (site.folder / "said").open("wb") as said:
        process = subprocess.Popen(
            archive(site, f"{bucket}/old", "--out", "out", "--workers", "2"),
            cwd=site.folder,
            env=clean_environment() | environment(s3, gate),
            stderr=said,
        )
    for trouble in (SLOW_DOWN, "away", "500 Internal Server Error"):
        gate.calls = 0
        eventually(lambda: gate.calls > 0 or process.poll() is not None)
        gate.trouble = trouble
        eventually(lambda: gate.calls > 1 or process.poll() is not None)
        gate.trouble = ""
    code = process.wait(DEADLINE_SECONDS)
    assert code == 0, (site.folder / "said").read_text("utf-8")
    found = rows(site.folder / "out")
    assert sorted(row["path"] for row in found) == wanted
    assert {row["error"] for row in found} == {None}


def test_what_is_wrong_is_told_before_anything_is_made(
    site: Site, s3: Storage, gate: Gate, bucket: str
) -> None:
    for path, code, words in (
        (f"{bucket}/nothing", 2, "nothing lies there"),
        ("s3://", 2, "names no bucket"),
        ("s3://not-there/x", 1, "NoSuchBucket"),
    ):
        refused = asked(site, s3, gate, path, "--out", "out")
        assert (refused.returncode, refused.stdout) == (code, ""), refused.stderr
        assert words in refused.stderr
        assert not (site.folder / "out").exists(), path


def test_without_a_key_it_says_where_that_goes(site: Site) -> None:
    done = subprocess.run(
        archive(site, "s3://photos/old", "--out", "out"), cwd=site.folder,
        env=clean_environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "NIGHTSORT_ARCHIVE__BUCKET_KEY" in done.stderr


# The list


class Stuttering(Bucket):
    """Each listing breaks off after its second piece."""

    begun = 0

    def listed(self, below: str, after: str | None = None) -> Iterator[dict[str, int]]:
        self.begun += 1
        for number, piece in enumerate(super().listed(below, after)):
            if number == 2:
                raise BucketFailed("503 Slow Down")
            yield piece


def test_the_list_goes_on_where_it_was_broken_off(
    s3: Storage, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.mirror.bucket.client.LISTED_AT_ONCE", 7)
    monkeypatch.setattr("daemon.mirror.bucket.archived.time.sleep", lambda _: None)
    wanted = fill(s3, bucket, 30)
    for name in ("0007 x.jpg", "0013 é#.jpg"):  # where it is broken off
        s3.put_as_others(bucket, f"old/{name}", b"x")
        wanted.append(f"{bucket}/old/{name}")
    plain = s3.opened(bucket.removesuffix("/boxes"))
    found = Stuttering(plain.address, plain._store)
    said = photos_in(found, f"{bucket}/old", is_photo=bool, is_junk=lambda _: False)
    assert [*said] == sorted(wanted)
    assert found.begun == 3


class Disordered(Bucket):
    """As storage that lists what is quick to find first."""

    def listed(self, below: str, after: str | None = None) -> Iterator[dict[str, int]]:
        yield from reversed([*super().listed(below, after)])


def test_a_list_without_order_is_refused_since_it_could_leave_photos_out(
    s3: Storage, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.mirror.bucket.client.LISTED_AT_ONCE", 7)
    fill(s3, bucket, 20)
    plain = s3.opened(bucket.removesuffix("/boxes"))
    found = Disordered(plain.address, plain._store)
    with pytest.raises(RefusedError, match="in no order"):
        list(photos_in(found, f"{bucket}/old", is_photo=bool, is_junk=lambda _: False))


def test_only_what_is_below_and_looks_like_a_photo_is_listed(
    site: Site, s3: Storage, bucket: str, reader: BucketPhotos
) -> None:
    for key in ("old/a.jpg", "old/x/b c#1%.jpg", "old/.thumbs/c.jpg", "old/d.txt", "olde/e.jpg"):
        s3.put_as_others(bucket, key, b"x")
    wanted = [f"{bucket}/old/a.jpg", f"{bucket}/old/x/b c#1%.jpg"]
    assert listed(site, reader, f"{bucket}/old") == wanted
    assert [reader.read(one, 10) for one in wanted] == [b"x", b"x"]
    assert listed(site, reader, f"{bucket}/old/a.jpg") == wanted[:1]  # an object by its own name
    whole = bucket.removesuffix("/boxes")
    assert listed(site, reader, whole) == [*wanted, f"{bucket}/olde/e.jpg"]


def test_a_key_that_cannot_be_used_is_told(
    site: Site, s3: Storage, bucket: str, reader: BucketPhotos
) -> None:
    s3.put_as_others(bucket, "old//a.jpg", b"x")
    with pytest.raises(RefusedError, match="rename that object, and call again"):
        listed(site, reader, f"{bucket}/old")


# Reading


@pytest.mark.parametrize("trouble", [SLOW_DOWN, "away"])
def test_what_fails_is_asked_for_again(
    s3: Storage, gate: Gate, bucket: str, reader: BucketPhotos, trouble: str
) -> None:
    (path,) = fill(s3, bucket, 1)
    whole = reader.read(path, 10_000_000)
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            gate.trouble = ""

    gate.trouble = trouble
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("daemon.mirror.bucket.archived.time.sleep", sleep)
        assert reader.read(path, 10_000_000) == whole
    assert slept == [0.2, 0.4]


def test_an_answer_that_is_cut_off_is_no_photo(
    s3: Storage, gate: Gate, bucket: str, reader: BucketPhotos
) -> None:
    s3.put_as_others(bucket, "old/large.jpg", b"x" * 300_000)
    gate.most_bytes = 100_000

    def sleep(_: float) -> None:
        gate.most_bytes = float("inf")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("daemon.mirror.bucket.archived.time.sleep", sleep)
        assert reader.read(f"{bucket}/old/large.jpg", 400_000) == b"x" * 300_000


def test_one_that_is_gone_too_large_or_frozen_is_its_own_fault(
    s3: Storage, bucket: str, reader: BucketPhotos, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.put_as_others(bucket, "old/large.jpg", b"x" * 1000)
    for path, limit, problem in (
        (f"{bucket}/old/gone.jpg", 10, PhotoProblem.UNREADABLE),
        (f"{bucket}/old/large.jpg", 999, PhotoProblem.TOO_LARGE),
    ):
        with pytest.raises(PhotoError) as told:
            reader.read(path, limit)
        assert told.value.problem is problem

    def frozen(*_: object) -> bytes:
        raise ObjectCold("InvalidObjectState")

    monkeypatch.setattr(archived, "_whole", frozen)
    with pytest.raises(PhotoError) as told:
        reader.read(f"{bucket}/old/cold.jpg", 10)
    assert told.value.problem is PhotoProblem.UNREADABLE


def test_patience_ends_and_a_refusal_is_not_asked_for_again() -> None:
    calls: list[int] = []

    def fail() -> None:
        calls.append(1)
        raise BucketFailed("away")

    with pytest.raises(BucketFailed):
        patiently(fail, 0.5)
    assert len(calls) >= 2

    def refuse() -> None:
        calls.append(1)
        raise BucketRefused("AccessDenied")

    calls.clear()
    with pytest.raises(BucketRefused):
        patiently(refuse, 60)
    assert len(calls) == 1


def test_a_path_must_name_a_bucket() -> None:
    with pytest.raises(NoArchive, match="names no bucket"):
        archived.Place.of("s3:///old")
