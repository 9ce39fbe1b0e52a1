"""What nightsort says in English is said in the language of a page, or marked as English."""

from __future__ import annotations

from daemon.domain.status_words import problem
from web.reading.quoted import quoted


def test_what_is_known_is_said_in_the_language_of_the_page() -> None:
    assert quoted(problem("hangs"), "de").startswith("das Sortieren steht seit einer Weile")
    assert str(quoted(problem("hangs"), "en")) == problem("hangs")


def test_what_is_not_known_is_marked_as_english() -> None:
    assert quoted("the <moon> is full", "de") == '<span lang="en">the &lt;moon&gt; is full</span>'
    assert quoted("the <moon> is full", "en") == "the &lt;moon&gt; is full"
