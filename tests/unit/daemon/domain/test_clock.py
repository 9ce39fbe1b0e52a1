"""The time zone of the machine, or that which the process was given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from daemon.domain.clock import local_zone

SUMMER = datetime(2026, 7, 1, tzinfo=UTC)


@pytest.mark.parametrize("named", ["Europe/Berlin", ":Europe/Berlin"])
def test_a_zone_given_by_tz_counts(monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    monkeypatch.setenv("TZ", named)
    assert SUMMER.astimezone(local_zone()).utcoffset() == timedelta(hours=2)


@pytest.mark.parametrize("named", ["", "CET-1CEST", "/etc/localtime", "Nowhere/Town", "a\\0"])
def test_where_tz_names_none_the_zone_of_the_machine_counts(
    monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    monkeypatch.delenv("TZ", raising=False)
    machine = SUMMER.astimezone(local_zone()).utcoffset()
    monkeypatch.setenv("TZ", named)
    assert SUMMER.astimezone(local_zone()).utcoffset() == machine
