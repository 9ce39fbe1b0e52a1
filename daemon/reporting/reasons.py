"""The codes of reasons in words for people, and what to do about each."""

from __future__ import annotations

from classifier.verdict import Reason
from config.errors import PhotoProblem

REMEDIES: dict[str, str] = {
    PhotoProblem.CORRUPT: "Photograph the item again.",
    PhotoProblem.TRUNCATED: "Copy the photo once more, or photograph the item again.",
    PhotoProblem.NOT_AN_IMAGE: "If it is a picture, save it as JPEG; other files belong elsewhere.",
    PhotoProblem.TOO_LARGE: "Save it smaller, or photograph the item with a lower resolution.",
    PhotoProblem.UNREADABLE: "Ask the administrator for the file's access rights.",
    PhotoProblem.CRASHES_DECODER: "Photograph the item again, and tell the administrator.",
}
OTHER_REMEDY = "Photograph the item again."

_WORDS: dict[str, str] = {
    PhotoProblem.CORRUPT: "damaged",
    PhotoProblem.TRUNCATED: "cut off: its end is missing",
    PhotoProblem.NOT_AN_IMAGE: "not a photo that can be read",
    PhotoProblem.TOO_LARGE: "too large",
    PhotoProblem.UNREADABLE: "nobody may read it",
    PhotoProblem.CRASHES_DECODER: "it crashes the program",
    Reason.UNSURE: "unsure between two categories",
    Reason.UNKNOWN: "none of the known categories",
    Reason.TOO_DARK: "too dark",
    Reason.TOO_BLURRED: "blurred",
    Reason.TOO_SMALL: "too small",
}


def in_words(code: str) -> str:
    """A reason as people read it."""
    return _WORDS.get(code, code.replace("_", " "))
