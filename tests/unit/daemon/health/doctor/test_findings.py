"""What the doctor says of what it saw."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from daemon.health.doctor.findings import (
    Finding,
    Level,
    advice,
    in_words,
    of_backups,
    of_clock,
    of_disk,
    of_file_system,
    of_link,
    of_watches,
)
from daemon.health.doctor.fleets import of_stations
from daemon.health.doctor.fs_trials import Traits
from daemon.mirror.rights import Seen

SOUND = Traits(
    "in one step", tells_case_apart=True, keeps_composed_names=True, clock_ahead_seconds=0
)
NOW = datetime(2025, 10, 13, 2, 0, tzinfo=UTC)


def levels(*findings: Finding) -> list[Level]:
    assert all(bool(finding.remedy) == (finding.level is not Level.OK) for finding in findings)
    return [finding.level for finding in findings]


def test_a_file_system_that_cannot_rename_without_replacing_is_wrong() -> None:
    assert levels(*of_file_system("sorted_dir", "odd", replace(SOUND, renames=None))) == [
        Level.WRONG
    ]


@pytest.mark.parametrize(("seconds", "expected"), [(59.0, 1), (-3600.0, 2), (3600.0, 2)])
def test_a_server_with_another_time_is_told(seconds: float, expected: int) -> None:
    found = list(
        of_file_system("incoming_dir", "cifs", replace(SOUND, clock_ahead_seconds=seconds))
    )
    assert len(found) == expected
    assert levels(*found[1:]) == [Level.ADVICE] * (expected - 1)


def test_case_and_composition_are_told_where_they_are_lost() -> None:
    lossy = replace(SOUND, tells_case_apart=False, keeps_composed_names=False)
    said = " ".join(finding.text for finding in of_file_system("sorted_dir", "hfs", lossy))
    assert "A.jpg and a.jpg" in said
    assert "two characters" in said


@pytest.mark.parametrize(
    ("limit", "folders", "expected"),
    [
        (None, 10, []),
        (8191, 1, [Level.ADVICE]),
        (65_536, 40_000, [Level.ADVICE]),
        (65_536, 9, []),
    ],
)
def test_limits_on_watches(limit: int | None, folders: int, expected: list[Level]) -> None:
    assert levels(*of_watches(limit, folders)) == expected


@pytest.mark.parametrize(
    ("free", "level"), [(0.4e9, Level.WRONG), (2e9, Level.ADVICE), (6e9, Level.OK)]
)
def test_free_space(free: float, level: Level) -> None:
    assert levels(of_disk("sorted_dir", int(free), 500_000_000)) == [level]


@pytest.mark.parametrize(
    ("synchronised", "level"), [(True, Level.OK), (None, Level.OK), (False, Level.ADVICE)]
)
def test_the_clock_says_its_time_and_zone(synchronised: bool | None, level: Level) -> None:
    found = of_clock(NOW, is_synchronised=synchronised)
    assert levels(found) == [level]
    assert "2025-10-13 02:00 in UTC" in found.text


@pytest.mark.parametrize(
    ("address", "level"),
    [
        (None, Level.ADVICE),
        ("/srv/photos/sorted", Level.ADVICE),
        ("sorted", Level.ADVICE),
        ("photos:sorted", Level.ADVICE),
        (r"\\box\photos", Level.OK),
        ("//box/photos", Level.OK),
        (r"S:\photos", Level.OK),
        ("smb://box/photos", Level.OK),
        ("https://box/photos", Level.OK),
    ],
)
def test_links_must_open_on_peoples_machines(address: str | None, level: Level) -> None:
    assert levels(of_link("links.sorted", address, "/srv/photos/sorted")) == [level]


def test_the_remedy_stands_below() -> None:
    assert in_words(of_disk("state_dir", 10, 0)) == (
        "advice  state_dir: 0.0 GB free\n        → free some space"
    )


def test_a_name_of_others_makes_no_line_of_its_own() -> None:
    finding = advice("returns", "as\nok      backups: all is well\x1b[2J.jpg", "rename it\r")
    assert in_words(finding) == (
        "advice  returns: as\\nok      backups: all is well\\x1b[2J.jpg\n        → rename it\\r"
    )


def test_a_stations_name_is_told_as_one_of_anybody() -> None:
    (found,) = of_stations([Seen("ham\nburg\x1b[2J", None, 0.0)])
    assert found.subject == "station ham\\nburg\\x1b[2J"


@pytest.mark.parametrize(
    ("age_days", "is_nightly", "expected"),
    [
        (None, True, Level.OK),
        (1, True, Level.OK),
        (3, True, Level.WRONG),
        (3, False, Level.ADVICE),
        (None, False, Level.ADVICE),
        (1, False, Level.OK),
    ],
)
def test_backups_that_are_old_or_not_made_are_told(
    age_days: int | None, is_nightly: bool, expected: Level
) -> None:
    newest = None if age_days is None else NOW - timedelta(days=age_days)
    assert levels(of_backups(newest, NOW, is_nightly=is_nightly)) == [expected]
