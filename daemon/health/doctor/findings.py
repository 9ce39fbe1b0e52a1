"""Findings: what the doctor says of what it saw, each with its remedy. Nothing looks here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from classifier.threads import Pool
from config.readable import plain
from daemon.domain.alert_answers import TargetTried
from daemon.domain.inspection import FindingState, Found
from daemon.health.doctor.fs_trials import Traits

SKEW_SECONDS = 60.0
LOW_DISK_BYTES = 5e9
FEW_WATCHES = 8192

# What people at other machines can open.
_REACHED_FROM_AFAR = re.compile(
    r"(\\\\|//)[^\\/]|[A-Za-z]:[\\/]|(https?|smb|ftp|file)://", re.IGNORECASE
)


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


def ok(subject: str, text: str) -> Finding:
    """All is well."""
    return Finding(Level.OK, subject, text)


def advice(subject: str, text: str, remedy: str) -> Finding:
    """It works, and could be better."""
    return Finding(Level.ADVICE, subject, text, remedy)


def wrong(subject: str, text: str, remedy: str) -> Finding:
    """It does not work, or will not for long."""
    return Finding(Level.WRONG, subject, text, remedy)


def in_words(finding: Finding) -> str:
    """A finding as a line, with its remedy below; names of others in it make no line of theirs."""
    line = f"{finding.level:<7} {plain(finding.subject)}: {plain(finding.text)}"
    return f"{line}\n        → {plain(finding.remedy)}" if finding.remedy else line


_STATES = {
    Level.OK: FindingState.OK,
    Level.ADVICE: FindingState.WARNING,
    Level.WRONG: FindingState.WRONG,
}


def found_of(findings: Iterable[Finding]) -> list[Found]:
    """As the page reads them."""
    return [Found(one.subject, _STATES[one.level], one.text, one.remedy) for one in findings]


def document(findings: Sequence[Finding], at: datetime) -> dict[str, object]:
    """As programs and the page read them. at: when they were made."""
    found = [asdict(one) for one in found_of(findings)]
    return {"at": at.isoformat(timespec="seconds"), "findings": found}


def of_target(one: TargetTried) -> Finding:
    """How a test alert fared."""
    if not one.error:
        return ok(one.name, "delivered")
    but = "delivered, but not to all: " if one.delivered else ""
    remedy = "correct it in [alerts] targets, or see to its server; docs/alerts.md says how"
    return wrong(one.name, f"{but}{one.error}", remedy)


def of_threads(pools: Sequence[Pool]) -> Finding:
    """Whether the libraries that workers compute with keep to one thread for each worker."""
    loose = [f"{pool.library}: {pool.threads}" for pool in pools if pool.threads != 1]
    if loose:
        text = f"{', '.join(loose)} threads for each worker: they take cores from one another"
        remedy = "set OPENBLAS_NUM_THREADS=1 and OMP_NUM_THREADS=1 (Environment= of the unit)"
        return advice("threads", text, remedy)
    held = ", ".join(pool.library for pool in pools) or "no library brings threads of its own"
    return ok("threads", f"one for each worker: {held}")


def of_file_system(subject: str, fstype: str, traits: Traits) -> Findings:
    """What a file system does with names and times."""
    if traits.renames is None:
        remedy = "use another kind of file system, or another version of its server"
        yield wrong(subject, f"{fstype} renames nothing without replacing", remedy)
    else:
        yield ok(subject, f"{fstype} renames without replacing, {traits.renames}")
    if abs(traits.clock_ahead_seconds) > SKEW_SECONDS:
        text = f"its server's clock is {traits.clock_ahead_seconds:+.0f} seconds from this one's"
        yield advice(subject, text, "let both follow a time server")
    if not traits.tells_case_apart:
        yield ok(subject, "takes A.jpg and a.jpg for one name; names are kept apart by numbers")
    if not traits.keeps_composed_names:
        yield ok(subject, "writes é as two characters; names are compared composed")


def of_watches(limit: int | None, folders: int) -> Findings:
    """limit: of folders that the kernel lets a user watch; None: unknown."""
    if limit is not None and limit < max(FEW_WATCHES, 2 * folders):
        text = f"the kernel lets a user watch {limit} folders; incoming holds {folders}"
        remedy = (
            "a line fs.inotify.max_user_watches=524288 in /etc/sysctl.d/, then: sysctl --system"
        )
        yield advice("inotify", text, remedy)


def of_disk(subject: str, free_bytes: int, minimum_bytes: int) -> Finding:
    """minimum_bytes: below which nothing is filed."""
    text = f"{free_bytes / 1e9:.1f} GB free"
    if free_bytes < minimum_bytes:
        why = f"too little to file anything (filing.min_free_mb: {minimum_bytes / 1e6:.0f} MB)"
        return wrong(subject, f"{text}, {why}", "free some space, or lower filing.min_free_mb")
    if free_bytes < LOW_DISK_BYTES:
        return advice(subject, text, "free some space")
    return ok(subject, text)


def of_backups(newest: datetime | None, now: datetime, *, is_nightly: bool) -> Finding:
    """newest: when the newest was made; None: there is none."""
    if not is_nightly and (newest is None or now - newest > timedelta(days=2)):
        text = "none is made by itself" if newest is None else f"the newest is of {newest:%d %b %Y}"
        return advice("backups", text, "set [backups] nightly = true, or run: nightsort backup")
    if newest is None:
        return ok("backups", "the first is made once the service is quiet")
    if now - newest > timedelta(days=2):
        remedy = "see backup_failed in the log, then run: nightsort backup"
        return wrong("backups", f"the newest is of {newest:%d %b %Y}", remedy)
    return ok("backups", f"the newest is of {newest:%d %b %Y %H:%M} UTC")


def of_clock(now: datetime, *, is_synchronised: bool | None) -> Finding:
    """is_synchronised: with a time server; None: nobody knows."""
    text = f"it is {now:%Y-%m-%d %H:%M} in {now.tzname()}"
    if is_synchronised is False:
        remedy = "let the machine follow a time server (timedatectl set-ntp true)"
        return advice("clock", f"{text}, and nothing keeps it right", remedy)
    return ok("clock", text)


def of_link(key: str, address: str | None, folder: str) -> Finding:
    """How people's machines reach a folder, for links in reports and workbooks."""
    example = rf"set it to what people's machines open, such as \\box\{folder.rpartition('/')[2]}"
    if address is None:
        return advice(key, "is not set; photos in reports do not open by a click", example)
    if not _REACHED_FROM_AFAR.match(address):
        return advice(key, f"{address} opens on this machine at most", example)
    return ok(key, f"photos in reports open at {address}")
