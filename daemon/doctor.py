"""The doctor: checks everything that can be wrong on this machine, each with its remedy.

Runs as the service's user, beside the daemon or without it. Changes nothing but hidden folders of
its own, which it removes again.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from config.errors import ConfigError, NightsortError, StoreDamaged
from config.settings import Settings
from config.variables import credentials_are_here
from daemon.adoption import MARKER
from daemon.clock import Clock
from daemon.filing import minimum_free_bytes
from daemon.hearing import choose
from daemon.lock import prepare
from daemon.machine import count_folders, inotify_watches, is_clock_synchronised
from daemon.mounts import events_arrive, mount_of
from daemon.prober import NoAnswerError, Prober
from daemon.status import NOT_RUNNING, read
from daemon.store import DATABASE, Store, is_free
from daemon.timetable import Timetable
from daemon.trials import events_come, moves_between, traits_of, trial_folder
from daemon.unit import DROP_IN, on_this_machine, writable_folders

UNIT_FOLDERS = (Path("/etc/systemd/system"), Path("/usr/lib/systemd/system"))
_FOLDERS = ("incoming", "sorted", "results")
_PATIENCE_SECONDS = 5.0
_SKEW_SECONDS = 60.0
_LOW_DISK_BYTES = 5e9
_FEW_WATCHES = 8192


class Level(StrEnum):
    """How a check ended."""

    OK = "ok"
    ADVICE = "advice"  # it works, and could be better
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    level: Level
    subject: str
    text: str
    remedy: str = ""


Findings = Iterator[Finding]


def examine(settings: Settings, clock: Clock) -> Findings:
    """Check everything, one finding after the other."""
    try:
        prepare(settings.state_dir)
    except NightsortError as exc:
        yield _wrong("user", str(exc), "run the doctor as the user that the service runs as")
        return
    yield _ok("settings", "read, and every key is known")
    checks: tuple[Callable[[Settings], Findings], ...] = (
        _daemon, _state, _folders, _watching, _unit, _model, _disks, _alerts,
    )  # fmt: skip
    for check in checks:
        yield from check(settings)
    yield from _time(settings, clock)


def in_words(finding: Finding) -> str:
    """A finding as a line, with its remedy below."""
    line = f"{finding.level:<7} {finding.subject}: {finding.text}"
    return f"{line}\n        → {finding.remedy}" if finding.remedy else line


# --- the checks ----------------------------------------------------------------------------------


def _daemon(settings: Settings) -> Findings:
    document, code = read(settings.state_dir)
    if code == NOT_RUNNING:
        yield _advice("daemon", "is not running", "systemctl start nightsort")
    elif document["problems"]:
        for problem in document["problems"]:
            yield _wrong("daemon", problem, "see: nightsort status, journalctl -u nightsort")
    else:
        yield _ok("daemon", str(document["state"]))


def _state(settings: Settings) -> Findings:
    mount = mount_of(settings.state_dir)
    if not events_arrive(mount):
        yield _wrong(
            "state_dir",
            f"lies on {mount.fstype}, where a database is not safe",
            "set state_dir to a folder on a disk of this machine",
        )
    if not (settings.state_dir / DATABASE).exists():
        yield _ok("database", "will be made at the first start")
        return
    try:
        with closing(Store(settings.state_dir)):
            pass
    except (ConfigError, StoreDamaged) as exc:
        yield _wrong("database", str(exc), "restore a backup, or correct its rights")
        return
    busy = _advice("database", "is in use by another program just now", "try again in a moment")
    is_at_hand = is_free(settings.state_dir)
    yield _ok("database", "opens and can be written") if is_at_hand else busy


def _folders(settings: Settings) -> Findings:
    with closing(Prober(_PATIENCE_SECONDS)) as prober:
        for name in _FOLDERS:
            yield _reach(prober, name, _folder(settings, name))
    reachable = [name for name in _FOLDERS if os.access(_folder(settings, name), os.W_OK | os.X_OK)]
    for name in reachable:
        yield from _try_out(name, _folder(settings, name))
    if {"incoming", "sorted"} <= {*reachable}:
        yield from _try_moving(settings)


def _reach(prober: Prober, name: str, folder: Path) -> Finding:
    try:
        answer = prober.ask(str(folder), do="look", marker=MARKER)
    except NoAnswerError:
        remedy = "check the share's server and the network"
        return _wrong(f"{name}_dir", f"{folder} does not answer", remedy)
    if "errno" in answer:
        what = os.strerror(answer["errno"])
        remedy = "mount its share, or make the folder and give nightsort's user the right to write"
        return _wrong(f"{name}_dir", f"{folder} cannot be entered: {what}", remedy)
    if not answer["is_writable"]:
        remedy = "give nightsort's user the right to write there"
        if name == "incoming":
            remedy += ", else photos are copied and stay in incoming"
            return _advice("incoming_dir", f"{folder} may only be read", remedy)
        return _wrong(f"{name}_dir", f"{folder} may not be written to", remedy)
    if answer["marker"] is None:
        text = f"{folder} is there; it will be marked as nightsort's at the first start"
        return _ok(f"{name}_dir", text)
    return _ok(f"{name}_dir", f"{folder} is there, writable and marked as nightsort's")


def _try_out(name: str, folder: Path) -> Findings:
    subject = f"{name}_dir"
    fstype = mount_of(folder).fstype
    try:
        with trial_folder(folder) as trial:
            traits = traits_of(trial)
    except OSError as exc:
        remedy = "check the share's rights and free space"
        yield _wrong(subject, f"files cannot be made or removed there: {exc.strerror}", remedy)
        return
    if traits.renames is None:
        remedy = "use another kind of file system"
        yield _wrong(subject, f"{fstype} renames nothing without replacing", remedy)
    else:
        yield _ok(subject, f"{fstype} renames without replacing, {traits.renames}")
    if abs(traits.clock_ahead_seconds) > _SKEW_SECONDS:
        text = f"its server's clock is {traits.clock_ahead_seconds:+.0f} seconds from this one's"
        yield _advice(subject, text, "let both follow a time server")
    if not traits.tells_case_apart:
        yield _ok(subject, "takes A.jpg and a.jpg for one name; names are kept apart by numbers")
    if not traits.keeps_composed_names:
        yield _ok(subject, "writes é as two characters; names are compared composed")


def _try_moving(settings: Settings) -> Findings:
    try:
        with (
            trial_folder(settings.incoming_dir) as source,
            trial_folder(settings.sorted_dir) as target,
        ):
            moves = moves_between(source, target)
    except OSError:
        return  # told already
    how = "by renaming" if moves else "by copying and comparing, as they are on two file systems"
    yield _ok("filing", f"photos go from incoming to sorted {how}")


def _watching(settings: Settings) -> Findings:
    folder = settings.incoming_dir
    if not folder.is_dir():
        return
    mode, why = choose(settings.intake.observer, folder)
    if mode == "native":
        yield from _native(folder, why)
    else:
        yield _ok("watch mode", f"polling fits: {why}")


def _native(folder: Path, why: str) -> Findings:
    try:
        with trial_folder(folder) as trial:
            arrives = events_come(trial)
    except OSError as exc:
        remedy = "raise fs.inotify.max_user_watches and max_user_instances (sysctl)"
        yield _wrong("watch mode", f"events cannot be asked for: {exc.strerror}", remedy)
        return
    if arrives:
        yield _ok("watch mode", f"native fits: {why}; an event of another process arrived")
    else:
        remedy = 'set [intake] observer = "polling"'
        yield _wrong("watch mode", "no event of another process arrived", remedy)
    limit = inotify_watches()
    folders = count_folders(folder, _FEW_WATCHES)
    if limit is not None and limit < max(_FEW_WATCHES, 2 * folders):
        text = f"the kernel lets a user watch {limit} folders; incoming holds {folders}"
        remedy = "a line fs.inotify.max_user_watches=524288 in /etc/sysctl.d/, then: sysctl -p"
        yield _advice("inotify", text, remedy)


def _unit(settings: Settings) -> Findings:
    if not any((folder / "nightsort.service").exists() for folder in UNIT_FOLDERS):
        yield _ok("systemd", "no unit of nightsort is installed here")
        return
    remedy = "run as root: nightsort unit --write && systemctl daemon-reload, then restart it"
    try:
        written = DROP_IN.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as exc:
        yield _wrong("systemd", f"{DROP_IN} cannot be read: {exc.strerror}", remedy)
        return
    missing = {*writable_folders(on_this_machine(settings))} - {*writable_folders(written)}
    if missing:
        text = f"the unit may not write to {', '.join(sorted(map(str, missing)))}"
        yield _wrong("systemd", text, remedy)
    else:
        yield _ok("systemd", "the unit may write to all folders of the settings")


def _model(settings: Settings) -> Findings:
    from classifier.classifier import Classifier

    try:
        card = Classifier.load(settings.model_dir).bundle.card
    except NightsortError as exc:
        yield _wrong("model", str(exc), "install nightsort anew, or set model_dir")
        return
    if card.self_test is None:
        yield _advice("model", f"{card.title} has no self-test", "train it anew, or give it one")
    else:
        pictures = len(card.self_test.specimens)
        yield _ok("model", f"{card.title} passes its self-test on {pictures} drawn pictures")


def _disks(settings: Settings) -> Findings:
    wanted_mb = settings.filing.min_free_mb
    wanted = None if wanted_mb is None else wanted_mb * 1_000_000
    for key in ("sorted_dir", "state_dir"):
        folder = getattr(settings, key)
        try:
            disk = shutil.disk_usage(folder)
        except OSError:
            continue  # told already
        free, text = disk.free, f"{disk.free / 1e9:.1f} GB free"
        if free < minimum_free_bytes(wanted, disk.total):
            yield _wrong(key, f"{text}, too little to file anything", "free some space")
        elif free < _LOW_DISK_BYTES:
            yield _advice(key, text, "free some space")
        else:
            yield _ok(key, text)


def _alerts(settings: Settings) -> Findings:
    from daemon.alerting.targets import targets_of

    targets = targets_of(settings)
    if not targets:
        yield _advice("alerts", "nobody would be told of trouble", "set [alerts] targets")
        return
    for severity in ("critical", "error"):
        if not any(severity in target.severities for target in targets):
            remedy = f'add "{severity}" to the severities of a target'
            yield _advice("alerts", f"nobody would be told what is {severity}", remedy)
    for target in targets:
        what = f"{target.name} is told what is {', '.join(target.severities)}"
        if target.has_credential and not credentials_are_here():
            yield _ok("alerts", f"{what}; with the service's secret: nightsort alerts test")
        elif problem := target.problem():
            yield _wrong("alerts", f"{target.name}: {problem}", "correct [alerts] targets")
        else:
            yield _ok("alerts", what)


def _time(settings: Settings, clock: Clock) -> Findings:
    now = clock.now()
    if is_clock_synchronised() is False:
        remedy = "let the machine follow a time server (timedatectl set-ntp true)"
        yield _advice("clock", f"it is {now:%Y-%m-%d %H:%M}, and nothing keeps it right", remedy)
    else:
        yield _ok("clock", f"it is {now:%Y-%m-%d %H:%M} in {now.tzname()}")
    window = Timetable(settings.window, clock).window()
    if window is not None:
        yield _ok("window", f"{window.opens:%a %H:%M} to {window.closes:%a %H:%M}")


def _folder(settings: Settings, name: str) -> Path:
    folder: Path = getattr(settings, f"{name}_dir")
    return folder


def _ok(subject: str, text: str) -> Finding:
    return Finding(Level.OK, subject, text)


def _advice(subject: str, text: str, remedy: str) -> Finding:
    return Finding(Level.ADVICE, subject, text, remedy)


def _wrong(subject: str, text: str, remedy: str) -> Finding:
    return Finding(Level.WRONG, subject, text, remedy)
