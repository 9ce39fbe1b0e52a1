"""Time spans and confidences read the same everywhere."""

from __future__ import annotations

import pytest

from config.units import certainty, certainty_unbroken, duration


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.04, "0.0 s"),
        (5, "5.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (90, "1 min 30 s"),
        (3599.6, "1 h 00 min"),
        (45_296, "12 h 34 min"),
    ],
)
def test_a_time_span(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_what_is_only_guessed_has_no_tenths() -> None:
    assert duration(14.6, digits=0) == "15 s"
    assert duration(59.6, digits=0) == "1 min 00 s"


@pytest.mark.parametrize(
    ("confidence", "said"),
    [(0.0, "0.0 %"), (0.6449, "64.5 %"), (0.99949, "99.9 %"), (0.9996, "99.9 %"), (1.0, "99.9 %")],
)
def test_nothing_is_known_for_certain(confidence: float, said: str) -> None:
    assert certainty(confidence) == said
    assert certainty_unbroken(confidence) == said.replace(" ", "\N{NO-BREAK SPACE}")
