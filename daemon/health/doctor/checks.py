"""The doctor: checks everything that can be wrong on this machine, each with its remedy.

Runs as the service's user, beside the daemon or without it. Changes nothing but hidden folders of
its own, which it removes again.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from contextlib import closing
from pathlib import Path

from config.errors import ConfigError, NightsortError, StoreDamaged, TransientError
from config.settings import Settings, one_in_another
from daemon.domain.clock import Clock
from daemon.domain.phrases import count
from daemon.domain.return_checks import doubts
from daemon.domain.timetable import Timetable
from daemon.folders.adoption import MARKER
from daemon.folders.locks import prepare
from daemon.folders.machine import count_folders, inotify_watches, is_clock_synchronised
from daemon.folders.mounts import events_arrive, mount_of
from daemon.folders.os_errors import REFUSED
from daemon.folders.prober import NoAnswerError, Prober
from daemon.health.doctor.findings import (
    FEW_WATCHES,
    Finding,
    Findings,
    Level,
    advice,
    of_backups,
    of_clock,
    of_disk,
    of_file_system,
    of_link,
    of_threads,
    of_watches,
    ok,
    wrong,
)
from daemon.health.doctor.fs_trials import events_come, moves_between, traits_of, trial_folder
from daemon.health.doctor.mirrors import of_mirror
from daemon.health.doctor.share_logs import of_share_log
from daemon.health.doctor.told import of_alerts, of_handover
from daemon.health.status_file import NOT_RUNNING, read
from daemon.health.units import DROP_IN, on_this_machine, writable_folders
from daemon.intake.event_source import choose
from daemon.maintenance.backups import Backups
from daemon.sorting.filer import minimum_free_bytes
from daemon.store import DATABASE, Store, is_free

UNIT_FOLDERS = (Path("/etc/systemd/system"), Path("/usr/lib/systemd/system"))
_FOLDERS = ("incoming", "sorted", "results")
_PATIENCE_SECONDS = 5.0
_BUSY_SECONDS = 2.0


def examine(settings: Settings, clock: Clock) -> Findings:
    """Check everything, one finding after the other."""
    try:
        prepare(settings.state_dir)
    except NightsortError as exc:
        yield wrong("user", str(exc), "run the doctor as the user that the service runs as")
        return
    yield ok("settings", "read, and every key is known")
    for warning in settings.renamed:
        yield advice("settings", warning, "what it does stays the same")
    if settings.is_office:
        yield ok("settings", "of a head office, which sorts nothing")
        yield from of_mirror(settings)
        yield of_clock(clock.now(), is_synchronised=is_clock_synchronised())
    else:
        yield from _of_box(settings, clock)


def _of_box(settings: Settings, clock: Clock) -> Findings:
    yield from _daemon(settings)
    yield from _state(settings)
    yield from _backups(settings, clock)
    # Whoever asks a share that hangs hangs too: what does not answer is left out from here on.
    reached = _reach_all(settings)
    yield from reached.values()
    usable = {name for name, finding in reached.items() if finding.level is not Level.WRONG}
    yield from _apart(settings, usable)
    yield from _file_systems(settings, usable)
    if "incoming" in usable:
        yield from _watching(settings)
    yield from _unit(settings)
    yield from _model(settings)
    yield from _disks(settings, usable)
    yield of_link("links.sorted", settings.links.sorted, str(settings.sorted_dir))
    yield from _returns(settings)
    yield from of_alerts(settings)
    yield from of_mirror(settings)
    yield from of_share_log(settings.corrections.share_log)
    yield from of_handover(settings)
    yield from _time(settings, clock)


# --- the checks ----------------------------------------------------------------------------------


def _daemon(settings: Settings) -> Findings:
    document, code = read(settings.state_dir)
    if code == NOT_RUNNING:
        yield advice("daemon", "is not running", "systemctl start nightsort")
    elif document["state"] == "starting":
        yield advice("daemon", "is starting", "ask again in a moment")
    elif document["problems"]:
        for problem in document["problems"]:
            yield wrong("daemon", problem, "see: nightsort status, journalctl -u nightsort")
    else:
        yield ok("daemon", str(document["state"]))


def _state(settings: Settings) -> Findings:
    mount = mount_of(settings.state_dir)
    if not events_arrive(mount):
        yield wrong(
            "state_dir",
            f"lies on {mount.fstype}, where a database is not safe",
            "set state_dir to a folder on a disk of this machine",
        )
    if not (settings.state_dir / DATABASE).exists():
        yield ok("database", "will be made at the first start")
        return
    if not _becomes_free(settings.state_dir):
        remedy = "end that program (a backup, perhaps), or try again in a moment"
        yield advice("database", "is held by another program just now", remedy)
        return
    try:
        with closing(Store(settings.state_dir)):
            yield ok("database", "opens and can be written")
    except (ConfigError, StoreDamaged) as exc:
        yield wrong("database", str(exc), "restore a backup, or correct its rights")


def _backups(settings: Settings, clock: Clock) -> Findings:
    backups = Backups.from_settings(settings)
    folder = backups.folder
    with closing(Prober(_PATIENCE_SECONDS)) as prober:
        try:
            answer = prober.ask(str(folder), {"do": "look", "marker": MARKER})
        except NoAnswerError:
            yield wrong("backups", f"{folder} does not answer", "check its disk or its server")
            return
    if answer.get("errno") not in (None, errno.ENOENT) or answer.get("is_writable") is False:
        remedy = "make the folder, and give nightsort's user the right to write there"
        yield wrong("backups", f"{folder} may not be written to", remedy)
        return
    try:
        newest = next((one.made_at for one in backups.listed()), None)
    except TransientError as exc:
        yield wrong("backups", str(exc), "check that disk")
        return
    yield of_backups(newest, clock.now(), is_nightly=settings.backups.nightly)
    if newest is not None and folder.stat().st_dev == settings.state_dir.stat().st_dev:
        remedy = "set [backups] folder to another disk; a disk that dies takes both along"
        yield advice("backups", "they lie on the disk of state_dir", remedy)


def _becomes_free(state_dir: Path) -> bool:
    """The daemon holds its database for moments only."""
    deadline = time.monotonic() + _BUSY_SECONDS
    while not (free := is_free(state_dir)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return free


def _reach_all(settings: Settings) -> dict[str, Finding]:
    with closing(Prober(_PATIENCE_SECONDS)) as prober:
        return {name: _reach(prober, name, _folder(settings, name)) for name in _FOLDERS}


def _apart(settings: Settings, usable: set[str]) -> Findings:
    """Settings keep the folders apart by their names; a link may lead one into another."""
    names = [name for name in (*_FOLDERS, "state") if name in usable | {"state"}]
    folders = {f"{name}_dir": _folder(settings, name).resolve() for name in names}
    if inside := one_in_another(folders):
        key, other = inside
        text = f"{folders[key]} lies, by way of a link, in {other} {folders[other]}"
        yield wrong(key, text, "give each a folder of its own")


def _file_systems(settings: Settings, usable: set[str]) -> Findings:
    for name in (name for name in _FOLDERS if name in usable):
        folder = _folder(settings, name)
        if os.access(folder, os.W_OK | os.X_OK):
            yield from _try_out(name, folder)
    if {"incoming", "sorted"} <= usable and os.access(settings.incoming_dir, os.W_OK | os.X_OK):
        yield from _try_moving(settings)


def _reach(prober: Prober, name: str, folder: Path) -> Finding:
    try:
        answer = prober.ask(str(folder), {"do": "look", "marker": MARKER})
    except NoAnswerError:
        remedy = "check the share's server and the network"
        return wrong(f"{name}_dir", f"{folder} does not answer", remedy)
    if "errno" in answer:
        what = os.strerror(answer["errno"])
        remedy = "mount its share, or make the folder and give nightsort's user the right to write"
        return wrong(f"{name}_dir", f"{folder} cannot be entered: {what}", remedy)
    if not answer["is_writable"]:
        if name == "incoming":
            remedy = (
                "give nightsort's user the right to write there, else photos are copied and stay "
                "in incoming"
            )
            return advice("incoming_dir", f"{folder} may only be read", remedy)
        remedy = "give nightsort's user the right to write there"
        return wrong(f"{name}_dir", f"{folder} may not be written to", remedy)
    if answer["marker"] is None:
        text = f"{folder} is there; it will be marked as nightsort's at the first start"
        return ok(f"{name}_dir", text)
    return ok(f"{name}_dir", f"{folder} is there, writable and marked as nightsort's")


def _try_out(name: str, folder: Path) -> Findings:
    subject = f"{name}_dir"
    fstype = mount_of(folder).fstype
    try:
        with trial_folder(folder) as trial:
            traits = traits_of(trial)
    except OSError as exc:
        remedy = "check the share's rights and free space"
        yield wrong(subject, f"files cannot be made or removed there: {exc.strerror}", remedy)
        return
    yield from of_file_system(subject, fstype, traits)


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
    yield ok("filing", f"photos go from incoming to sorted {how}")


def _watching(settings: Settings) -> Findings:
    folder = settings.incoming_dir
    mode, why = choose(settings.intake.observer, folder)
    fitting, reason = choose("auto", folder)
    if mode == "native" and fitting == "polling":
        text = f"native is set, but polling fits: {reason}"
        yield wrong("watch mode", text, 'set [intake] observer = "auto"')
    elif mode == "native":
        yield from _native(folder, why)
    else:
        yield ok("watch mode", f"polling fits: {why}")


def _native(folder: Path, why: str) -> Findings:
    try:
        with trial_folder(folder) as trial:
            arrives = events_come(trial)
    except OSError as exc:
        if exc.errno in REFUSED or exc.errno == errno.EROFS:
            text = f"native fits: {why}; not tried, as nothing may be written there"
            yield ok("watch mode", text)
            return
        remedy = "raise fs.inotify.max_user_watches and max_user_instances (sysctl)"
        yield wrong("watch mode", f"events cannot be asked for: {exc.strerror}", remedy)
        return
    if arrives:
        yield ok("watch mode", f"native fits: {why}; an event of another process arrived")
    else:
        remedy = 'set [intake] observer = "polling"'
        yield wrong("watch mode", "no event of another process arrived", remedy)
    yield from of_watches(inotify_watches(), count_folders(folder, FEW_WATCHES))


def _unit(settings: Settings) -> Findings:
    if any((folder / "nightsort.service").exists() for folder in UNIT_FOLDERS):
        yield of_drop_in(settings, DROP_IN)
    else:
        yield ok("systemd", "no unit of nightsort is installed here")


def of_drop_in(settings: Settings, drop_in: Path) -> Finding:
    """Whether the unit may write to the folders of the settings."""
    remedy = "run as root: nightsort unit --write && systemctl daemon-reload, then restart it"
    try:
        written = drop_in.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as exc:
        return wrong("systemd", f"{drop_in} cannot be read: {exc.strerror}", remedy)
    missing = {*writable_folders(on_this_machine(settings))} - {*writable_folders(written)}
    if missing:
        text = f"the unit may not write to {', '.join(sorted(map(str, missing)))}"
        return wrong("systemd", text, remedy)
    return ok("systemd", "the unit may write to all folders of the settings")


def _model(settings: Settings) -> Findings:
    from classifier.threads import pools
    from daemon.sorting.versions import load_classifier

    try:
        classifier = load_classifier(settings)
    except NightsortError as exc:
        remedy = "install nightsort anew, set model_dir, or run `nightsort models adopt shipped`"
        yield wrong("model", str(exc), remedy)
        return
    title, self_test = classifier.title, classifier.bundle.card.self_test
    if self_test is None:
        yield advice("model", f"{title} has no self-test", "train it anew, or give it one")
    else:
        pictures = len(self_test.specimens)
        yield ok("model", f"{title} passes its self-test on {pictures} drawn pictures")
    yield of_threads(pools())


def _disks(settings: Settings, usable: set[str]) -> Findings:
    wanted_mb = settings.filing.min_free_mb
    wanted = None if wanted_mb is None else wanted_mb * 1_000_000
    for name in ("sorted", "state"):
        if name == "sorted" and name not in usable:
            continue  # told already
        disk = shutil.disk_usage(_folder(settings, name))
        minimum = minimum_free_bytes(wanted, disk.total) if name == "sorted" else 0
        yield of_disk(f"{name}_dir", disk.free, minimum)


def _returns(settings: Settings) -> Findings:
    """Whether the newest run's return ids can be right."""
    try:
        with closing(Store(settings.state_dir, reading=True)) as store:
            newest = store.runs.newest()
            counts = store.history.return_counts(newest["run"]) if newest else []
    except NightsortError:
        return  # there is no history yet; what is wrong with it is told already
    photos = sum(one.photos for one in counts)
    found = doubts(counts, photos)
    for doubt in found:
        yield advice("returns", doubt.text, doubt.remedy)
    if photos and not found:
        named = sum(1 for one in counts if one.return_id)
        yield ok(
            "returns", f"the newest run's {count(photos, 'photo')} name {count(named, 'return')}"
        )


def _time(settings: Settings, clock: Clock) -> Findings:
    now = clock.now()
    yield of_clock(now, is_synchronised=is_clock_synchronised())
    window = Timetable(settings.window, clock).window()
    if window is not None:
        yield ok("window", f"from {window.opens:%a %H:%M} to {window.closes:%a %H:%M}")


def _folder(settings: Settings, name: str) -> Path:
    folder: Path = getattr(settings, f"{name}_dir")
    return folder
