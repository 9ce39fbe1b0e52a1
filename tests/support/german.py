"""What is English on a German page."""

from __future__ import annotations

import re
from html import unescape

WORDS = re.compile(r"(?<!-)\b(the|of|and|you|your|is|are|to|by|from|with|for|this|it|photos?)\b")
# What people do not read, and what is the same in any language: commands, values, names.
_LEFT_OUT = re.compile(r"<(script|style|code|samp|bdi)\b.*?</\1>", re.DOTALL)


def english_in(page: str) -> list[str]:
    """Every text of it that is marked as English, or has a word that only English has."""
    texts = re.split(r"<[^>]*>", _LEFT_OUT.sub(" ", page))
    attributes = re.findall(r'\b(?:aria-label|title|placeholder|alt|data-says-\w+)="([^"]*)"', page)
    read = (" ".join(unescape(text).split()) for text in (*texts, *attributes))
    marked = re.findall(r'<\w+[^>]*\blang="en"[^>]*>([^<]*)', page)
    return [*marked, *(text for text in read if WORDS.search(text.lower()))]
