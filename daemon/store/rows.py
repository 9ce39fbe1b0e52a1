"""Between rows and records: what a table's row means."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from classifier.verdict import Alternative, Band, Reason, Verdict
from config.errors import PhotoProblem
from daemon.domain.corrections import Correction, Via, Word
from daemon.domain.photos import Fingerprint, Photo, Status, Story
from daemon.domain.runs import ResultRow
from daemon.domain.sorting import Examined, Move


@dataclass(frozen=True, slots=True)
class Intention:
    """A move that was under way: what was planned, and what to record when it is done."""

    move: Move
    examined: Examined
    status: Status
    run: str  # empty when the run it was planned in came to nothing


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many photos wait, and how many of those were given back and wait for their retry."""

    queued: int
    retrying: int


def photo_of(row: Sequence[Any]) -> Photo:
    """A photo in the queue."""
    return Photo(
        id=row[0],
        path=os.fsdecode(row[1]),
        fingerprint=Fingerprint(row[2], row[3], row[4]),
        first_seen_at=datetime.fromisoformat(row[5]),
        attempts=row[6],
        alone=bool(row[7]),
    )


# The columns of a `Story`, in the order of its fields.
STORY_COLUMNS = (
    "id, path, state, first_seen_at, coalesce(run, ''), coalesce(status, ''),"
    " coalesce(recorded_at, ''), coalesce(category, ''), confidence, coalesce(band, ''),"
    " coalesce(reason, ''), coalesce(reason_text, ''), alternatives, coalesce(return_id, ''),"
    " coalesce(target, x''),"
    " CASE WHEN state IN ('queued', 'claimed', 'classified', 'gone') THEN path"
    " ELSE coalesce(place, target) END, coalesce(decided, ''), kept_source,"
    " coalesce(sha256, ''), inode, size_bytes, mtime_ns, coalesce(let_go_at, ''),"
    " coalesce(model, ''), coalesce(edited_sha256, ''), coalesce(removed_at, ''),"
    " coalesce(failing_since, ''), coalesce(failing_why, ''), coalesce(sent_by, ''),"
    " coalesce(sent_via, '')"
)

# What `edited_sha256` becomes once a file's hash was seen; an empty one says nothing new.
EDITED = "nullif(coalesce(nullif(?, ''), edited_sha256), sha256)"


def story_of(row: Sequence[Any]) -> Story:
    """All about one photo; the row has `STORY_COLUMNS`."""
    fields: list[Any] = [*row[:19], Fingerprint(*row[19:22]), *row[22:]]
    fields[1], fields[14], fields[15] = (os.fsdecode(row[n]) for n in (1, 14, 15))
    fields[12], fields[17] = alternatives_of(row[12]), bool(row[17])
    return Story(*fields)


def correction_of(row: Sequence[Any]) -> Correction:
    """A person's later word on a photo."""
    mark = Fingerprint(*row[9:12])
    move = Move(row[1], os.fsdecode(row[7]), os.fsdecode(row[8]), mark, row[12] or "")
    said = datetime.fromisoformat(row[6])
    via = Via(row[13]) if row[13] else Via.COMMAND  # older histories do not say
    return Correction(row[0], row[1], Word(row[2]), row[3], row[4], row[5], said, move, via)


def utc(at: datetime) -> str:
    """A time that sorts as text."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def intention_values(intention: Intention) -> tuple[Any, ...]:
    """What an intention writes into the photo's row."""
    examined, mark = intention.examined, intention.move.fingerprint
    return (
        intention.run,
        intention.status,
        os.fsencode(intention.move.target),
        examined.sha256,
        mark.inode,
        mark.size_bytes,
        mark.mtime_ns,
        *found_values(examined),
        examined.model or None,
        examined.ahead_seconds,
        examined.photo.id,
    )


def found_values(examined: Examined) -> tuple[Any, ...]:
    """What was found: category, confidence, band, reason, its sentence, runners-up, label."""
    verdict = examined.verdict
    return (
        verdict and verdict.category,
        verdict and verdict.confidence,
        verdict and verdict.band,
        examined.problem or (verdict and verdict.reason),
        examined.problem_text or (verdict and verdict.reason_text),
        verdict and json.dumps([[a.category, a.confidence] for a in verdict.alternatives]),
        examined.label,
    )


def alternatives_of(text: str | None) -> tuple[Alternative, ...]:
    """The runners-up of a row."""
    return tuple(
        Alternative(category, confidence) for category, confidence in json.loads(text or "[]")
    )


def intention_of(row: Sequence[Any]) -> Intention:
    """An intention as it was planned."""
    photo = photo_of(row[:8])
    target, sha256, status, category, confidence, band, reason, text, *more = row[8:]
    alternatives, run, label, model = more
    verdict = None
    problem = None
    if category is not None:
        verdict = Verdict(
            category,
            confidence,
            Band(band),
            reason and Reason(reason),
            text,
            alternatives_of(alternatives),
        )
    else:
        problem = PhotoProblem(reason)
    why = text or "" if problem else ""
    examined = Examined(
        photo, photo.fingerprint, sha256, verdict, problem, why, label or "", model or ""
    )
    move = Move(photo.id, photo.path, os.fsdecode(target), photo.fingerprint, sha256)
    return Intention(move, examined, Status(status), run or "")


def result_row_of(row: Sequence[Any]) -> ResultRow:
    """A line of the results."""
    (path, category, confidence, status, recorded_at, band, reason, reason_text, alternatives,
     return_id, category_code, location, target, sha256, run) = row  # fmt: skip
    second = next(iter(alternatives_of(alternatives)), None)
    return ResultRow(
        source=os.fsdecode(path),
        category=category or "",
        confidence=confidence,
        status=Status(status),
        timestamp=recorded_at,
        band=band or "",
        reason=reason or "",
        reason_text=reason_text or "",
        second_category=second.category if second else "",
        second_confidence=second.confidence if second else None,
        return_id=return_id or "",
        category_code=category_code or "",
        location=location or "",
        target=os.fsdecode(target),
        sha256=sha256 or "",
        run=run,
    )
