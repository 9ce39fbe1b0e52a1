"""What the doctor found, in the language that people read: kept in English, known again from it.

What comes from elsewhere (an operating system's word, a server's) stays as it is.
"""

from __future__ import annotations

from dataclasses import replace

from daemon.domain.again import said_again
from daemon.domain.inspection import Found
from daemon.domain.speech import Speech
from daemon.domain.status_words import problem_again


def found_again(found: Found, say: Speech) -> Found:
    """The same finding in the language of `say`."""
    return replace(
        found,
        area=said_again(found.area, say, "doctor.area"),
        what=_again(found.what, say, "doctor.found"),
        what_to_do=_again(found.what_to_do, say, "doctor.remedy"),
    )


def _again(sentence: str, say: Speech, table: str) -> str:
    """What is said of doubtful return ids is in a table of its own, as what an error says is."""
    for said in (said_again(sentence, say, one) for one in (table, "phrases.doubt")):
        if said != sentence:
            return said
    return problem_again(sentence, say)
