"""The table [mirror]: where the history is copied to."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, model_validator

from config.targets import Credential, Section


def _connection_string(text: SecretStr | None) -> SecretStr | None:
    if text is not None and not re.match(r"postgres(ql)?://|\w+ *=", text.get_secret_value()):
        raise ValueError(
            "must be a connection string, such as postgresql://berlin:...@db.example.com/returns"
        )
    return text


class MirrorSettings(Section):
    """A copy of the history in PostgreSQL, for data teams; docs/mirror.md says how."""

    station: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$",
        description="What this installation is called there; each needs a name of its own.",
        examples=["berlin"],
    )
    postgres: Annotated[SecretStr | None, AfterValidator(_connection_string)] = Field(
        None,
        description="Connection string of the database. Better in a credential. Default: there is "
        "no mirror.",
        examples=["postgresql://berlin:...@db.example.com/returns?sslmode=verify-full"],
    )
    postgres_credential: Credential | None = Field(
        None,
        description="The systemd credential that holds the connection string; it wins over "
        "postgres.",
        examples=["mirror-postgres"],
    )

    @property
    def is_wanted(self) -> bool:
        """Whether there is to be a mirror."""
        return self.postgres is not None or self.postgres_credential is not None

    @model_validator(mode="after")
    def _is_whole(self) -> MirrorSettings:
        if self.is_wanted and self.station is None:
            raise ValueError("station is missing; name this installation")
        return self
