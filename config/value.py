"""The table of the settings file about what nightsort is worth."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from config.section import Section


class ValueSettings(Section):
    """What is assumed, or measured, where reports and `nightsort value` say what was saved."""

    seconds_by_hand: float = Field(
        30.0, ge=0, le=3600, description="Seconds in which a person sorts a photo by hand."
    )
    review_seconds: float = Field(
        46.0, ge=0, le=3600, description="Seconds that a photo takes which a person must decide."
    )
    check_seconds: float = Field(
        10.0, ge=0, le=3600, description="Seconds that a quick look at a filed photo takes."
    )
    measure: bool = Field(
        True,
        description="Have the page measure how long decisions and quick looks take, of whomever:"
        " the median of twelve weeks then stands for review_seconds and check_seconds.",
    )
    wage_per_hour: float | None = Field(
        None,
        ge=0,
        le=100_000,
        description="What an hour of work costs. Without it only hours are told, no money.",
        examples=[18.5],
    )
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = Field(
        "EUR", description="Currency of wage and cost, in three letters."
    )
    monthly_cost: float = Field(
        0.0,
        ge=0,
        le=1_000_000,
        description="What nightsort and its machine cost in a month; taken off the money saved.",
    )


UNSAID = ValueSettings()  # what holds where nobody has said anything else
