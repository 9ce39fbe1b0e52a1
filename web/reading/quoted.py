"""What nightsort, or an error, says in English: again in the language of a page."""

from __future__ import annotations

from markupsafe import Markup, escape

from daemon.domain.speech import ENGLISH, speech
from daemon.domain.status_words import problem_again


def quoted(sentence: str, language: str) -> Markup:
    """For a page in that language; what is not known again is marked as the English that it is."""
    said = problem_again(sentence, speech(language))
    if said == sentence and language != ENGLISH.language:
        return Markup('<span lang="en">{}</span>').format(sentence)
    return escape(said)
