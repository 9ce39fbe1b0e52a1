"""[mirror]: what makes a mirror, what is refused, and that its secret is shown nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from config.errors import ConfigError
from config.mirror import MirrorSettings
from config.settings import load

ADDRESS = "postgresql://berlin:swordfish@db.example.com/returns"


def test_there_is_no_mirror_unless_it_is_asked_for() -> None:
    assert not MirrorSettings().is_wanted
    assert not MirrorSettings(station="berlin").is_wanted
    assert MirrorSettings(station="berlin", postgres_credential="mirror-postgres").is_wanted


@pytest.mark.parametrize("address", [ADDRESS, "host=/run/postgresql dbname=returns"])
def test_both_ways_to_write_a_connection_string_are_known(address: str) -> None:
    assert MirrorSettings.model_validate({"station": "berlin", "postgres": address}).is_wanted


def test_a_mirror_needs_a_name_for_its_station() -> None:
    with pytest.raises(ValidationError, match="station is missing"):
        MirrorSettings.model_validate({"postgres": ADDRESS})


@pytest.mark.parametrize("station", ["", "-x", "a b", "x" * 64, "ber/lin", "a\n"])
def test_a_station_has_a_plain_name(station: str) -> None:
    with pytest.raises(ValidationError, match="station"):
        MirrorSettings(station=station)


def bucket(**more: object) -> MirrorSettings:
    wanted = {"station": "berlin", "bucket": "s3://returns/boxes", "bucket_key": "ID:swordfish"}
    return MirrorSettings.model_validate(wanted | more)


def test_a_bucket_alone_makes_a_mirror() -> None:
    settings = bucket(photos=True, endpoint="http://127.0.0.1:9000")
    assert (settings.has_bucket, settings.has_postgres, settings.is_wanted) == (True, False, True)
    assert "swordfish" not in repr(settings)
    assert not bucket().photos


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"bucket": "returns"}, "s3://NAME"),
        ({"bucket": "s3://Returns"}, "s3://NAME"),
        ({"bucket": "s3://returns/../x"}, "s3://NAME"),
        ({"bucket": "s3://returns//x"}, "s3://NAME"),
        ({"endpoint": "minio:9000"}, "must be an address"),
        ({"endpoint": "https://me:secret@minio"}, "must be an address"),
        ({"region": "a b"}, "region"),
        ({"bucket_key": "swordfish"}, "ID:SECRET"),
        ({"bucket_key": None}, "bucket_credential is missing"),
        ({"station": None}, "station is missing"),
        ({"bucket": None, "photos": True}, "bucket is missing"),
    ],
)
def test_what_no_bucket_can_be_is_refused(more: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        bucket(**more)


def test_versions_are_fetched_from_postgresql_and_not_from_a_bucket() -> None:
    with pytest.raises(ValidationError, match="fetched from there, not the bucket"):
        bucket(fetch_versions=True)
    with_both = bucket(fetch_versions="true", postgres_credential="mirror-postgres")
    assert with_both.fetch_versions is True


def test_what_is_refused_is_not_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTSORT_MIRROR__STATION", "berlin")
    monkeypatch.setenv("NIGHTSORT_MIRROR__POSTGRES", "berlin:swordfish@db")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="must be a connection string") as refused:
        load()
    assert "berlin:swordfish" not in str(refused.value)
