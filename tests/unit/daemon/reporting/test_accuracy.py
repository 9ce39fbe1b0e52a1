"""What people said, added up: by category, week and version, and guess against truth."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.accuracy import Answer, Rate
from daemon.domain.corrections import Word
from daemon.reporting.accuracy import added_up, in_words, unasked_words
from daemon.reporting.periods import Period

WEEKS = Period.week("2025-W42")
CATEGORIES = st.sampled_from(["Shirts", "Tops", "Watches"])
ANSWERS = st.lists(
    st.builds(
        Answer,
        guess=CATEGORIES,
        status=st.sampled_from(["success", "review"]),
        model=st.sampled_from(["fashion 1", "fashion 2"]),
        day=st.sampled_from(["2025-10-13", "2025-10-19", "2025-10-20"]),
        is_spot_check=st.booleans(),
        word=st.none() | st.sampled_from([*Word]),
        said=CATEGORIES,
    ),
    max_size=60,
)


@given(ANSWERS)
def test_each_table_adds_up_to_the_whole(answers: list[Answer]) -> None:
    made = added_up(WEEKS, answers)
    for rows in (made.by_category, made.by_week, made.by_version):
        assert sum((rate for _, rate in rows), Rate()) == made.filed
    assert made.filed.shown == sum(one.is_spot_check for one in answers)


@given(ANSWERS)
def test_every_mistake_stands_in_the_table_once(answers: list[Answer]) -> None:
    made = added_up(WEEKS, answers)
    wrong = Counter((one.guess, one.truth) for one in answers if one.truth not in (None, one.guess))
    assert {(guess, truth): photos for guess, truth, photos in made.mistakes} == wrong
    photos = [photos for _, _, photos in made.mistakes]
    assert photos == sorted(photos, reverse=True)


def test_what_people_correct_by_themselves_moves_no_share() -> None:
    found = Answer("Shirts", "success", "m", "2025-10-13", False, Word.DRAGGED, "Tops")
    made = added_up(WEEKS, [found])
    assert made.filed == Rate()
    assert "1 photo in the wrong folder" in unasked_words(made)
    assert unasked_words(added_up(WEEKS, [])) == ""


def test_a_rate_is_told_with_its_interval_and_what_it_rests_on() -> None:
    assert in_words(Rate(309, 312, 312)) == "99.0 % right (97.2–99.7), 312 checked"
    assert in_words(Rate(2, 2, 5)) == "100.0 % right (34.2–100.0), 2 checked, 3 left alone"
    assert in_words(Rate(0, 0, 5)) == "nobody has checked any of 5 yet"
    assert in_words(Rate()) == "nobody has checked any yet"
