"""What was unusual in a night, in words: photos are of one night, shares of all together."""

from __future__ import annotations

from typing import Any

import pytest

from config.catalogue import Language
from daemon.alerting.render_changes import change_told
from daemon.domain.speech import speech

VOLUME = {"what": "volume", "name": "", "now": 206, "usual": 431, "low": 240, "high": 760}
NONE = {"what": "no_arrivals", "name": "", "now": 0, "usual": 431, "low": 1, "high": 431}
BAGS = {"what": "mix", "name": "Bags", "now": 0.12, "usual": 0.06, "low": 0.03, "high": 0.09}


@pytest.mark.parametrize(
    ("change", "language", "end"),
    [
        (VOLUME | {"nights": 1}, "en", "206 instead of 431 (usual: 240 to 760)"),
        (VOLUME | {"nights": 4}, "en", ", on average of the last 4 nights"),
        (VOLUME | {"nights": 4}, "de", ", im Mittel der letzten 4 Nächte"),
        (NONE | {"nights": 1}, "en", "0 instead of 431"),
        (BAGS | {"nights": 7}, "en", ", in the last 7 nights together"),
        (BAGS | {"nights": 7}, "de", ", in den letzten 7 Nächten zusammen"),
    ],
)
def test_it_is_told_of_which_nights_a_figure_is(
    change: dict[str, Any], language: Language, end: str
) -> None:
    assert change_told(change, speech(language)).endswith(end)
