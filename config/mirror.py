"""The tables [mirror], where history and files are copied to, and [fleet], which reads there."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, model_validator

from config.section import Credential, Section


def _connection_string(text: SecretStr | None) -> SecretStr | None:
    if text is not None and not re.match(r"postgres(ql)?://|\w+ *=", text.get_secret_value()):
        raise ValueError(
            "must be a connection string, such as postgresql://berlin:...@db.example.com/returns"
        )
    return text


def _bucket(text: str | None) -> str | None:
    # As S3 allows names; a prefix is plain, so that whoever looks at it finds it.
    if text is not None and not re.fullmatch(
        r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9_][A-Za-z0-9._-]*)*/?", text
    ):
        raise ValueError("must be s3://NAME or s3://NAME/PREFIX, such as s3://returns/boxes")
    return text


def as_endpoint(text: str | None) -> str | None:
    """The address of a server. Raises ValueError."""
    if text is not None and not re.fullmatch(r"https?://[^\s/@?#]+(/[^\s?#@]*)?", text):
        raise ValueError("must be an address such as https://minio.example.com:9000")
    return text


def as_access_key(text: SecretStr | None) -> SecretStr | None:
    """An id and a secret. Raises ValueError."""
    if text is not None and not is_access_key(text.get_secret_value()):
        raise ValueError("must be the key's id and its secret with a colon between: ID:SECRET")
    return text


def is_access_key(text: str) -> bool:
    """Whether that is an access key of object storage: its id, a colon, its secret."""
    return re.fullmatch(r"[^\s:]+:\S+", text) is not None


class MirrorSettings(Section):
    """Copies elsewhere; docs/mirror.md has PostgreSQL, docs/bucket.md object storage."""

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

    bucket: Annotated[str | None, AfterValidator(_bucket)] = Field(
        None,
        description="Bucket of S3-compatible storage for reports, results, backups and learnt "
        "versions. Default: none.",
        examples=["s3://returns/boxes"],
    )
    endpoint: Annotated[str | None, AfterValidator(as_endpoint)] = Field(
        None,
        description="Where that storage is reached. Default: Amazon's, of the region.",
        examples=["https://minio.example.com:9000"],
    )
    region: str = Field(
        "us-east-1",
        pattern=r"^[A-Za-z0-9-]+$",
        description="Region of the bucket; what has none takes any.",
    )
    bucket_key: Annotated[SecretStr | None, AfterValidator(as_access_key)] = Field(
        None,
        description="Access key of the bucket, as ID:SECRET. Better in a credential.",
        examples=["BERLIN:..."],
    )
    bucket_credential: Credential | None = Field(
        None,
        description="The systemd credential that holds the access key; it wins over bucket_key.",
        examples=["mirror-bucket"],
    )
    photos: bool = Field(
        False,
        description="Whether the photos themselves are copied to the bucket, too.",
    )
    strip_metadata: bool = Field(
        True,
        description="Whether the bucket's copies of photos are without EXIF, GPS and other notes "
        "of cameras; their pixels stay as they are. False copies them byte for byte.",
    )
    fetch_versions: bool = Field(
        False,
        description="Whether versions are fetched from PostgreSQL that were promoted centrally; "
        "each is compared on this station's own photos first, see docs/fleet.md.",
    )

    @property
    def has_postgres(self) -> bool:
        """Whether the history is to be copied to PostgreSQL."""
        return self.postgres is not None or self.postgres_credential is not None

    @property
    def has_bucket(self) -> bool:
        """Whether files are to be copied to object storage."""
        return self.bucket is not None

    @property
    def is_wanted(self) -> bool:
        """Whether there is to be a mirror of any kind."""
        return self.has_postgres or self.has_bucket

    @model_validator(mode="after")
    def _is_whole(self) -> MirrorSettings:
        if self.is_wanted and self.station is None:
            raise ValueError("station is missing; name this installation")
        if self.has_bucket and self.bucket_key is None and self.bucket_credential is None:
            raise ValueError("bucket_credential is missing; name the one with the access key")
        if self.fetch_versions and not self.has_postgres:
            raise ValueError(
                "postgres_credential is missing; versions are fetched from there, not the bucket"
            )
        if self.bucket is None and (self.photos or self.endpoint is not None):
            raise ValueError("bucket is missing; photos and endpoint are about it")
        return self


class FleetSettings(Section):
    """Where `nightsort web --fleet` reads of all stations; docs/fleet.md says how."""

    postgres: Annotated[SecretStr | None, AfterValidator(_connection_string)] = Field(
        None,
        description="Connection string of the mirror's database, of a role that reads it. Better "
        "in a credential.",
        examples=["postgresql://head_office:...@db.example.com/returns?sslmode=verify-full"],
    )
    postgres_credential: Credential | None = Field(
        None,
        description="The systemd credential that holds the connection string; it wins over "
        "postgres.",
        examples=["fleet-postgres"],
    )

    @property
    def has_postgres(self) -> bool:
        """Whether there is a mirror to read."""
        return self.postgres is not None or self.postgres_credential is not None
