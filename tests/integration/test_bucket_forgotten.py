"""The list of what was forgotten: no damaged one, nor a lesser one, replaces a better one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest
import structlog

from config.errors import RefusedError
from config.settings import Settings
from daemon.folders.forgotten import FILE, Forgotten
from daemon.mirror.bucket.client import BucketRefused, connect
from daemon.mirror.bucket.rescue import bring_files, bring_memory
from daemon.mirror.bucket.thread import BucketThread
from daemon.store import Store
from daemon.store.facts import FORGOTTEN_CAME
from tests.integration.test_forgetting import die
from tests.integration.test_pick_lists import updater
from tests.support.bucket_shop import copier, copy, finish, settings_of
from tests.support.desk import Crash
from tests.support.forgetting import ForgettingShop
from tests.support.s3 import Storage
from tests.support.waiting import eventually

KEY = f"berlin/{FILE}"
KEPT, GONE = "return-60002_front.png", "return-60001_front.png"
LATER = "return-60009_front.png"
# Valid as JSON or not, as a list or not; what is nested deeper than Python reads is the last.
DAMAGED = (b"", b"{}", b"[]", b"null", b'{"salt": "xyz", "digests": []}', b"\xff", b"[" * 100_000)


@pytest.fixture
def shop(tmp_path: Path, s3: Storage, bucket: str) -> Iterator[ForgettingShop]:
    """A box that forgot a photo, whose older backup, which knows that, is in the bucket, too."""
    shop = ForgettingShop(tmp_path / "box")
    shop.updater = lambda: updater(shop)
    shop.night(GONE, KEPT)
    shop.back_up()
    shop.forget("60001")
    copy(shop, s3.settings(bucket))
    yield shop
    shop.stop()


def test_a_damaged_list_of_the_box_does_not_replace_the_one_there_and_holds_nothing_up(
    shop: ForgettingShop, s3: Storage, bucket: str
) -> None:
    whole = (shop.state / FILE).read_bytes()
    for damaged in DAMAGED:
        (shop.state / FILE).write_bytes(damaged)
        with pytest.raises(BucketRefused, match=rf"{FILE}: is damaged; put it back"):
            copy(shop, s3.settings(bucket))
    later = shop.night(LATER, first=9)
    thread = BucketThread(settings_of(shop, s3.settings(bucket)), shop.clock)
    with thread.kept():
        eventually(lambda: f"results/batch_results_{later}.csv" in s3.objects(bucket))
        eventually(lambda: thread.figures and "is damaged" in (thread.figures["why"] or ""))
    assert s3.objects(bucket)[FILE] == whole


def test_a_box_that_lost_its_list_takes_in_what_the_bucket_knows_before_it_is_replaced(
    shop: ForgettingShop, s3: Storage, bucket: str
) -> None:
    before = len(Forgotten(shop.state))
    (shop.state / FILE).unlink()
    long_known = Forgotten(shop.state)  # as the service has it, which read the list before
    long_known.add(["a mark"])
    assert len(long_known) == 1
    copy(shop, s3.settings(bucket))
    content = s3.objects(bucket)[FILE]
    assert content == (shop.state / FILE).read_bytes()
    assert len(Forgotten(shop.state)) == before + 1
    long_known.add(["another mark"])
    assert len(Forgotten(shop.state)) == before + 2


def test_a_damaged_list_there_is_replaced_and_that_is_told(
    shop: ForgettingShop, s3: Storage, bucket: str
) -> None:
    s3.opened(bucket).put(KEY, b"{}", {"sha256": sha256(b"{}").hexdigest()})
    Forgotten(shop.state).add(["a mark"])
    with structlog.testing.capture_logs() as logs:
        copy(shop, s3.settings(bucket))
    assert "forgotten_replaced" in [one["event"] for one in logs]
    assert s3.objects(bucket)[FILE] == (shop.state / FILE).read_bytes()


@pytest.mark.parametrize("damaged", DAMAGED, ids=lambda content: f"{content[:12]!r}")
def test_nothing_comes_back_by_a_damaged_list_and_what_it_says_to_do_helps(
    shop: ForgettingShop, s3: Storage, bucket: str, tmp_path: Path, damaged: bytes
) -> None:
    whole = s3.objects(bucket)[FILE]
    s3.opened(bucket).put(KEY, damaged, {"sha256": sha256(damaged).hexdigest()})
    settings = new_box(shop, tmp_path, s3.settings(bucket))
    with pytest.raises(RefusedError, match=r"is damaged, or.* of it into state_dir and delete"):
        restored(settings, shop)
    (settings.state_dir / FILE).write_bytes(whole)
    s3.delete_as_others(bucket, KEY)
    restored(settings, shop)
    assert (settings.state_dir / FILE).read_bytes() == whole


def test_a_list_that_was_deleted_there_is_missed(
    shop: ForgettingShop, s3: Storage, bucket: str, tmp_path: Path
) -> None:
    shop.clock.advance(60)
    shop.back_up()  # knows that the list was sent
    copy(shop, s3.settings(bucket))
    s3.delete_as_others(bucket, KEY)
    with structlog.testing.capture_logs() as logs:
        restored(new_box(shop, tmp_path, s3.settings(bucket)), shop)
    assert [one["key"] for one in logs if one["event"] == "forgotten_not_known"] == [KEY]


def without_list(shop: ForgettingShop, mirror: dict[str, object]) -> None:
    """As after `restore FILE` on a machine without a list; KEPT was forgotten since that backup."""
    shop.night(LATER, first=9)
    backup = shop.back_up()
    shop.forget("60002")
    copy(shop, mirror)
    (shop.state / FILE).unlink()
    shop.restore(backup)
    assert shop.resume() == []
    assert shop.store.history.stories(KEPT) != []


def test_what_a_restored_backup_knows_is_forgotten_again_once_the_list_came_from_the_bucket(
    shop: ForgettingShop, s3: Storage, bucket: str
) -> None:
    """Though nothing else is forgotten."""
    without_list(shop, s3.settings(bucket))
    copy(shop, s3.settings(bucket))
    assert shop.resume() == []
    assert shop.store.history.stories(KEPT) == []
    assert shop.store.history.stories(LATER) != []
    copy(shop, s3.settings(bucket))
    assert shop.store.facts.get(FORGOTTEN_CAME) is None


def test_what_is_announced_and_not_there_yet_is_not_taken_for_done(
    shop: ForgettingShop, s3: Storage, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill, or a full disk, between the note and the list; or who looks just then."""
    without_list(shop, s3.settings(bucket))
    with monkeypatch.context() as patch:
        patch.setattr(Forgotten, "take_in", die)
        with pytest.raises(Crash):
            copy(shop, s3.settings(bucket))
    assert shop.resume() == []
    assert shop.store.history.stories(KEPT) != []
    copy(shop, s3.settings(bucket))
    assert shop.resume() == []
    assert shop.store.history.stories(KEPT) == []


def test_a_damaged_list_there_keeps_nothing_from_being_compared_where_ours_is_whole(
    shop: ForgettingShop, s3: Storage, bucket: str
) -> None:
    s3.opened(bucket).put(KEY, b"{}", {"sha256": sha256(b"{}").hexdigest()})
    made = copier(shop, s3.settings(bucket))
    finish(made)
    assert made.problem == ""
    (shop.state / FILE).unlink()
    s3.opened(bucket).put(KEY, b"{}", {"sha256": sha256(b"{}").hexdigest()})
    made = copier(shop, s3.settings(bucket))
    finish(made)
    assert f"{FILE} is damaged, or not what was sent" in made.problem


def new_box(shop: ForgettingShop, tmp_path: Path, mirror: dict[str, object]) -> Settings:
    """A machine with empty folders."""
    folders = {f"{name}_dir": tmp_path / name for name in ("incoming", "sorted", "results")}
    for folder in (*folders.values(), tmp_path / "state"):
        folder.mkdir(exist_ok=True)
    return Settings.model_validate({**folders, "state_dir": tmp_path / "state", "mirror": mirror})


def restored(settings: Settings, shop: ForgettingShop) -> None:
    bucket = connect(settings.mirror)
    bring_memory(settings, bucket, shop.clock.now())
    with closing(Store(settings.state_dir)) as store:
        bring_files(settings, bucket, store)
