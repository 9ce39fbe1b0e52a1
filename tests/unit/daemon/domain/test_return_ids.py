"""Which return a file name names, in a table: what departments write, and what cameras do."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.return_ids import (
    day_beside,
    day_of,
    keys_meant,
    label_id,
    reader_of,
    recorded_key,
    return_id,
    return_key,
)

NAMED = {
    # a day and a counter
    "return_20251013_001.jpg": "20251013-001",
    "RET-20251013-001.JPG": "20251013-001",
    "ret 20251013 1 front.jpg": "20251013-001",
    "ret_20251013_1_2.jpg": "20251013-001",
    "returns-20251013001.jpg": "20251013-001",
    "ret 20251013 000012.jpg": "20251013-012",
    "return 2025-10-13 1.jpg": "20251013-001",
    "return 2025.10.13 12b.jpg": "20251013-012",
    "Retoure 13.10.2025 002 vorne.jpg": "20251013-002",
    "20251013-001_front.jpg": "20251013-001",
    "RT-2025-00123.jpg": "2025-123",
    "RMA-25-00123.jpg": "25-123",
    "ret_251013_001.jpg": "251013-001",
    # a number of its own
    "return-60521_front.jpg": "60521",
    "return-60521_2.jpg": "60521",
    "return-60521a.jpg": "60521",
    "return-0060521 (1).jpg": "60521",
    "Return-60521 - Copy.jpg": "60521",
    "Return-60521 - Kopie (2).jpg": "60521",
    "return-1.jpg": "1",
    "return 7 back.jpg": "7",
    "return-60521.front.jpg": "60521",
    "Return 60521.jpg.jpg": "60521",
    "return%2060552.jpg": "60552",
    "return-60521 blue shirt.jpg": "60521",
    "RMA#60521.jpg": "60521",
    "rma60521.heic": "60521",
    "RMA-AB012345.jpg": "AB12345",
    "RT60521b.png": "60521",
    "R60521.jpg": "60521",
    "RTN 60521": "60521",
    "60521.jpg": "60521",
    "60521_front.jpg": "60521",
    "60521 (3).jpg": "60521",
    "60521 blue shirt.jpg": "60521",
    "4711-back-2.jpg": "4711",
    "4711 shirt.jpg": "4711",
    "60521 return.jpg": "60521",
    "2026-11-25 return 60552.jpg": "60552",
    "return 2026-11-25 60552.jpg": "60552",
    "IMG_1234 return 60552.jpg": "60552",
    # in German and elsewhere
    "Retoure Nr. 60521 Rückseite.jpg": "60521",
    "Retourennummer_60521.jpg": "60521",
    "Rücksendung 60521-2.jpg": "60521",
    "RÜCK_60521_hinten.jpg": "60521",
    "rueck60521.jpg": "60521",
    "Rückläufer 60521.jpg": "60521",
    "60521_rück_2.jpg": "60521",
    "60521 Rückseite 2.jpg": "60521",
    "devolución 60521.jpg": "60521",
    "zwrot_60521.jpg": "60521",
    # as keyboards and systems write it
    "ＲＭＡ６０５２１.jpg": "60521",
    "return–60521—front.jpg": "60521",
    "return\N{NO-BREAK SPACE}60521.jpg": "60521",
}

NOT_NAMED = (
    "return.jpg", "return_20251013.jpg", "return_20251013_front.jpg", "return 3 shirts.jpg",
    "return_20251013_101530.jpg", "return_20251013_101530123.jpg", "return_20251013101530.jpg",
    "return_202510131015.jpg", "return 2025-10-13 10.15.30.jpg", "return IMG_1234.jpg",
    "return IMG1234.jpg", "return_000.jpg", "IMG_20251013_101530_return.jpg",
    "IMG_1234.JPG", "IMG_E1234.JPG", "IMG_1234 (2).JPG", "DSC_0001.JPG", "_DSC0001.JPG",
    "DSC00001.JPG", "DSCN0001.JPG", "DSCF1234.JPG", "P1010001.JPG", "R0012345.JPG", "SAM_1234.JPG",
    "100_0001.JPG", "CIMG1234.JPG", "MVI_1234.jpg", "GOPR0001.JPG", "GH010001.JPG",
    "PXL_20251013_101530123.jpg", "PXL_20251013_101530123.MP.jpg", "MVIMG_20251013_101530.jpg",
    "IMG_20251013_101530.jpg", "IMG_20251013_101530_HDR.jpg", "IMG_20251013_101530_BURST001.jpg",
    "20251013_101530.jpg", "20251013_101530(0).jpg", "20251013_101530_001.jpg",
    "IMG-20251013-WA0001.jpg", "WhatsApp Image 2026-11-25 at 10.44.55.jpeg",
    "WhatsApp Image 2026-11-25 at 10.44.55 (1).jpeg", "Screenshot_20251013-101530.png",
    "Screenshot 2025-10-13 at 10.15.30.png", "Bildschirmfoto 2025-10-13 um 10.15.30.png",
    "signal-2025-10-13-101530.jpg", "signal-2025-10-13-10-15-30-123.jpg",
    "photo_2025-10-13_10-15-30.jpg", "Foto 13.10.25, 10 15 30.jpg", "2025-10-13 10.15.30.jpg",
    "2025-10-13.jpg", "20251013.jpg", "13102025.jpg", "13.10.2025.jpg", "251013.jpg", "2025.jpg",
    "0001.jpg", "00001.jpg", "image0.jpeg", "Image (1).jpg", "WP_20131013_001.jpg",
    "FB_IMG_1697184000000.jpg", "received_123456789012345.jpeg", "mmexport1697184000000.jpg",
    "1697184000.jpg", "1697184000000.jpg", "70123456_101597123456_n.jpg", "Snapchat-123456789.jpg",
    "CamScanner 10-13-2025 10.15.jpg", "Adobe Scan 13.10.2025.jpg", "Scan_20251013.png",
    "3f2504e0-4f89-11d3-9a0c-0305e82c3301.jpg", "12345678-4f89-11d3-9a0c-0305e82c3301.jpg",
    "60521a1b2c3d4e5f.jpg", "RETOUCH_20251013.jpg", "secret 60521.jpg", "artikel 60521.jpg",
    "shirt 42.jpg", "Nike Air Max 2021.jpg", "café.jpg", ".jpg", "",
)  # fmt: skip


@pytest.mark.parametrize(("name", "expected"), NAMED.items())
def test_a_name_that_a_department_writes_gives_its_return(name: str, expected: str) -> None:
    assert return_id(name) == expected
    assert return_id(unicodedata.normalize("NFD", name)) == expected
    assert return_id(name.upper()) == expected
    assert return_id(name.lower()) == expected


@pytest.mark.parametrize("name", NOT_NAMED)
def test_what_a_camera_or_a_calendar_writes_is_no_return(name: str) -> None:
    assert return_id(name) == ""
    assert return_id(name.upper()) == ""


@pytest.mark.parametrize("expected", sorted({*NAMED.values()}))
def test_a_return_id_is_read_from_a_name_as_it_was_recorded(expected: str) -> None:
    assert return_id(f"return-{expected}.jpg") == expected
    assert return_key(expected) in keys_meant(expected)


@pytest.mark.parametrize(
    "typed",
    ["20251013-001", "20251013_1", "RET-20251013-001", "ret 20251013 1 front", "20251013001",
     "Retoure 2025-10-13 001", "return_20251013_001.jpg"],
)  # fmt: skip
def test_a_return_is_meant_by_any_of_its_spellings(typed: str) -> None:
    assert return_key("20251013-001") in keys_meant(typed)


@pytest.mark.parametrize("typed", ["60521", "0060521", "#60521", "return-60521", "RMA 60521"])
def test_a_number_is_meant_with_and_without_its_word_and_zeros(typed: str) -> None:
    assert keys_meant(typed)[0] == return_key("60521")


@pytest.mark.parametrize(
    ("typed", "day"),
    [
        ("return_20251101_10051", "20251101"),
        ("return_20251101_10051_front.jpg", "20251101"),
        ("Retoure 01.11.2025 10051 vorne", "20251101"),
        ("20251101_10051", "20251101"),
        ("return_20251101_001", ""),  # the day is part of the id
        ("20251101_123456 return 60552", ""),  # a camera's
        ("return-60521", ""),
        ("return_20251101", ""),
        ("return_20251101_123456", ""),  # a time
    ],
)
def test_a_day_beside_a_returns_own_number_is_known(typed: str, day: str) -> None:
    assert day_beside(typed) == day


def test_a_day_says_nothing_of_an_id_that_a_pattern_of_ones_own_found() -> None:
    name = "return_20251101_10051_order-77.jpg"
    assert day_of(name, return_key("10051")) == "20251101"
    assert day_of(name, return_key("77")) == ""


def test_two_returns_have_two_keys() -> None:
    keys = [return_key(known) for known in ("60521", "60522", "20251013-001", "AB12345", "25-123")]

    assert len({*keys}) == len(keys)


@pytest.mark.parametrize("typed", ["RX/000123", "rx 123", "rx_0123", "Return RX-123"])
def test_an_id_of_a_pattern_of_ones_own_is_meant_by_its_spellings_too(typed: str) -> None:
    assert return_key("RX-000123") in keys_meant(typed)


def test_a_photo_recorded_under_its_date_is_found_by_its_return_too() -> None:
    assert recorded_key("return_20251013_001.jpg", "20251013") == return_key("20251013-001")
    assert recorded_key("return-1.jpg", "") == return_key("1")
    assert recorded_key("return-0060521.jpg", "0060521") == return_key("60521")
    assert recorded_key("IMG_1234.jpg", "1234") == return_key("1234")


def test_a_photo_recorded_by_a_pattern_of_ones_own_is_found_by_that() -> None:
    assert recorded_key("return-60521_order-77.jpg", "77") == return_key("77")


def test_a_pattern_gives_its_first_group() -> None:
    order = reader_of("order-([0-9]+)?")

    assert order("return-60521_order-77.jpg") == "77"
    assert order("order-.jpg") == ""
    assert order("return-60521.jpg") == ""


@given(st.text())
def test_any_text_gives_an_id_or_none_and_never_fails(text: str) -> None:
    found = return_id(text)

    assert found == "" or return_id(f"return-{found}.jpg") == found
    assert all(keys_meant(text))
    assert return_key(return_key(text)) == return_key(text)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([(0, "RET-20251013-001")], "20251013-001"),
        ([(0, "https://shop.example/returns/60521?lang=de")], "60521"),
        ([(1, "60521")], "60521"),
        ([(1, "LPNHE1234567")], "LPNHE1234567"),
        ([(2, "4006381333931")], "4006381333931"),
        ([(2, "4006381333931"), (1, "60521")], "60521"),  # the label before the article
        ([(2, "4006381333931"), (0, "https://brand.example/care")], "4006381333931"),
        ([(0, "A-4711"), (1, "RMA-60521")], "60521"),  # what speaks of a return comes first
        ([(0, "RET-1"), (0, "RET-2")], ""),  # two returns in one photo: which?
        ([(0, "RET-60521"), (1, "ret 60521")], "60521"),
        ([(0, "https://brand.example/care")], ""),
        ([(0, "Please call back.")], ""),
        ([(1, "20251013")], ""),
        ([(0, "=1+1")], ""),
        ([], ""),
    ],
)  # fmt: skip
def test_labels_in_a_photo_name_one_return_or_none(
    labels: list[tuple[int, str]], expected: str
) -> None:
    assert label_id(labels, return_id) == expected
