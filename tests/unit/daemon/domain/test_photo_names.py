"""Which names are photos', which say nothing, and which ask for a run."""

from __future__ import annotations

import pytest

from daemon.domain.photo_names import (
    has_photo_extension,
    is_nameless_kind,
    is_sidecar,
    may_be_photo,
)


@pytest.mark.parametrize(
    "name",
    ["a.jpg", "a.JPE", "a.jfif", "a.JIF", "DSC.HIF", "a.heics", "a.avif", "a.dib", "a.apng",
     "a.mpo", "t/a.TIFF", "a b.webp", "2026-11-25 at 10.44.55.jpeg"],
)  # fmt: skip
def test_every_extension_of_what_is_decoded_is_a_photos(name: str) -> None:
    assert has_photo_extension(name)
    assert may_be_photo(name)


@pytest.mark.parametrize(
    "name",
    ["IMG_0007", "return 60521", "WhatsApp Image 2026-11-25 at 10.44.55", "a.", "photo.jpg (2)",
     "shirt.jpg - Kopie", "t.1/IMG_0007"],
)  # fmt: skip
def test_a_name_without_an_extension_says_nothing(name: str) -> None:
    assert is_nameless_kind(name)
    assert may_be_photo(name)


@pytest.mark.parametrize("name", ["a.zip", "a.mov", "a.jpg.exe", "a.txt", "a.cr2", "a.mp4"])
def test_what_an_extension_calls_something_else_is_no_photo(name: str) -> None:
    assert not may_be_photo(name)


@pytest.mark.parametrize("name", ["RUN NOW", "run now", "Run Now."])
def test_a_request_for_a_run_is_no_photo(name: str) -> None:
    assert not may_be_photo(name)


def test_sidecars_belong_to_a_photo() -> None:
    assert is_sidecar("IMG_0001.AAE")
    assert not is_sidecar("IMG_0001.zip")
