"""Which settings are in use, and what the doctor found: the daemon's word, kept or asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import groupby

from config.settings import Settings, load, walk
from daemon.domain.again import said_again
from daemon.domain.doctor_words import found_again
from daemon.domain.inspection import (
    Examination,
    Examine,
    Found,
    SettingsTold,
    SettingTold,
    TellSettings,
)
from daemon.domain.speech import speech
from daemon.health.doctor.findings import found_of
from daemon.health.doctor.fleets import of_fleet
from daemon.service.examining import LONGEST_SECONDS, known
from daemon.service.telling_settings import told
from web.problems import Problem
from web.reading.asking import give, require_daemon
from web.reading.photos import history
from web.reading.state import is_running
from web.roles import Caller

# Of these tables the page itself is who works by them.
_OURS = frozenset({"web", "api"})
_WORST_FIRST = ("wrong", "warning", "ok")
_IMPOSSIBLE = (503, "unavailable")
LONGEST_MINUTES = round(LONGEST_SECONDS / 60)


@dataclass(frozen=True, slots=True)
class Key:
    """One key, with what the settings file says of it."""

    told: SettingTold
    about: str
    has_changed: bool


@dataclass(frozen=True, slots=True)
class InUse:
    """All keys, table by table."""

    told: SettingsTold
    tables: tuple[tuple[str, tuple[Key, ...]], ...]
    is_of_daemon: bool  # else the page's own, as it does not run


def settings_in_use(settings: Settings, by: Caller) -> InUse:
    """The daemon's, and of the page's own tables the page's. Raises Problem as `give`."""
    own = told(settings, partial(_reread, settings))
    is_of_daemon = is_running(settings.state_dir)
    every = own
    if is_of_daemon:
        every = _with_ours(give(settings.state_dir, TellSettings(), by, _IMPOSSIBLE), own)
    return InUse(every, tuple(_tables(every)), is_of_daemon)


def renamed(told: SettingsTold, language: str) -> list[str]:
    """Which keys have another name by now, as the doctor says it."""
    return [said_again(one, speech(language), "doctor.found") for one in told.renamed]


def _reread(settings: Settings) -> Settings:
    file = settings.sources.file
    return settings if file is None else load(file)


def _with_ours(every: SettingsTold, own: SettingsTold) -> SettingsTold:
    ours = {one.key: one for one in own.settings if _is_ours(one.key)}
    changed = [key for key in every.changed if not _is_ours(key)]
    changed += [key for key in own.changed if _is_ours(key)]
    return replace(
        every,
        settings=tuple(ours.get(one.key, one) for one in every.settings),
        changed=tuple(changed),
    )


def _is_ours(key: str) -> bool:
    return key.partition(".")[0] in _OURS


def _tables(every: SettingsTold) -> Iterator[tuple[str, tuple[Key, ...]]]:
    about = {key: field.description or "" for key, field in walk(Settings)}
    for table, settings in groupby(every.settings, lambda one: one.key.rpartition(".")[0]):
        keys = (Key(one, about.get(one.key, ""), one.key in every.changed) for one in settings)
        yield table, tuple(keys)


@dataclass(frozen=True, slots=True)
class Looked:
    """What the doctor found at the newest look, and whether there is one under way."""

    at: datetime | None
    by: str
    findings: tuple[tuple[str, tuple[Found, ...]], ...]  # the worst first
    problem: str
    is_under_way: bool


def examination(settings: Settings, language: str) -> Looked:
    """As it is kept, in that language; nothing while there is no history."""
    found = Examination()
    with suppress(Problem), history(settings.state_dir) as store:
        found = known(store)
    return Looked(
        datetime.fromisoformat(found.at) if found.at else None,
        found.by,
        _by_state(found.findings, language),
        found.problem,
        bool(found.began) and is_running(settings.state_dir),
    )


def examination_of_fleet(settings: Settings, by: Caller, at: datetime, language: str) -> Looked:
    """What the doctor says of the mirror that is read, looked at here and now."""
    found = _by_state(found_of(of_fleet(settings.fleet, is_page=True)), language)
    return Looked(at, by.name, found, problem="", is_under_way=False)


def _by_state(
    findings: Sequence[Found], language: str
) -> tuple[tuple[str, tuple[Found, ...]], ...]:
    told = [found_again(one, speech(language)) for one in findings]
    states = ((one, tuple(it for it in told if it.state == one)) for one in _WORST_FIRST)
    return tuple((state, those) for state, those in states if those)


def examine(settings: Settings, by: Caller) -> None:
    """Have the doctor look. Raises Problem as `give`."""
    require_daemon(settings.state_dir, "nothing can be looked at")
    give(settings.state_dir, Examine(), by, _IMPOSSIBLE)
