"""What was said in English, said again in the language that people read.

Codes with English sentences beside them are recorded, and handed to programs; a report or a note
takes the sentence from there. It is known again by its English in the catalogue, with what was
filled in.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache

from daemon.domain.speech import ENGLISH, Speech

_PLACE = re.compile(r"{(\w+)}")
_NUMBER = re.compile(r"[\d,]+(\.\d+)?")
_AT = "%d %b %Y %H:%M"


def said_again(sentence: str, say: Speech, table: str) -> str:
    """The sentence in the language of `say`; `table` has it, such as `reasons.recorded`.

    One that is not in the table, as another version of nightsort may have recorded, stays as it is.
    """
    if say is ENGLISH:
        return sentence
    for key, pattern in _patterns(table):
        if found := pattern.fullmatch(sentence):
            given = found.groupdict().items()
            return say(key, **{name: _value(name, text, say, table) for name, text in given})
    return sentence


def _value(name: str, text: str, say: Speech, table: str) -> str:
    """What was filled in; a `part` is a sentence of its own, a number has this language's signs."""
    if name == "part":
        return said_again(text, say, f"{table.partition('.')[0]}.part")
    if name == "at":
        return say.when("plain_moment", datetime.strptime(text, _AT))  # noqa: DTZ007 - local, as said
    return say.figures(text) if _NUMBER.fullmatch(text) else text


@cache
def _patterns(table: str) -> list[tuple[str, re.Pattern[str]]]:
    """How the English sentences of a table are known again."""
    return [(key, _pattern(ENGLISH.sentence(key))) for key in ENGLISH.keys_below(table)]


def _pattern(sentence: str) -> re.Pattern[str]:
    texts = _PLACE.split(sentence)  # every other one is the name of a place to fill in
    parts = [_place(text) if at % 2 else re.escape(text) for at, text in enumerate(texts)]
    return re.compile("".join(parts), re.DOTALL)


def _place(name: str) -> str:
    what = r"\d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d" if name == "at" else ".+"
    return f"(?P<{name}>{what})"
