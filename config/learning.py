"""The table of the settings file about learning."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from config.section import Section


class LearningSettings(Section):
    """What is learnt from photos whose category a person said."""

    adopt: Literal["ask", "auto", "off"] = Field(
        "ask",
        description="What becomes of what is learnt by itself while nothing is sorted: "
        '"ask" tells how it compares, and a person adopts it; "auto" judges with it at once where '
        'it is better; "off" learns nothing by itself.',
    )
    new_examples: int = Field(
        20,
        ge=1,
        le=100_000,
        description="Corrections and decisions since the last lesson before one is learnt by "
        "itself.",
    )
    calm_minutes: float = Field(
        15.0,
        ge=0,
        le=10_080,
        description="Minutes after the last of them before it is: people often decide on many.",
    )
    examples_per_label: int = Field(
        20,
        ge=2,
        le=10_000,
        description="Photos that a new category needs before it is learnt.",
    )
    keep_versions: int = Field(
        10,
        ge=1,
        le=1000,
        description="Learnt versions that are kept; the oldest go first, never the one in use or "
        "the one before it.",
    )
