"""How right verdicts are, measured by what people said of them: answers, and shares of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from classifier.proportions import wilson
from daemon.domain.corrections import TELLING

# Standard deviations beyond which a share is below a promise. Somebody looks each day: of boxes
# that keep it just so, one in seven alarms falsely in a year (docs/decisions/0020-accuracy.md).
BEYOND_DOUBT = 3.29


@dataclass(frozen=True, slots=True)
class Answer:
    """A verdict, and a person's last word on it, if there is one."""

    guess: str
    status: str  # as in the results: filed ("success") or for a person to decide ("review")
    model: str
    day: str  # on which its run began, ISO 8601
    is_spot_check: bool  # chosen by lot among those filed without a look
    word: str | None = None
    said: str = ""  # the category that the person said

    @property
    def truth(self) -> str | None:
        """What it shows, as a person said; None while nobody has."""
        return self.said if self.word in TELLING and self.said else None


@dataclass(frozen=True, slots=True)
class Rate:
    """Of verdicts that were shown to people, how many they answered, and of those how many right.

    One that was left alone is no answer.
    """

    right: int = 0
    checked: int = 0
    shown: int = 0

    @property
    def share(self) -> float | None:
        """Right among checked, 0..1; None while nothing was checked."""
        return self.right / self.checked if self.checked else None

    @property
    def interval(self) -> tuple[float, float]:
        """In which the share of all lies, at 95 %."""
        return wilson(self.right, self.checked)

    @property
    def at_best(self) -> float:
        """The most that the share can be beyond doubt, if all that was left alone were right.

        People answer sooner where something is wrong: an alarm must not come of that.
        """
        wrong = self.checked - self.right
        return wilson(self.shown - wrong, self.shown, BEYOND_DOUBT)[1]

    def as_json(self) -> dict[str, Any]:
        """For programs and alerts."""
        low, high = self.interval
        share = self.share
        return {
            "right": self.right,
            "checked": self.checked,
            "shown": self.shown,
            "share": None if share is None else round(share, 4),
            "low": round(low, 4),
            "high": round(high, 4),
        }

    def __add__(self, other: Rate) -> Rate:
        """Both together."""
        return Rate(
            self.right + other.right, self.checked + other.checked, self.shown + other.shown
        )


def rate_of(answer: Answer) -> Rate:
    """One verdict as a rate."""
    truth = answer.truth
    return Rate(int(truth == answer.guess), int(truth is not None), 1)
