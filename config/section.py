"""What every table of the settings is made of."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationInfo, field_validator


class Section(BaseModel):
    """A table of the settings file: frozen, and an unknown key in it is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _is_no_truth_for_a_number(cls, value: object, info: ValidationInfo) -> object:
        """Python takes true for 1."""
        kind = cls.model_fields[str(info.field_name)].annotation
        if isinstance(value, bool) and {int, float} & {kind, *get_args(kind)}:
            raise ValueError("must be a number")
        return value


def _credential_name(name: str) -> str:
    # systemd allows more; the prefix is for credentials that are settings themselves.
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise ValueError("must be the name of a systemd credential, such as mail-password")
    if name.upper().startswith("NIGHTSORT_"):
        raise ValueError("must not begin with NIGHTSORT_, for then it would be a setting")
    return name


def _absolute(path: Path | None) -> Path | None:
    if path is not None and not path.is_absolute():
        raise ValueError("must be an absolute path")
    return path


AbsolutePath = Annotated[Path | None, AfterValidator(_absolute)]
Credential = Annotated[str, AfterValidator(_credential_name)]
