"""The keys of the review, as its help and the printed card list them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Key:
    """One key, or those that do alike."""

    caps: tuple[str, ...]
    text: str  # what it does, in the catalogues
    joint: str = ""  # what stands between them


KEYS = (
    Key(("Enter",), "review.key_agree"),
    Key(("1", "9"), "review.key_number", "\N{EN DASH}"),
    Key(("A", "Y"), "review.key_letter", "\N{EN DASH}"),
    Key(("R",), "review.key_retake"),
    Key(("Z",), "review.key_undo"),
    Key(("\N{LEFTWARDS ARROW}", "\N{RIGHTWARDS ARROW}"), "review.key_arrows", " "),
    Key(("?",), "review.key_help"),
)
