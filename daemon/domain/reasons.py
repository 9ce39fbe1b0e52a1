"""Why a photo waits for a person, in words for people, and what they can do about it."""

from __future__ import annotations

from daemon.domain.again import said_again
from daemon.domain.speech import ENGLISH, Speech


def in_words(code: str, say: Speech = ENGLISH) -> str:
    """A reason in a few words."""
    return say.or_else(f"reasons.words.{code}", code.replace("_", " "))


def remedy(code: str, say: Speech = ENGLISH) -> str:
    """What to do about what could not be read."""
    return say.or_else(f"reasons.remedy.{code}", say("reasons.no_remedy"))


def recorded(sentence: str, say: Speech) -> str:
    """The sentence that is recorded beside a code, in the language of `say`."""
    return said_again(sentence, say, "reasons.recorded")
