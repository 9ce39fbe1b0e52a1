"""The table of the settings file that says whom people may ask."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from config.section import Section

_LONGEST = 100


def _one_line(text: str | None) -> str | None:
    if text is not None and not (text.strip() and text.isprintable() and len(text) <= _LONGEST):
        raise ValueError(f"must be readable text in one line, of at most {_LONGEST} characters")
    return text


def _address(text: str | None) -> str | None:
    name, at, domain = (_one_line(text) or "").partition("@")
    if text is not None and not (name and at and domain and " " not in text):
        raise ValueError("must be an address such as it@example.com")
    return text


class ContactSettings(Section):
    """Whom people ask: on every page, sign-in included, in reports, messages, lists, on cards."""

    name: Annotated[str | None, AfterValidator(_one_line)] = Field(
        None, description="A person, or a department.", examples=["IT service desk"]
    )
    phone: Annotated[str | None, AfterValidator(_one_line)] = Field(
        None, description="As people dial it.", examples=["+49 30 1234-567"]
    )
    email: Annotated[str | None, AfterValidator(_address)] = Field(
        None, description="Where they write to.", examples=["it@example.com"]
    )

    @property
    def line(self) -> str:
        """All of it in one line; empty where nothing is set."""
        return ", ".join(filter(None, (self.name, self.phone, self.email)))
