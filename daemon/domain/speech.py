"""How people are spoken to: sentences, counts, days and numbers of one language.

For what people read: reports, lists, workbooks, notes and alerts. What programs read and what
commands say is English, whatever `[reports] language` is. The sentences are in
`daemon/texts/<language>/<topic>.toml`; of a key such as `run.title` the first word is the topic,
which is read when its first sentence is asked for.
"""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from pathlib import Path

from config.catalogue import Texts, read_one
from config.units import certainty_unbroken, duration

TEXTS = Path(__file__).parents[1] / "texts"


class Speech:
    """One language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._topics: dict[str, Texts] = {}

    def __call__(self, key: str, /, **values: object) -> str:
        """The sentence of that key, filled in."""
        sentence = self.sentence(key)
        return sentence.format(**values) if values else sentence

    def many(self, key: str, number: int, /, **values: object) -> str:
        """The sentence about so many: `{n} photo waits|{n} photos wait`."""
        return self.sentence(key, number).format(n=self.number(number), **values)

    def count(self, number: int, noun: str) -> str:
        """So many of something, such as "1 duplicate" or "1,200 duplicates"."""
        return self.many(f"phrases.count.{noun}", number)

    def sentence(self, key: str, number: int | None = None) -> str:
        """The sentence as the catalogue has it; where it has two, the one about `number`."""
        topic, _, rest = key.partition(".")
        texts = self._topic(topic)
        return texts(rest) if number is None else texts.about(rest, number)

    def or_else(self, key: str, otherwise: str) -> str:
        """The sentence of that key, where there is one."""
        topic, _, rest = key.partition(".")
        return self._topic(topic).or_else(rest, otherwise)

    def keys_below(self, table: str) -> list[str]:
        """The keys of a table, such as `reasons.part`, in their order."""
        topic, _, rest = table.partition(".")
        return [
            f"{topic}.{key}" for key in self._topic(topic).catalogue if key.startswith(f"{rest}.")
        ]

    def _topic(self, topic: str) -> Texts:
        if topic not in self._topics:
            file = TEXTS / self.language / f"{topic}.toml"
            self._topics[topic] = read_one(file, self.language)
        return self._topics[topic]

    # --- numbers ---------------------------------------------------------------------------------

    def figures(self, written: str) -> str:
        """A number as English writes it, in the signs of this language."""
        signs = {",": self("dates.thousands"), ".": self("dates.point")}
        return "".join(signs.get(sign, sign) for sign in written)

    def number(self, value: float, digits: int = 0) -> str:
        """With thousands set apart."""
        return self.figures(f"{value:,.{digits}f}")

    def certainty(self, confidence: float | None) -> str:
        """A confidence in percent; no line ends before the sign."""
        return self.figures(certainty_unbroken(confidence or 0.0))

    def duration(self, seconds: float, digits: int = 1) -> str:
        """A time span."""
        return self.figures(duration(seconds, digits))

    # --- days ------------------------------------------------------------------------------------

    def when(self, pattern: str, at: date) -> str:
        """A day or moment; `pattern` is its key in `dates`, such as `moment`."""
        written = self(f"dates.{pattern}")
        return re.sub("%-?[A-Za-z]", lambda found: self._part(found[0], at), written)

    def _part(self, directive: str, at: date) -> str:
        match directive:
            case "%A":
                return self("dates.weekdays").split()[at.weekday()]
            case "%a":
                return self("dates.short_weekdays").split()[at.weekday()]
            case "%B":
                return self("dates.months").split()[at.month - 1]
            case "%b":
                return self("dates.short_months").split()[at.month - 1]
        return at.strftime(directive)


@cache
def speech(language: str) -> Speech:
    """How people are spoken to in that language."""
    return Speech(language)


ENGLISH = speech("en")
