"""What the doctor found, in the language that people read: kept in English, known again from it.

What comes from elsewhere (an operating system's word, a server's, a problem's sentence) stays as it
is.
"""

from __future__ import annotations

from dataclasses import replace

from daemon.domain.again import said_again
from daemon.domain.inspection import Found
from daemon.domain.speech import Speech


def found_again(found: Found, say: Speech) -> Found:
    """The same finding in the language of `say`."""
    return replace(
        found,
        area=said_again(found.area, say, "doctor.area"),
        what=_again(found.what, say, "doctor.found"),
        what_to_do=_again(found.what_to_do, say, "doctor.remedy"),
    )


def _again(sentence: str, say: Speech, table: str) -> str:
    """What is said of doubtful return ids is in a table of its own."""
    said = said_again(sentence, say, table)
    return said if said != sentence else said_again(sentence, say, "phrases.doubt")
