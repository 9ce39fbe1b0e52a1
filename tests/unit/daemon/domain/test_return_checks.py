"""When a run's return ids are doubted, and what is said then."""

from __future__ import annotations

from daemon.domain.return_checks import MOST_CATEGORIES, MOST_PHOTOS, Doubt, ReturnCount, doubts


def named(number: int, photos: int = 1, categories: int = 1) -> ReturnCount:
    return ReturnCount(str(number), photos, categories, f"return-{number}_front.jpg")


def nameless(photos: int) -> ReturnCount:
    return ReturnCount("", photos, 1, "DSC_0001.JPG")


def test_usual_returns_are_not_doubted() -> None:
    assert doubts([named(1, MOST_PHOTOS, MOST_CATEGORIES), named(2), nameless(3)], 12) == []


def test_a_return_with_too_many_photos_is_told_with_an_example_and_the_remedy() -> None:
    (doubt,) = doubts([ReturnCount("20251013", 39, 5, "return_20251013_001.jpg")], 39)
    assert doubt.text == (
        "the return 20251013 has 39 photos in 5 categories, such as return_20251013_001.jpg"
    )
    assert "[returns] pattern" in doubt.remedy


def test_a_return_in_too_many_categories_is_told_although_it_has_few_photos() -> None:
    (doubt,) = doubts([named(1, 4, MOST_CATEGORIES + 1)], 4)
    assert doubt.text.startswith("the return 1 has 4 photos in 4 categories")


def test_that_most_photos_name_no_return_is_told_with_an_example_and_the_remedy() -> None:
    (doubt,) = doubts([nameless(6), named(1, 5)], 11)
    assert doubt.text == "6 of 11 photos name no return, such as DSC_0001.JPG"
    assert "return-60521_front.jpg" in doubt.remedy
    assert "[returns] pattern" in doubt.remedy


def test_of_half_the_photos_and_of_a_handful_nothing_is_concluded() -> None:
    assert doubts([nameless(6), named(1, 6)], 12) == []
    assert doubts([nameless(4)], 4) == []


def test_of_many_doubtful_returns_the_largest_are_named_and_the_others_counted() -> None:
    found = doubts([named(number, number) for number in range(10, 15)], 60)
    assert [doubt.text.split()[2] for doubt in found[:3]] == ["14", "13", "12"]
    assert found[3] == Doubt("2 more returns like these", found[0].remedy)
