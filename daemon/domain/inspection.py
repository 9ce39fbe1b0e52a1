"""Orders that change nothing: which settings are in use, and what the doctor finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from daemon.domain.order import Order


class FindingState(StrEnum):
    """How a check of the doctor's ended. The values are fixed: programs act on them."""

    OK = "ok"
    WARNING = "warning"  # it works, and could be better
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Found:
    """What one check found."""

    area: str
    state: FindingState
    what: str
    what_to_do: str  # empty where nothing is


@dataclass(frozen=True, slots=True)
class Examination:
    """What is known of the newest look of the doctor's that somebody asked for; times as ISO."""

    began: str = ""  # of the one that is under way; empty: none is
    by: str = ""  # who asked for it
    at: str = ""  # when the findings were made; empty: never so far
    findings: tuple[Found, ...] = ()
    problem: str = ""  # why the last one came to nothing, in a sentence


@dataclass(frozen=True, slots=True)
class Examine(Order[Examination]):
    """Have everything looked at, beside the work; what was found is kept."""

    name = "examine"
    answer = Examination
    needs_folders = False


@dataclass(frozen=True, slots=True)
class SettingTold:
    """One key of the settings, as it is in use."""

    key: str  # dotted
    value: str  # as the file would say it; empty: none
    origin: str  # `config.sources.Origin`
    variable: str  # of environment or credential, where one of these says it
    is_secret: bool  # then the value is not told


@dataclass(frozen=True, slots=True)
class SettingsTold:
    """The settings that a process works by."""

    file: str  # empty: there is none
    settings: tuple[SettingTold, ...]
    changed: tuple[str, ...]  # keys that file, environment or credentials say otherwise by now
    problem: str  # why what they say now cannot be used, in a sentence
    renamed: tuple[str, ...]  # a warning for each key of before


@dataclass(frozen=True, slots=True)
class TellSettings(Order[SettingsTold]):
    """Tell which settings are in use, without their secrets."""

    name = "settings"
    answer = SettingsTold
    needs_folders = False
