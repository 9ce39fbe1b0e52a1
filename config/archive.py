"""The table [archive]: how buckets are reached whose photos `nightsort archive` judges."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from config.mirror import as_access_key, as_endpoint
from config.section import Credential, Section


class ArchiveSettings(Section):
    """Archives in buckets; docs/archive.md has them. Without a key those of [mirror] are taken."""

    endpoint: Annotated[str | None, AfterValidator(as_endpoint)] = Field(
        None,
        description="Where the storage of archives is reached. Default: Amazon's, of the region.",
        examples=["https://minio.example.com:9000"],
    )
    region: str = Field(
        "us-east-1",
        pattern=r"^[A-Za-z0-9-]+$",
        description="Region of their buckets; what has none takes any.",
    )
    bucket_key: Annotated[SecretStr | None, AfterValidator(as_access_key)] = Field(
        None,
        description="Access key of their buckets, as ID:SECRET; reading and listing are enough. "
        "Default: endpoint, region and key are those of [mirror].",
        examples=["ARCHIVE:..."],
    )
    bucket_credential: Credential | None = Field(
        None,
        description="The systemd credential that holds the access key; it wins over bucket_key.",
        examples=["archive-bucket"],
    )

    @property
    def has_key(self) -> bool:
        """Whether a key of its own is named."""
        return self.bucket_key is not None or self.bucket_credential is not None
