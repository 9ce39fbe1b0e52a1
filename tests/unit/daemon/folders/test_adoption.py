"""Whether a folder is the one that was adopted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.folders.adoption import (
    Adopted,
    Folder,
    ForbiddenError,
    Owner,
    UnavailableError,
    judge,
    marker_text,
    owner_of,
)
from daemon.folders.mount_identity import Home

ME = Owner("11111111aaaa", "sorted")
LABEL = "sorted_dir /srv/sorted"
HOME = Home("//nas/photos", "cifs", "", "/sorted", 70_000)
ADOPTED = Adopted(HOME, has_marker=True)
MINE = Folder(HOME, device=42, marker=marker_text(ME), is_writable=True)
BARE = replace(MINE, marker=None)
LOCAL = Home("/dev/vda1", "ext4", "", "/mnt/sorted", 90_000)


def test_folder_with_our_marker_where_it_was_is_used() -> None:
    assert judge(LABEL, ME, ADOPTED, MINE) == "use"


def test_new_folder_is_marked() -> None:
    assert judge(LABEL, ME, None, BARE) == "mark"


def test_folder_that_carries_our_marker_already_is_adopted_again() -> None:
    assert judge(LABEL, ME, None, MINE) == "use"


def test_marker_deleted_by_hand_is_put_back() -> None:
    assert judge(LABEL, ME, ADOPTED, BARE) == "mark"


def test_marker_that_was_damaged_is_put_back() -> None:
    assert judge(LABEL, ME, ADOPTED, replace(MINE, marker="")) == "mark"


def test_folder_on_another_mount_is_unavailable_even_with_our_marker() -> None:
    for folder in (replace(MINE, home=LOCAL), replace(BARE, home=LOCAL)):
        with pytest.raises(UnavailableError) as caught:
            judge(LABEL, ME, ADOPTED, folder)
        assert "/dev/vda1 (ext4)" in str(caught.value)
        assert "//nas/photos (cifs)" in str(caught.value)
        assert "nightsort doctor --adopt" in str(caught.value)


def test_folder_without_marker_that_may_be_another_is_unavailable() -> None:
    with pytest.raises(UnavailableError, match=r"\.nightsort is missing.*doctor --adopt"):
        judge(LABEL, ME, ADOPTED, replace(BARE, home=replace(HOME, inode=70_001)))


def test_folder_that_was_moved_on_its_disk_is_known_by_its_marker() -> None:
    moved = replace(HOME, inner="/filed", inode=5)
    assert judge(LABEL, ME, ADOPTED, replace(MINE, home=moved)) == "use"


@pytest.mark.parametrize("adopted", [None, ADOPTED])
def test_folder_of_another_nightsort_is_unavailable(adopted: Adopted | None) -> None:
    theirs = replace(MINE, marker=marker_text(Owner("22222222bbbb", "sorted")))
    with pytest.raises(UnavailableError, match=r"another nightsort \(22222222.*11111111"):
        judge(LABEL, ME, adopted, theirs)


@pytest.mark.parametrize("adopted", [None, ADOPTED])
def test_folder_that_we_use_for_something_else_is_unavailable(adopted: Adopted | None) -> None:
    swapped = replace(MINE, marker=marker_text(Owner(ME.instance, "incoming")))
    with pytest.raises(UnavailableError, match="adopted as incoming_dir"):
        judge(LABEL, ME, adopted, swapped)


def test_marker_of_nobodys_in_a_new_folder_is_not_overwritten() -> None:
    with pytest.raises(UnavailableError, match="no nightsort wrote"):
        judge(LABEL, ME, None, replace(MINE, marker="dear diary"))


def test_folder_that_had_no_marker_goes_without_while_it_stays_where_it_is() -> None:
    unmarked = Adopted(HOME, has_marker=False)
    assert judge(LABEL, ME, unmarked, BARE) == "use"
    with pytest.raises(UnavailableError):
        judge(LABEL, ME, unmarked, replace(BARE, home=replace(HOME, inner="/other")))
    with pytest.raises(UnavailableError):
        judge(LABEL, ME, unmarked, replace(BARE, home=LOCAL))


def test_only_incoming_may_be_read_only() -> None:
    with pytest.raises(ForbiddenError, match="may not be written"):
        judge(LABEL, ME, ADOPTED, replace(MINE, is_writable=False))
    incoming = Owner(ME.instance, "incoming")
    folder = replace(MINE, is_writable=False, marker=marker_text(incoming))
    assert judge("incoming_dir /x", incoming, ADOPTED, folder) == "use"


def test_a_marker_tells_its_owner() -> None:
    assert owner_of(marker_text(ME)) == ME


@given(st.none() | st.text() | st.sampled_from(["[]", "{}", "1", '{"instance": 1, "folder": 2}']))
def test_whatever_else_lies_there_has_no_owner(text: str | None) -> None:
    assert owner_of(text) is None
