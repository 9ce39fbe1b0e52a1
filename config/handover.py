"""The table of the settings file about handing over to other systems."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from config.section import Section
from config.upkeep import web_address


def _long_enough(secret: SecretStr | None) -> SecretStr | None:
    if secret is not None and len(secret.get_secret_value()) < 16:
        raise ValueError("must have at least 16 characters")
    return secret


class HandoverSettings(Section):
    """Telling another system what became of the returns."""

    webhook: Annotated[SecretStr | None, AfterValidator(web_address)] = Field(
        None,
        description="Called once for each run that was closed, and for each later change; what it "
        "gets says docs/handover.md.",
        examples=["https://erp.example.com/nightsort"],
    )
    secret: Annotated[SecretStr | None, AfterValidator(_long_enough)] = Field(
        None,
        description="With it each call is signed; nothing is sent without. Best kept in the "
        "systemd credential NIGHTSORT_HANDOVER__SECRET.",
        examples=["what openssl rand -hex 32 says"],
    )
