"""What was said in English, said again in the language that people read.

Codes with English sentences beside them are recorded, and handed to programs; a report or a note
takes the sentence from there. It is known again by its English in the catalogue, with what was
filled in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from functools import cache

from daemon.domain.speech import ENGLISH, Speech

_PLACE = re.compile(r"{(\w+)}")
_NUMBER = re.compile(r"[\d,]+(\.\d+)?")
_AT = "%d %b %Y %H:%M"
_DAY = "%d %b %Y"
# No sentence of ours is longer; looking at what others made up shall cost no time.
_LONGEST = 4000
# What these places hold, so that no other sentence is taken for theirs.
_WEEKDAY = r"[A-Z][a-z]{2} \d\d:\d\d"
_HOLDS = {
    "n": r"[\d,]+",
    "at": r"\d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d",
    "day": r"\d\d [A-Z][a-z]{2} \d{4}",
    "opens": _WEEKDAY,
    "closes": _WEEKDAY,
    "since": _WEEKDAY,
    "span": r"[\d hmins.]+",
    "storage": r"s3://\S+(?: at \S+)?",
}

# Sentences of their own, and where these stand.
_QUOTED = {"problem": "status.problem", "another": "status.problem"}


def said_again(sentence: str, say: Speech, table: str) -> str:
    """The sentence in the language of `say`; `table` has it, such as `reasons.recorded`.

    One that is not in the table, as another version of nightsort may have recorded, stays as it is.
    """
    if say is ENGLISH or (found := known(sentence, table)) is None:
        return sentence
    key, given = found
    number = given.pop("n", None)
    values = {name: _value(name, text, say, table) for name, text in given.items()}
    return say(key, **values) if number is None else say.many(key, whole(number), **values)


def known(sentence: str, table: str) -> tuple[str, dict[str, str]] | None:
    """Its key and what was filled in; None for one that is not in the table."""
    if len(sentence) > _LONGEST:
        return None
    for key, pattern in _patterns(table):
        if found := pattern.fullmatch(sentence):
            return key, found.groupdict()
    return None


def whole(number: str) -> int:
    """A number as English writes it."""
    return int(number.replace(",", ""))


def _value(name: str, text: str, say: Speech, table: str) -> str:
    """What was filled in; a number has this language's signs.

    A `part` is a sentence of its own; what is caused by a `problem` quotes it.
    """
    part = f"{table.partition('.')[0]}.part"
    if quoted := {"part": part, **_QUOTED}.get(name):
        return said_again(text, say, quoted)
    match name:
        case "settings":
            return "; ".join(_each_again(text.split("; "), say, "status.setting"))
        case "at":
            return say.when("plain_moment", datetime.strptime(text, _AT))  # noqa: DTZ007 - local, as said
        case "day":
            return say.when("plain_day", datetime.strptime(text, _DAY))  # noqa: DTZ007 - as said
        case "opens" | "closes" | "since":
            return _on_a_weekday(text, say)
    return say.figures(text) if _NUMBER.fullmatch(text) else _counted(text, say)


def _each_again(parts: list[str], say: Speech, table: str) -> Iterator[str]:
    """Sentences that were put in a row: each of as few parts as make one that is known."""
    while parts:
        some = ["; ".join(parts[:end]) for end in range(1, len(parts) + 1)]
        one = next((one for one in some if known(one, table)), parts[0])
        yield said_again(one, say, table)
        parts = parts[one.count("; ") + 1 :]


def _on_a_weekday(text: str, say: Speech) -> str:
    """Such as *Mon 02:00*."""
    weekday, _, hour = text.partition(" ")
    at = ENGLISH("dates.short_weekdays").split().index(weekday)
    return f"{say('dates.short_weekdays').split()[at]} {hour}"


def _counted(text: str, say: Speech) -> str:
    """Such as *1,200 photos*; whatever else it is stays as it is."""
    number, _, noun = text.partition(" ")
    if _NUMBER.fullmatch(number):
        count = int(float(number.replace(",", "")))
        for key in ENGLISH.keys_below("phrases.count"):
            if ENGLISH.sentence(key, count) == f"{{n}} {noun}":
                return say.many(key, count)
    return text


@cache
def _patterns(table: str) -> list[tuple[str, re.Pattern[str]]]:
    """How the English sentences of a table are known again."""
    return [
        (key, _pattern(form))
        for key in ENGLISH.keys_below(table)
        for form in ENGLISH.sentence(key).split("|")
    ]


def _pattern(sentence: str) -> re.Pattern[str]:
    texts = _PLACE.split(sentence)  # every other one is the name of a place to fill in
    parts = [_place(text) if at % 2 else re.escape(text) for at, text in enumerate(texts)]
    return re.compile("".join(parts), re.DOTALL)


def _place(name: str) -> str:
    return f"(?P<{name}>{_HOLDS.get(name, '.+?')})"
