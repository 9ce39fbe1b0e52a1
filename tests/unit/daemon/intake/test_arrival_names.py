"""What a photo that was sent is called in incoming: never a path, always a photo's name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.containers import Format
from config.junk import JUNK
from daemon.domain.photo_names import has_photo_extension
from daemon.domain.request_names import is_request_name
from daemon.folders.names import NAME_BYTES, safe_name
from daemon.intake.arrivals import arrival_name
from daemon.intake.screening import Screening

SCREENING = Screening(JUNK)


@pytest.mark.parametrize(
    ("sent", "called"),
    [
        ("return_60521_front.jpg", "return_60521_front.jpg"),
        ("Gürtel 日本.JPG", "Gürtel 日本.JPG"),
        ("../../etc/passwd", "passwd.jpg"),
        ("C:\\Users\\anna\\a.png", "a.png"),
        ("/abs/b.jpeg", "b.jpeg"),
        ("", "photo.jpg"),
        ("..", "photo.jpg"),
        (".hidden.jpg", "hidden.jpg"),
        (".nightsort-1.part", "nightsort-1.part.jpg"),
        ("shirt", "shirt.jpg"),
        ("shirt.txt", "shirt.txt.jpg"),
        ("RUN NOW", "RUN NOW.jpg"),
        ("~$draft.jpg", "photo.jpg"),
        ("con.jpg", "_con.jpg"),
        ("a\0b\n\u202egpj.jpg", "a_b__gpj.jpg"),
        ("a:b*?.jpg", "a_b__.jpg"),
    ],
)
def test_a_name_is_kept_where_it_can_be_and_made_one_where_not(sent: str, called: str) -> None:
    assert arrival_name(sent, Format.JPEG, SCREENING) == called


def test_the_content_says_which_extension_is_missing() -> None:
    assert arrival_name("x", Format.HEIC, SCREENING) == "x.heic"
    assert arrival_name("x", Format.MPO, SCREENING) == "x.jpg"
    assert arrival_name("x.png", Format.JPEG, SCREENING) == "x.png"


@given(st.text(max_size=300))
def test_every_name_is_one_that_the_watcher_takes_and_any_disk_holds(sent: str) -> None:
    name = arrival_name(sent, Format.JPEG, SCREENING)
    assert safe_name(name) == name
    assert has_photo_extension(name)
    assert not SCREENING.is_junk(name)
    assert not is_request_name(name)
    assert len(name.encode()) <= NAME_BYTES
    assert "/" not in name
    assert "\\" not in name
