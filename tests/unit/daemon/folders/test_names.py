from __future__ import annotations

import unicodedata

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from daemon.folders.names import compare_key, numbered, safe_folder, safe_name, with_suffix

# What a share may come up with: any characters, and bytes that are no characters at all.
hostile = st.one_of(
    st.text(min_size=1, max_size=300),
    st.binary(min_size=1, max_size=300).map(lambda b: b.decode("utf-8", "surrogateescape")),
    st.from_regex(r"(?i)(con|nul|com1|lpt9|aux)( *)(\.[a-z]{1,4})*[. ]*", fullmatch=True),
)
FORBIDDEN = set('<>:"/\\|?*') | {chr(c) for c in range(32)} | {"\x7f"}
RESERVED = {"con", "prn", "aux", "nul", "conin$", "conout$"} | {
    f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789¹²³"
}


def is_legal_everywhere(name: str) -> bool:
    return (
        0 < len(name.encode()) <= 255  # raises for undecodable bytes
        and not FORBIDDEN & set(name)
        and name[-1] not in " ."
        and name.split(".", maxsplit=1)[0].rstrip(" ").lower() not in RESERVED
        and unicodedata.is_normalized("NFC", name)
    )


@given(hostile)
@example("\udcff\u0301.jpg")
@example("a" * 254 + " .jpg")
@example("a" * 251 + ".con")
@example("é" * 200 + ".jpg")
@example("😀" * 100)
@example("..")
@example("con .jpg")
def test_any_name_becomes_legal_everywhere(name: str) -> None:
    assert is_legal_everywhere(safe_name(name))


@given(hostile)
def test_a_safe_name_stays_as_it_is(name: str) -> None:
    assert safe_name(safe_name(name)) == safe_name(name)


usual = st.text(st.characters(categories=["L", "M", "N", "P", "S", "Zs"]), min_size=1)


@given(usual.filter(is_legal_everywhere))
@example("IMG_0001.JPG")
@example("rückgabe 12 (rot).jpeg")
@example(".hidden.jpg")
@example("=2+2.jpg")
def test_a_legal_name_is_kept(name: str) -> None:
    assume(not name.lower().startswith(".nightsort"))
    assert safe_name(name) == name


@pytest.mark.parametrize(
    ("original", "safe"),
    [
        ("CON.jpg", "_CON.jpg"),
        ("com1", "_com1"),
        ("nul.tar.gz", "_nul.tar.gz"),
        ("console.jpg", "console.jpg"),
        ("shirt.jpg. ", "shirt.jpg"),
        ("10:30 front?.jpg", "10_30 front_.jpg"),
        ("=cmd|'/C calc'!A0.jpg", "=cmd_'_C calc'!A0.jpg"),
        ("a\nb\x1b[31m.jpg", "a_b_[31m.jpg"),
        ("invoice\u202egpj.exe", "invoice_gpj.exe"),
        ("caf\udce9.jpg", "caf_.jpg"),
        ("cafe\u0301.jpg", "caf\u00e9.jpg"),
        ("...", "_"),
        (".nightsort", "_.nightsort"),
        (".Nightsort-7.part", "_.Nightsort-7.part"),
    ],
)
def test_what_is_not_legal_is_replaced(original: str, safe: str) -> None:
    assert safe_name(original) == safe


def test_a_name_that_is_too_long_keeps_its_extension() -> None:
    cut = safe_name("ß" * 200 + ".jpeg")
    assert cut.endswith("ß.jpeg")
    assert 254 <= len(cut.encode()) <= 255


def test_a_disk_with_a_lower_limit_is_respected() -> None:
    assert len(safe_name("x" * 300 + ".jpg", limit=143)) == 143


@given(hostile, st.integers(2, 10_000))
def test_a_numbered_name_is_legal_and_another_one(name: str, number: int) -> None:
    safe = safe_name(name)
    other = numbered(safe, number)
    assert is_legal_everywhere(other)
    assert other != safe
    assert f" ({number})" in other


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("shirt.jpg", "shirt (2).jpg"),
        ("shirt", "shirt (2)"),
        (".jpg", ".jpg (2)"),
        ("v1. front of it", "v1. front of it (2)"),
        ("a.b.png", "a.b (2).png"),
    ],
)
def test_the_number_stands_before_the_extension(name: str, expected: str) -> None:
    assert numbered(name, 2) == expected


@given(hostile)
@example("_review")
@example("_QUARANTINE")
@example("_Duplicates.")
@example("../../etc")
def test_a_category_becomes_one_folder_that_is_not_one_of_our_own(category: str) -> None:
    folder = safe_folder(category)
    assert is_legal_everywhere(folder)
    assert not folder.startswith(".")
    assert compare_key(folder) not in ("_review", "_duplicates", "_quarantine")


def test_a_usual_category_is_its_own_folder() -> None:
    assert safe_folder("Tshirts") == "Tshirts"
    assert safe_folder("Shirts/Tops") == "Shirts_Tops"


@given(hostile)
def test_a_reason_always_fits_beside_its_photo(name: str) -> None:
    reason = with_suffix(safe_name(name), ".reason.txt")
    assert reason.endswith(".reason.txt")
    assert is_legal_everywhere(reason)


@given(st.text(min_size=1, max_size=3), st.text(min_size=1, max_size=3))
def test_two_long_names_that_begin_alike_have_a_reason_each(one: str, other: str) -> None:
    names = {safe_name("a" * 246 + end + ".jpg") for end in (one, other)}
    assert len({with_suffix(name, ".reason.txt") for name in names}) == len(names)


def test_names_that_a_share_takes_for_one_compare_equal() -> None:
    assert compare_key("SHIRT.JPG") == compare_key("shirt.jpg")
    assert compare_key("Cafe\u0301") == compare_key("caf\u00e9")
    assert compare_key("shirt") != compare_key("skirt")
