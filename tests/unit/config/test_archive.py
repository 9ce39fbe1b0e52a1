"""[archive]: how buckets are reached, and that the key is shown nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.archive import ArchiveSettings
from config.errors import ConfigError
from config.settings import load


def test_a_key_of_its_own_is_known_and_not_shown() -> None:
    assert not ArchiveSettings().has_key
    assert ArchiveSettings(bucket_credential="archive-bucket").has_key
    keyed = ArchiveSettings.model_validate({"bucket_key": "ID:swordfish"})
    assert keyed.has_key
    assert "swordfish" not in repr(keyed)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("BUCKET_KEY", "swordfish", "ID:SECRET"),
        ("ENDPOINT", "https://me:swordfish@minio", "must be an address"),
    ],
)
def test_what_is_wrong_is_told_without_the_secret(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, value: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(f"NIGHTSORT_ARCHIVE__{variable}", value)
    with pytest.raises(ConfigError, match=said) as told:
        load()
    assert "swordfish" not in str(told.value)
