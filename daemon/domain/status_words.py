"""What keeps it from working, for the status: told in English, said again in people's language.

A sentence of our own is taken from the catalogue (`status.toml`), an error's is known again there.
What was quoted, as an operating system's word, stays as it is.
"""

from __future__ import annotations

import re
from typing import NewType

from daemon.domain.again import known, said_again, whole
from daemon.domain.left_alone import LeftAlone, listed, sentences, so_long
from daemon.domain.speech import ENGLISH, Speech

# One of the sentences that the catalogue has; no other way leads into the status.
Problem = NewType("Problem", str)
NO_PROBLEM = Problem("")

# Where such a sentence may stand: what errors say, and what they have from elsewhere.
_TABLES = ("status.problem", "status.setting", "reasons.recorded", "doctor.part")
_HELD = re.compile(r"(?P<name>.+?) \(for (?P<long>[\d., hmins]+)(: (?P<why>.+))?\)")


def problem(key: str, **values: object) -> Problem:
    """The sentence of that key."""
    return Problem(ENGLISH(f"status.problem.{key}", **values))


def problem_of(error: Exception) -> Problem:
    """What an error says; of the errors that are ours, the catalogue has all that reach it."""
    return Problem(str(error))


def problems_of(held: LeftAlone) -> list[Problem]:
    """Photos that cannot be taken."""
    return [Problem(sentence) for sentence in sentences(held)]


def problem_again(sentence: str, say: Speech) -> str:
    """The same problem in the language of `say`; a line each where there are several."""
    if "\n" in sentence:
        return "\n".join(problem_again(line, say) for line in sentence.splitlines())
    for table in _TABLES:
        if known(sentence, table):
            return said_again(sentence, say, table)
    return _held_again(sentence, say)


def _held_again(sentence: str, say: Speech) -> str:
    key, given = known(sentence, "phrases.left") or ("", {})
    if not key.endswith((".held", ".tried")):
        return sentence
    total = whole(given["n"])
    named = re.split(r"(?<=\)), |(?<=\)) and ", given["names"])
    if total > len(named) - 1 and re.fullmatch(r"[\d,]+ more", named[-1]):
        named.pop()
    names = listed([_one_again(one, say) for one in named], total, say)
    return say.many(key, total, names=names)


def _one_again(held: str, say: Speech) -> str:
    found = _HELD.fullmatch(held)
    if found is None:
        return held
    why = found["why"] and problem_again(found["why"], say)
    return so_long(found["name"], say.figures(found["long"]), why or "", say)
