"""The bucket against a real S3 server: whatever happens to either side, what is here is there."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from config.errors import FolderUnavailable
from config.mirror import MirrorSettings
from daemon.domain.clock import SystemClock
from daemon.folders.tree import Tree
from daemon.mirror.bucket import filling
from daemon.mirror.bucket.client import (
    PART_BYTES,
    Bucket,
    BucketFailed,
    BucketRefused,
    access_key,
)
from daemon.mirror.bucket.copier import COMPARE_SECONDS, LOOK_SECONDS
from daemon.mirror.bucket.thread import BucketThread, copier_of
from daemon.store.bucket_copies import BUCKET, BUCKET_FILL
from tests.support.bucket_shop import copier, copy, finish, here, settings_of
from tests.support.core import tiny_photo
from tests.support.s3 import Storage
from tests.support.shop import Shop
from tests.support.waiting import eventually

RUN = "batch_results_{}.csv"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path / "box")
    yield shop
    shop.stop()


class Choosy(Bucket):
    """Storage that refuses one key."""

    refused = ""

    def put(self, key: str, *arguments: Any, **more: Any) -> bool:
        if key == self.refused:
            raise BucketFailed("storage answers 413 Payload Too Large")
        return super().put(key, *arguments, **more)


# --- files ---------------------------------------------------------------------------------------


def test_backups_results_and_versions_are_copied_and_what_people_put_beside_is_not(
    shop: Shop, s3: Storage, bucket: str
) -> None:
    shop.night("return-60001_front.png", "return-60002_front.png")
    shop.back_up()
    shop.export_corrections()
    (shop.state / "models").mkdir()
    (shop.state / "models" / "2026-11-01.1.npz").write_bytes(b"a version")
    (shop.state / "models" / "in-use.json").write_text('{"history": ["2026-11-01.1"]}')
    wanted = here(shop)
    (shop.results / "wages.xlsx").write_bytes(b"private")
    (shop.results / "batch_results_x.csv").symlink_to("/etc/passwd")
    copy(shop, s3.settings(bucket))
    assert s3.objects(bucket) == wanted
    assert {key.partition("/")[0] for key in wanted} == {"backups", "results", "versions"}


def test_nothing_to_do_sends_nothing(shop: Shop, s3: Storage, bucket: str) -> None:
    shop.night("return-60001_front.png")
    shop.back_up()
    with s3.gate() as gate:
        made = copier(shop, s3.settings(bucket, endpoint=gate.address))
        assert finish(made) > 2
        gate.trouble = "503 Slow Down"  # whatever is sent now fails
        shop.clock.advance(2 * LOOK_SECONDS)
        assert made.step() is False


def test_what_changed_is_sent_again_and_what_was_only_touched_is_not(
    shop: Shop, s3: Storage, bucket: str
) -> None:
    run = shop.night("return-60001_front.png")
    made = copier(shop, s3.settings(bucket))
    finish(made)
    report = shop.results / f"batch_report_{run}.html"
    report.write_text("first")
    shop.clock.advance(2 * LOOK_SECONDS)
    finish(made)
    assert s3.objects(bucket)[f"results/{report.name}"] == b"first"
    report.write_text("second, as somebody decided")
    shop.clock.advance(2 * LOOK_SECONDS)
    finish(made)
    assert s3.objects(bucket) == here(shop)
    before = s3.opened(bucket).about(f"berlin/results/{report.name}")
    report.touch()
    shop.clock.advance(2 * LOOK_SECONDS)
    assert made.step() is True
    assert made.step() is False
    assert s3.opened(bucket).about(f"berlin/results/{report.name}") == before


def test_a_run_that_is_open_is_copied_once_it_is_closed(
    shop: Shop, s3: Storage, bucket: str
) -> None:
    shop.drop("return-60001_front.png", tiny_photo("Shirts", 1))
    shop.take_in()
    shop.work()
    copy(shop, s3.settings(bucket))
    assert s3.objects(bucket) == {}
    shop.drainer.close(settling=0)
    copy(shop, s3.settings(bucket))
    assert s3.objects(bucket) == here(shop)


def test_a_large_file_goes_in_parts_and_is_the_same(shop: Shop, s3: Storage, bucket: str) -> None:
    run = shop.night("return-60001_front.png")
    large = bytes(range(256)) * 80_000  # more than two parts
    (shop.results / f"batch_report_{run}.html").write_bytes(large)
    copy(shop, s3.settings(bucket))
    assert s3.objects(bucket)[f"results/batch_report_{run}.html"] == large


def test_large_content_that_was_made_in_memory_goes_in_parts_too(s3: Storage, bucket: str) -> None:
    opened, large = s3.opened(bucket), bytes(PART_BYTES + 1)  # whole it may outlast its time
    for name, content in (("large", large), ("small", large[:-1])):
        opened.put(f"berlin/{name}", content, {"sha256": "none"})
        assert s3.is_in_parts(bucket, f"berlin/{name}") == (name == "large")
        assert opened.about(f"berlin/{name}")["sha256"] == "none"
    assert s3.objects(bucket)["large"] == large


def test_old_backups_go_there_when_they_are_no_more_kept_here_and_the_newest_stays(
    shop: Shop, s3: Storage, bucket: str
) -> None:
    shop.night("return-60001_front.png")
    first = shop.back_up()
    shop.clock.advance(5 * 86_400)
    second = shop.back_up()
    keeping = {"backups": {"keep_days": 14}}
    copy(shop, s3.settings(bucket), **keeping)
    first.unlink()
    second.unlink()  # a disk that was lost takes no copy along
    shop.clock.advance(10 * 86_400)
    copy(shop, s3.settings(bucket), **keeping)
    backups = [key for key in s3.objects(bucket) if key.startswith("backups/")]
    assert backups == [f"backups/{second.name}"]
    shop.clock.advance(50 * 86_400)
    copy(shop, s3.settings(bucket), **keeping)
    backups = [key for key in s3.objects(bucket) if key.startswith("backups/")]
    assert backups == [f"backups/{second.name}"]


def test_results_go_there_when_retention_removes_them_and_not_when_they_are_lost(
    shop: Shop, s3: Storage, bucket: str
) -> None:
    first, second, third = (shop.night(f"return-6000{n}_front.png", first=n) for n in range(3))
    copy(shop, s3.settings(bucket))
    (shop.results / RUN.format(second)).unlink()
    copy(shop, s3.settings(bucket))
    assert f"results/{RUN.format(second)}" in s3.objects(bucket)
    age = shop.clock.now().timestamp() - 40 * 86_400
    for path in shop.results.glob(f"*{first}*"):
        os.utime(path, (age, age))
    shop.clock.advance(20 * 86_400)
    shop.keep(results_days=21.5)
    shop.tidy()
    assert not (shop.results / RUN.format(first)).exists()
    copy(shop, s3.settings(bucket))
    keys = s3.objects(bucket).keys()
    assert f"results/{RUN.format(first)}" not in keys
    assert {f"results/{RUN.format(one)}" for one in (second, third)} <= keys


def test_a_csv_stays_there_until_its_compressed_form_has_arrived(
    shop: Shop, s3: Storage, bucket: str
) -> None:
    first, _ = (shop.night(f"return-6000{n}_front.png", first=n) for n in range(2))
    copy(shop, s3.settings(bucket))
    plain, packed = f"results/{RUN.format(first)}", f"results/{RUN.format(first)}.gz"
    age = shop.clock.now().timestamp() - 40 * 86_400
    os.utime(shop.results / RUN.format(first), (age, age))
    shop.clock.advance(20 * 86_400)
    shop.keep(compress_results_days=10)
    shop.tidy()
    assert not (shop.results / RUN.format(first)).exists()
    opened = s3.opened(bucket)
    choosy = Choosy(opened.address, opened._store)
    choosy.refused = f"berlin/{packed}"
    with pytest.raises(BucketFailed, match="413"):
        finish(copier_of(settings_of(shop, s3.settings(bucket)), shop.store, choosy, shop.clock))
    assert plain in s3.objects(bucket)
    made = copier(shop, s3.settings(bucket))
    finish(made)
    shop.clock.advance(2 * LOOK_SECONDS)
    finish(made)
    assert s3.objects(bucket) == here(shop)
    assert packed in here(shop)


def test_a_clock_that_is_ahead_for_a_minute_takes_no_backup_along(
    shop: Shop, s3: Storage, bucket: str
) -> None:
    shop.night("return-60001_front.png")
    for _ in range(2):
        shop.back_up()
        shop.clock.advance(86_400)
    made = copier(shop, s3.settings(bucket))
    finish(made)
    get = made._bucket.get

    def strict(key: str) -> tuple[Mapping[str, str], Iterator[bytes]]:
        if is_ahead:
            raise BucketRefused("storage refuses (RequestTimeTooSkewed)")
        return get(key)

    made._bucket.get = strict  # type: ignore[method-assign]
    is_ahead, now = True, shop.clock.now
    shop.clock.advance(2 * LOOK_SECONDS)
    shop.clock.now = lambda: now() + timedelta(days=100)  # type: ignore[method-assign]
    with pytest.raises(BucketRefused, match="Skewed"):
        finish(made)
    is_ahead, shop.clock.now = False, now  # type: ignore[method-assign]
    finish(made)
    assert len([key for key in s3.objects(bucket) if key.startswith("backups/")]) == 2


# --- the other side ------------------------------------------------------------------------------


def test_what_was_lost_there_is_sent_again_within_a_day_or_when_asked(
    shop: Shop, s3: Storage, bucket: str
) -> None:
    run = shop.night("return-60001_front.png")
    shop.back_up()
    made = copier(shop, s3.settings(bucket))
    finish(made)
    s3.opened(bucket).delete([f"berlin/results/{RUN.format(run)}"])
    shop.clock.advance(2 * LOOK_SECONDS)
    finish(made)
    assert s3.objects(bucket) != here(shop)
    shop.store.facts.remember(BUCKET_FILL, value=True)
    finish(made)
    assert s3.objects(bucket) == here(shop)
    s3.opened(bucket).put(f"berlin/results/{RUN.format(run)}", b"cut o", {})
    shop.clock.advance(2 * COMPARE_SECONDS)
    finish(made)
    assert s3.objects(bucket) == here(shop)


def test_a_bucket_that_was_emptied_is_filled_again_at_once(
    shop: Shop, s3: Storage, bucket: str
) -> None:
    shop.night("return-60001_front.png")
    copy(shop, s3.settings(bucket))
    opened = s3.opened(bucket)
    opened.delete([key for piece in opened.listed("berlin") for key in piece])
    settings = settings_of(shop, s3.settings(bucket))
    made = copier_of(settings, shop.store, opened, shop.clock, is_compared=True)
    finish(made)
    assert s3.objects(bucket) == here(shop)


def test_what_nobody_here_knows_stays_there(shop: Shop, s3: Storage, bucket: str) -> None:
    shop.night("return-60001_front.png")
    s3.opened(bucket).put("berlin/2025-10-13/Shirts/of-before.jpg", b"bytes", {})
    copy(shop, s3.settings(bucket))
    assert s3.objects(bucket)["2025-10-13/Shirts/of-before.jpg"] == b"bytes"


def test_another_box_of_the_same_name_is_refused_and_changes_nothing(
    shop: Shop, s3: Storage, bucket: str, tmp_path: Path
) -> None:
    shop.night("return-60001_front.png")
    copy(shop, s3.settings(bucket))
    before = s3.objects(bucket)
    other = Shop(tmp_path / "other")
    other.night("return-60002_front.png")
    with pytest.raises(BucketRefused, match="another box is station berlin"):
        copy(other, s3.settings(bucket))
    assert s3.objects(bucket) == before
    copy(other, s3.settings(bucket, station="hamburg"))
    assert s3.objects(bucket, "hamburg") == here(other)
    assert s3.objects(bucket) == before
    other.stop()


def test_markers_that_other_tools_make_for_folders_are_no_objects(
    shop: Shop, s3: Storage, bucket: str
) -> None:
    shop.night("return-60001_front.png")
    markers = "berlin/", "berlin/results/"
    for marker in markers:
        s3.put_as_others(bucket, marker)
    s3.put_as_others(bucket, "berlin/results-of-others", b"a file")  # before its folder's marker
    copy(shop, s3.settings(bucket))
    lost = next(iter(here(shop)))
    s3.delete_as_others(bucket, f"berlin/{lost}")
    made = copier(shop, s3.settings(bucket))
    finish(made)
    assert made.problem == ""
    for marker in markers:
        s3.delete_as_others(bucket, marker)
    assert s3.objects(bucket) == here(shop) | {"results-of-others": b"a file"}


def test_a_key_that_cannot_be_listed_is_told_and_holds_nothing_up(
    shop: Shop, s3: Storage, bucket: str
) -> None:
    shop.night("return-60001_front.png")
    s3.put_as_others(bucket, "berlin/results//x", b"bytes")
    made = copier(shop, s3.settings(bucket))
    finish(made)
    assert '"boxes/berlin/results//x"' in made.problem
    assert made.problem.endswith("delete it there, then run: nightsort mirror fill")
    assert "Debug" not in made.problem
    shop.night("return-60002_front.png", first=2)
    shop.clock.advance(2 * LOOK_SECONDS)
    finish(made)
    with pytest.raises(BucketRefused, match="delete it there"):
        filling.fill(
            settings_of(shop, s3.settings(bucket)), shop.store, shop.clock, lambda *_: None
        )
    s3.delete_as_others(bucket, "berlin/results//x")
    assert s3.objects(bucket) == here(shop)
    shop.store.facts.remember(BUCKET_FILL, value=True)
    finish(made)
    assert made.problem == ""


def test_a_box_that_takes_the_name_of_an_emptied_bucket_is_seen_by_the_next_comparison(
    shop: Shop, s3: Storage, bucket: str, tmp_path: Path
) -> None:
    shop.night("return-60001_front.png")
    made = copier(shop, s3.settings(bucket))
    finish(made)
    opened = s3.opened(bucket)
    opened.delete([key for piece in opened.listed("berlin") for key in piece])
    other = Shop(tmp_path / "other")
    other.night("return-60002_front.png")
    copy(other, s3.settings(bucket))
    shop.clock.advance(2 * COMPARE_SECONDS)
    with pytest.raises(BucketRefused, match="another box is station berlin"):
        finish(made)
    assert s3.objects(bucket) == here(other)
    other.stop()


# --- what is refused -----------------------------------------------------------------------------


def test_a_wrong_key_is_told_without_its_secret(shop: Shop, s3: Storage, bucket: str) -> None:
    identity = s3.key.partition(":")[0]
    with pytest.raises(BucketRefused, match=r"SignatureDoesNotMatch.*correct the access key") as no:
        copy(shop, s3.settings(bucket, bucket_key=f"{identity}:swordfish"))
    assert "swordfish" not in str(no.value)


def test_the_credential_is_the_service_s_and_a_command_takes_the_key_of_its_environment(
    s3: Storage, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = s3.settings(bucket, bucket_credential="mirror-bucket")
    settings = MirrorSettings.model_validate(mirror)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert ":".join(access_key(settings)) == s3.key
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "mirror-bucket").write_text("OTHER:secret\n")
    assert access_key(settings) == ("OTHER", "secret")
    (tmp_path / "mirror-bucket").write_text("swordfish\n")
    with pytest.raises(BucketRefused, match="ID:SECRET") as refused:
        access_key(settings)
    assert "swordfish" not in str(refused.value)


def test_a_bucket_that_is_not_there_is_told(shop: Shop, s3: Storage) -> None:
    with pytest.raises(BucketRefused, match=r"NoSuchBucket.*make the bucket"):
        copy(shop, s3.settings("s3://nowhere"))


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ("away", "fails: |cannot be reached"),
        ("503 Slow Down", "answers 503"),
        ("500 Internal Server Error", "answers 500"),
        ("403 Forbidden", "give the access key its rights"),
        ("401 Unauthorized", "give the access key its rights"),
    ],
)
def test_what_a_server_refuses_is_said_in_one_line(
    shop: Shop, s3: Storage, bucket: str, trouble: str, said: str
) -> None:
    shop.night("return-60001_front.png")
    with s3.gate() as gate:
        made = copier(shop, s3.settings(bucket, endpoint=gate.address))
        gate.trouble = trouble
        with pytest.raises(BucketFailed, match=said) as failed:
            finish(made)
    assert len(str(failed.value).splitlines()) == 1
    assert s3.key.partition(":")[2] not in str(failed.value)


def test_nothing_listens_there(shop: Shop, s3: Storage, bucket: str) -> None:
    with s3.gate() as gate:
        closed = gate.address
    with pytest.raises(BucketFailed, match="cannot be reached"):
        copy(shop, s3.settings(bucket, endpoint=closed))


def test_while_a_file_is_written_over_it_is_not_known_as_what_it_was(
    shop: Shop, s3: Storage, bucket: str
) -> None:
    run = shop.night("return-60001_front.png")
    copy(shop, s3.settings(bucket))
    key = f"results/{RUN.format(run)}"
    with (shop.results / RUN.format(run)).open("a") as file:
        file.write("more\n")
    opened = s3.opened(bucket)
    choosy = Choosy(opened.address, opened._store)
    choosy.refused = f"berlin/{key}"
    with pytest.raises(BucketFailed, match="413"):
        finish(copier_of(settings_of(shop, s3.settings(bucket)), shop.store, choosy, shop.clock))
    known = shop.store.bucket.of_key(key)
    assert known is not None
    assert known.sha256 == ""


def test_a_bucket_that_does_not_agree_costs_nothing_of_what_is_known_of_the_one_before(
    shop: Shop, s3: Storage, bucket: str
) -> None:
    shop.night("return-60001_front.png")
    copy(shop, s3.settings(bucket))
    before = shop.store.facts.get(BUCKET), shop.store.bucket.count()
    with pytest.raises(BucketRefused, match="make the bucket"):
        copier(shop, s3.settings("s3://mistyped"))
    assert (shop.store.facts.get(BUCKET), shop.store.bucket.count()) == before


# --- the thread ----------------------------------------------------------------------------------


def state(thread: BucketThread, question: Callable[[Any], object]) -> object:
    return thread.figures is not None and question(thread.figures)


def test_the_thread_follows_through_an_outage_and_says_how_it_is(
    shop: Shop, s3: Storage, bucket: str
) -> None:
    shop.night("return-60001_front.png")
    shop.back_up()
    with s3.gate() as gate:
        mirror = s3.settings(bucket, endpoint=gate.address)
        thread = BucketThread(settings_of(shop, mirror), SystemClock(UTC))
        with thread.kept():
            eventually(lambda: s3.objects(bucket) == here(shop))
            eventually(lambda: state(thread, lambda said: said["waiting"] == 0))
            gate.trouble = "503 Slow Down"
            shop.store.facts.remember(BUCKET_FILL, value=True)  # it looks at once
            shop.night("return-60002_front.png", first=2)
            eventually(lambda: state(thread, lambda said: "503" in str(said["why"])))
            eventually(lambda: gate.calls > 1)  # it is tried again
            gate.trouble = ""
            eventually(lambda: s3.objects(bucket) == here(shop))
            eventually(lambda: state(thread, lambda said: said["why"] is None))


def test_a_file_that_cannot_be_copied_waits_behind_all_others_and_is_told_all_the_while(
    shop: Shop, s3: Storage, bucket: str
) -> None:
    runs = [shop.night(f"return-6000{n}_front.png", first=n) for n in range(2)]
    opened = s3.opened(bucket)
    choosy = Choosy(opened.address, opened._store)
    stuck = f"results/{RUN.format(runs[0])}"
    choosy.refused = f"berlin/{stuck}"
    settings = settings_of(shop, s3.settings(bucket))
    with structlog.testing.capture_logs() as logs:
        thread = BucketThread(settings, shop.clock, lambda _: choosy)
        with thread.kept():
            others = here(shop).keys() - {stuck}
            eventually(lambda: s3.objects(bucket).keys() == others)
            eventually(lambda: "copy_failed" in [one["event"] for one in logs])
            later = shop.night("return-60009_front.png", first=9)
            shop.clock.advance(LOOK_SECONDS)
            eventually(lambda: f"results/{RUN.format(later)}" in s3.objects(bucket))
            assert state(thread, lambda said: "413" in said["why"])
            assert "mirror_resumed" not in [one["event"] for one in logs]
            choosy.refused = ""
            shop.clock.advance(3600)
            eventually(lambda: s3.objects(bucket) == here(shop))
            eventually(lambda: state(thread, lambda said: said["why"] is None))


def test_a_file_that_cannot_even_be_looked_at_stops_no_other(
    shop: Shop, s3: Storage, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [shop.night(f"return-6000{n}_front.png", first=n) for n in range(2)]
    bad, stat, open_file = RUN.format(runs[0]), Tree.stat, Tree.open_file

    def worn_out(tree: Tree, place: str) -> os.stat_result | None:
        if place == bad:
            raise OSError(errno.EIO, "a bad spot")
        return stat(tree, place)

    def unreadable(tree: Tree, place: str) -> int:
        if place == bad:
            raise FolderUnavailable("a bad spot")
        return open_file(tree, place)

    monkeypatch.setattr(Tree, "stat", worn_out)
    monkeypatch.setattr(Tree, "open_file", unreadable)
    settings = settings_of(shop, s3.settings(bucket))
    with pytest.raises(BucketRefused, match="a bad spot"):
        filling.fill(settings, shop.store, shop.clock, lambda *_: None)
    assert s3.objects(bucket).keys() == here(shop).keys() - {f"results/{bad}"}


def test_filling_goes_on_past_a_file_that_cannot_be_copied_and_says_so_in_the_end(
    shop: Shop, s3: Storage, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [shop.night(f"return-6000{n}_front.png", first=n) for n in range(3)]
    opened = s3.opened(bucket)
    choosy = Choosy(opened.address, opened._store)
    stuck = f"results/{RUN.format(runs[0])}"
    choosy.refused = f"berlin/{stuck}"
    monkeypatch.setattr(filling, "connect", lambda _: choosy)
    settings = settings_of(shop, s3.settings(bucket))
    with pytest.raises(BucketFailed, match="413"):
        filling.fill(settings, shop.store, shop.clock, lambda *_: None)
    assert s3.objects(bucket).keys() == here(shop).keys() - {stuck}
    choosy.refused = ""
    filling.fill(settings, shop.store, shop.clock, lambda *_: None)
    assert s3.objects(bucket) == here(shop)


def test_a_comparison_that_fails_half_way_is_no_recovery(
    shop: Shop, s3: Storage, bucket: str
) -> None:
    shop.night("return-60001_front.png")
    tries = []

    class Failing(Bucket):
        def listed(self, below: str, after: str | None = None) -> Iterator[dict[str, int]]:
            yield {f"{below}/a": 1}
            tries.append(below)
            raise BucketFailed("the second page never comes")

    mirror = s3.settings(bucket)
    opened = s3.opened(bucket)
    failing = Failing(opened.address, opened._store)
    with structlog.testing.capture_logs() as logs:
        thread = BucketThread(settings_of(shop, mirror), SystemClock(UTC), lambda _: failing)
        with thread.kept():
            eventually(lambda: len(tries) > 2)
            assert state(thread, lambda said: "second page" in said["why"])
    assert [one["event"] for one in logs if one["event"] == "mirror_resumed"] == []


def test_without_a_bucket_there_is_no_thread(shop: Shop) -> None:
    thread = BucketThread(settings_of(shop, {}), shop.clock)
    with thread.kept():
        assert thread.figures is None
    assert not MirrorSettings(station="berlin").has_bucket
