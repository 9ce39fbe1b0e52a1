"""What a clerk is told of what lies in incoming and is not sorted."""

from __future__ import annotations

import json

from daemon.domain.left_alone import Held, LeftAlone, from_json, sentences


def test_what_is_no_photo_is_told_by_name() -> None:
    three = LeftAlone(3, ("photos.zip", "list.pdf", "t/film.mov"))
    assert sentences(three) == ["3 things here are no photos: photos.zip, list.pdf and t/film.mov."]
    assert sentences(LeftAlone(1, ("a.zip",))) == ["1 thing here is no photo: a.zip."]


def test_of_many_the_first_are_named_and_the_others_counted() -> None:
    (text,) = sentences(LeftAlone(1200, tuple(f"{n}.zip" for n in range(20))))
    assert (
        text == "1,200 things here are no photos: 0.zip, 1.zip, 2.zip, 3.zip, 4.zip and 1,195 more."
    )


def test_what_is_still_written_to_is_told_with_how_long() -> None:
    (text,) = sentences(LeftAlone(held=(Held("return-1.jpg", 7380), Held("b.jpg", 61))))
    assert text.startswith("2 photos are still being written, or open in another program: ")
    assert "return-1.jpg (for 2 h 03 min) and b.jpg (for 1 min 01 s)." in text


def test_where_was_not_looked_is_told_with_the_reason() -> None:
    left = LeftAlone(unreadable={"o1/o2": "more than 64 folders deep: move it up"})
    assert sentences(left) == ["Not looked into: o1/o2 (more than 64 folders deep: move it up)."]


def test_nothing_is_told_of_nothing() -> None:
    assert sentences(LeftAlone()) == []
    assert from_json(None) == LeftAlone()


def test_it_is_the_same_after_json() -> None:
    left = LeftAlone(
        2, ("a.zip", "b"), {"x": "why"}, (Held("c.jpg", 90.0), Held("d.jpg", 9.0, "why"))
    )
    assert from_json(json.loads(json.dumps(left.as_json()))) == left
