"""A forgetting that was interrupted: it harms nothing meanwhile, and leaves nothing in the end."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.errors import FolderRefused, PhotoBusy, RefusedError
from daemon.domain.orders import Forget
from daemon.folders.forgotten import FILE
from daemon.folders.tree import Tree
from daemon.maintenance.forgetting import Forgetter
from daemon.maintenance.forgotten_files import Files
from daemon.reporting.kept_pictures import KeptPictures
from daemon.store.facts import FORGOTTEN_CAME
from tests.integration.test_forgetting import BACK, FRONT, OTHER, PHOTOS, SHA, TheShop, die
from tests.integration.test_orders import Reports, orders_of
from tests.support.core import running, tiny_photo
from tests.support.desk import Crash
from tests.support.forgetting import SOMEBODY, forgetter_of, forgetting, traces


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[TheShop]:
    shop = TheShop(tmp_path)
    with running(shop):
        shop.sort()
        shop.speak()
        yield shop


def keep_pictures(shop: TheShop, sha256: str) -> None:
    """As looking ahead and the page do."""
    KeptPictures(shop.state)._folder.put(sha256, b"picture\xff\xd9")
    web = shop.state / "web" / "pictures" / sha256[:2]
    web.mkdir(parents=True, exist_ok=True)
    (web / f"{sha256}-640.jpg").write_bytes(b"page")


# What was judged ahead


def test_of_a_photo_that_was_judged_ahead_nothing_is_found(shop: TheShop) -> None:
    data = tiny_photo("Shirts", 60)
    sha256 = hashlib.sha256(data).hexdigest()
    shop.drop("ahead.png", data)
    shop.take_in()
    shop.look_ahead()
    keep_pictures(shop, sha256)
    assert traces([shop.state], sha256) != []
    receipt = shop.forget("ahead.png")
    assert traces(shop.folders, "ahead.png", sha256, data) == []
    assert [one.sha256 for one in receipt.photos] == [sha256]
    assert forgetter_of(shop).is_forgotten(sha256)


def test_the_same_bytes_judged_ahead_are_another_photo(shop: TheShop) -> None:
    """Which keeps its pictures, and is no forgotten content."""
    shop.clock.advance(60)
    shop.drop("again.png", PHOTOS[FRONT])
    shop.take_in()
    shop.look_ahead()
    assert shop.store.ahead.count() == 1
    (waiting,) = shop.store.traces.meant("again.png").stories
    receipt = shop.forget(FRONT)
    assert receipt.same_bytes == (waiting.id,)
    assert KeptPictures(shop.state)._folder.read(SHA[FRONT]) is not None
    assert not forgetter_of(shop).is_forgotten(SHA[FRONT])


# It keeps nothing from being done


def asked(shop: TheShop, what: str) -> Forget:
    return Forget(what, tuple(story.id for story in shop.store.traces.meant(what).stories))


def recover(shop: TheShop) -> None:
    """As the service does at a start and after a failure, and between two runs."""
    orders_of(shop, Reports(shop)).recover()
    orders_of(shop, Reports(shop)).between_runs()


def test_a_results_file_that_is_open_keeps_no_photo_from_being_sorted(
    shop: TheShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_open(*_: object) -> None:
        raise FolderRefused("results: in use")

    with monkeypatch.context() as patch:
        patch.setattr(Forgetter, "_rewrite_results", is_open)
        with pytest.raises(FolderRefused):
            shop.forget(FRONT)
        recover(shop)
        shop.clock.advance(60)
        shop.drop("next.png", tiny_photo("Shirts", 50))
        assert shop.recover_and_drain()["successful"] == 1
        shop.updater().tell_runs()
    recover(shop)
    assert shop.store.forgetting.under_way() == []
    assert traces(shop.folders, FRONT, PHOTOS[FRONT]) == []


def test_a_damaged_list_of_the_forgotten_is_told_before_anything_goes(shop: TheShop) -> None:
    orders = forgetting(shop, Reports(shop))
    orders.carry_out(asked(shop, OTHER), SOMEBODY)  # the list was read
    path = shop.state / FILE
    path.write_text("{", "ascii")
    with pytest.raises(RefusedError, match="damaged"):
        orders.carry_out(asked(shop, FRONT), SOMEBODY)
    assert shop.store.forgetting.under_way() == []
    assert (shop.sorted / "Tops" / FRONT).read_bytes() == PHOTOS[FRONT]
    path.unlink()
    orders.carry_out(asked(shop, FRONT), SOMEBODY)
    assert traces(shop.folders, FRONT, PHOTOS[FRONT]) == []


def test_a_damaged_list_of_the_forgotten_keeps_nothing_from_being_done(
    shop: TheShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_only(shop, FRONT, monkeypatch, "remove_files")
    path = shop.state / FILE
    path.write_text("{", "ascii")
    shop.store.facts.remember(FORGOTTEN_CAME, 1)
    recover(shop)
    assert len(shop.store.forgetting.under_way()) == 1
    assert (shop.sorted / "Tops" / FRONT).exists()
    path.unlink()
    recover(shop)
    assert shop.store.forgetting.under_way() == []


def test_a_file_in_use_keeps_no_other_from_being_forgotten(
    shop: TheShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Forgetter, "remove_files", _refuse)
        for name in (BACK, OTHER):
            with pytest.raises(FolderRefused):
                shop.forget(name)
    with monkeypatch.context() as patch:
        patch.setattr(Files, "_unlink", not_the_back)
        recover(shop)
    assert len(shop.store.forgetting.under_way()) == 1
    assert traces(shop.folders, OTHER, PHOTOS[OTHER]) == []
    recover(shop)
    assert shop.store.forgetting.under_way() == []


_unlink = Files._unlink


def not_the_back(files: Files, tree: Tree, place: str) -> None:
    if BACK in place:
        raise PhotoBusy(f"{place}: in use")
    _unlink(files, tree, place)


def _refuse(*_: object, **__: object) -> None:
    raise FolderRefused("in use")


# It knows what people did meanwhile


def begin_only(shop: TheShop, name: str, monkeypatch: pytest.MonkeyPatch, dies: str) -> None:
    """Forget, and be killed at that step."""
    with monkeypatch.context() as patch:
        patch.setattr(Forgetter, dies, die)
        with pytest.raises(Crash):
            shop.forget(name)
    shop.restart()


def test_what_was_dragged_or_corrected_since_is_removed_where_it_lies_now(
    shop: TheShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_only(shop, FRONT, monkeypatch, "remove_files")
    begin_only(shop, OTHER, monkeypatch, "remove_files")
    shop.corrector.correct(FRONT, "Tshirts", "Berta")
    (shop.sorted / "elsewhere").mkdir()
    (shop.sorted / "Shirts" / OTHER).rename(shop.sorted / "elsewhere" / "other.png")
    recover(shop)
    assert shop.store.forgetting.under_way() == []
    assert traces(shop.folders, FRONT, OTHER, PHOTOS[FRONT], PHOTOS[OTHER]) == []


def test_a_photo_that_was_sorted_since_is_removed_from_there(
    shop: TheShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tiny_photo("Shirts", 51)
    shop.drop("waits.png", data)
    shop.take_in()
    begin_only(shop, "waits.png", monkeypatch, "remove_files")
    shop.clock.advance(60)
    shop.recover_and_drain()
    recover(shop)
    assert traces([shop.incoming, shop.sorted, shop.state], "waits.png", data) == []


def test_a_photo_in_hand_is_forgotten_afterwards(
    shop: TheShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.drop("waits.png", tiny_photo("Shirts", 51))
    shop.take_in()
    begin_only(shop, "waits.png", monkeypatch, "remove_files")
    shop.store._db.execute("UPDATE photos SET state = 'claimed' WHERE filename = 'waits.png'")
    recover(shop)
    assert len(shop.store.forgetting.under_way()) == 1
    shop.drainer.recover()
    recover(shop)
    assert shop.store.forgetting.under_way() == []
    assert traces(shop.folders, "waits.png") == []


@pytest.mark.parametrize("dies", ["erase", "_rewrite_results", "conclude"])
def test_the_same_photo_dropped_anew_meanwhile_stays(
    shop: TheShop, monkeypatch: pytest.MonkeyPatch, dies: str
) -> None:
    """It lies where the other lay, with its bytes."""
    source = shop.drop("undone.png", tiny_photo("Shirts", 52))
    shop.recover_and_drain()
    shop.corrector.undo("undone.png", "Anna")
    begin_only(shop, "undone.png", monkeypatch, dies)
    assert not source.exists()
    shop.drop("undone.png", tiny_photo("Shirts", 52))
    recover(shop)
    assert shop.store.forgetting.under_way() == []
    assert source.exists()


def test_of_a_return_of_which_one_photo_is_in_use_the_others_may_come_anew(
    shop: TheShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Files, "_unlink", not_the_back)
        with pytest.raises(PhotoBusy):
            shop.forget("60521")
    (shop.sorted / "Tops").mkdir(exist_ok=True)
    (shop.sorted / "Tops" / FRONT).write_bytes(PHOTOS[FRONT])
    recover(shop)
    assert shop.store.forgetting.under_way() == []
    assert (shop.sorted / "Tops" / FRONT).exists()


# It finds what people moved


@pytest.mark.parametrize("state", ["duplicate", "quarantined", "removed"])
def test_a_file_that_was_moved_is_found_whatever_became_of_the_photo(
    shop: TheShop, state: str
) -> None:
    name = "RET-80001.png"
    data = {"quarantined": b"\x89PNG odd", "duplicate": PHOTOS[OTHER]}.get(
        state, tiny_photo("Shirts", 70)
    )
    shop.clock.advance(60)
    shop.drop(name, data)
    shop.recover_and_drain()
    (story,) = shop.store.history.stories(name)
    moved = shop.sorted / "elsewhere" / "named anew.png"
    moved.parent.mkdir()
    (shop.sorted / story.place).rename(moved)
    if state == "removed":
        shop.store.removals.remove([story.id], shop.clock.now())
    assert shop.store.history.stories(name)[0].state == state
    receipt = shop.forget(name)
    assert not moved.exists()
    assert (shop.sorted / "Shirts" / OTHER).exists()
    assert "file" not in {one.what for one in receipt.remains}


def test_a_moved_original_is_not_taken_for_its_duplicate(shop: TheShop) -> None:
    shop.clock.advance(60)
    shop.drop("copy.png", PHOTOS[OTHER])
    shop.recover_and_drain()
    (story,) = shop.store.history.stories("copy.png")
    (shop.sorted / story.place).unlink()
    moved = shop.sorted / "elsewhere" / "copy.png"
    moved.parent.mkdir()
    (shop.sorted / "Shirts" / OTHER).rename(moved)
    receipt = shop.forget("copy.png")
    assert moved.exists()
    (held,) = [one for one in receipt.remains if one.what == "file"]
    assert f"#{story.id}" in held.where


def test_a_file_that_is_nowhere_is_said_to_be_held_by_somebody(
    shop: TheShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shop.sorted / "Tops" / FRONT).unlink()
    with monkeypatch.context() as patch:
        patch.setattr(Forgetter, "erase", _refuse)
        with pytest.raises(FolderRefused):
            shop.forget("60521")
    (job,) = shop.store.forgetting.under_way()
    done = forgetting(shop, Reports(shop))._go_on(forgetter_of(shop).renewed(job), is_new=False)
    (held,) = [one for one in done.result().remains if one.what == "file"]
    assert f"#{job.photos[0].photo}" in held.where
    assert "60521" not in held.where
