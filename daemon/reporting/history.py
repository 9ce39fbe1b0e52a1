"""The history as people and programs read it: runs, and all that is known of one photo."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, tzinfo
from pathlib import Path

from config.readable import plain
from config.units import certainty
from daemon.domain.corrections import Correction, Word
from daemon.domain.photos import Story, as_text
from daemon.domain.returns import ReturnPhoto
from daemon.reporting.retakes import Retakes

_AT = "%d %b %Y %H:%M"
# Where a photo is, in words; the place follows.
IN_WORDS = {
    "queued": "waits in incoming",
    "claimed": "is being looked at, in incoming",
    "classified": "is on its way out of incoming",
    "filed": "is filed",
    "review": "waits for a person's decision",
    "duplicate": "is set aside as a duplicate",
    "quarantined": "is in quarantine",
    "gone": "was taken away by a person before its turn",
    "undone": "was put back into incoming and is left alone there",
    "retake": "is to be photographed again",
    "removed": "was taken away by a person; it was last",
}
_IN_HAND = frozenset({"queued", "claimed", "classified"})
_IN_INCOMING = _IN_HAND | {"gone", "undone"}


def folder_of(story: Story) -> str:
    """In which folder it lies, incoming or sorted."""
    return "incoming" if story.state in _IN_INCOMING else "sorted"


def name_within(name: str, folders: Iterable[Path]) -> str:
    """What people type for a photo, as the store knows it: a path in one of `folders` is cut."""
    for folder in folders:
        inside = name.removeprefix(f"{folder}/")
        if inside != name:
            return inside
    return name


def story_json(
    story: Story, corrections: Iterable[Correction], photos: Sequence[ReturnPhoto] = ()
) -> dict[str, object]:
    """One photo for programs. photos: all of its return, of all nights."""
    retakes = Retakes.among([photos])
    later = retakes.by.get(story.id)
    return {
        "id": story.id,
        "filename": story.filename,
        "return_id": story.return_id,
        "state": story.state,
        "first_seen": story.first_seen_at,
        "recorded": story.recorded_at or None,
        "run": story.run or None,
        "status": story.status or None,
        "category": story.category or None,
        "category_now": story.category_now or None,
        "confidence": None if story.confidence is None else round(story.confidence, 4),
        "band": story.band or None,
        "reason": story.reason or None,
        "reason_text": story.reason_text or None,
        "alternatives": [
            {"category": a.category, "confidence": round(a.confidence, 4)}
            for a in story.alternatives
        ],
        "source_path": as_text(story.source),
        "filed_path": as_text(story.target) or None,
        "path_now": as_text(story.place),
        "folder_now": folder_of(story),
        "sha256": story.sha256 or None,
        "let_go": story.let_go_at or None,
        "sent_by": story.sent_by or None,
        "removed_at": story.removed_at or None,
        "failing_since": story.failing_since if _is_failing(story) else None,
        "failing_why": story.failing_why if _is_failing(story) else None,
        "retaken_by": later and later.id,
        "retake_of": [earlier.id for earlier in retakes.of.get(story.id, ())],
        "model": story.model or None,
        "corrections": [
            {
                "at": one.at.isoformat(timespec="seconds"),
                "word": one.word,
                "before": one.before or None,
                "category": one.category or None,
                "person": one.person,
                "from": as_text(one.move.source),
                "to": as_text(one.move.target),
            }
            for one in corrections
        ],
    }


def story_in_words(
    story: Story,
    corrections: Iterable[Correction],
    full: Callable[[str, str], str],
    zone: tzinfo,
    photos: Sequence[ReturnPhoto] = (),
) -> str:
    """One photo for people. full: makes a whole path of a folder's name and a path in it.

    zone: of the times, which the store partly keeps in UTC. photos: all of its return.
    """
    now = f"{IN_WORDS[story.state]}: {full(folder_of(story), story.place)}"
    lines = [
        ("return", story.return_id),
        ("came", _came(story, full)),
        ("verdict", _verdict(story)),
        ("run", f"{story.run}, {_time(story.recorded_at)}" if story.recorded_at else ""),
        *(("then", _correction(one, zone)) for one in corrections),
        ("tried", _tried(story, zone)),
        ("removed", f"noticed {_local(story.removed_at, zone)}" if story.removed_at else ""),
        *_retakes(story, photos, zone),
        ("now", _let_go(story) or now),
        ("sha256", story.sha256),
    ]
    shown = [f"  {label:<8} {plain(text)}" for label, text in lines if text]
    return "\n".join([plain(story.filename), *shown])


def _came(story: Story, full: Callable[[str, str], str]) -> str:
    came = f"{_time(story.first_seen_at)} as {full('incoming', story.source)}"
    return f"{came}, sent by {story.sent_by}" if story.sent_by else came


def _verdict(story: Story) -> str:
    if not story.category:
        return story.reason_text
    return ", ".join(_verdict_parts(story))


def _verdict_parts(story: Story) -> Iterator[str]:
    yield f"{story.category}, {certainty(story.confidence or 0.0)}"
    if story.reason_text:
        yield f"a person should look: {story.reason_text}"
    if story.alternatives:
        second = story.alternatives[0]
        yield f"next {second.category} ({certainty(second.confidence)})"


# What a word says of a photo; `{of}` is what it changed.
_SAID = {
    Word.CORRECTED: "corrected by {person}: {of}",
    Word.DRAGGED: "seen to have been moved by {person}: {of}",
    Word.UNDONE: "undone by {person}",
    Word.RETAKE: "to be photographed again, says {person}",
    Word.TAKEN_BACK: "decision taken back by {person}",
}


def _correction(one: Correction, zone: tzinfo) -> str:
    at, person = f"{one.at.astimezone(zone):{_AT}}", one.person
    if not one.is_confirmation:
        return f"{at} {_SAID[one.word].format(person=person, of=f'{one.before} → {one.category}')}"
    if one.word is Word.DRAGGED:
        return f"{at} seen to have been moved by {person}, which confirms {one.category}"
    return f"{at} confirmed by {person}: {one.category}"


def _is_failing(story: Story) -> bool:
    return bool(story.failing_since) and story.state in _IN_HAND


def _tried(story: Story, zone: tzinfo) -> str:
    """Why a photo still waits that was tried, maybe for hours."""
    if not _is_failing(story):
        return ""
    return f"again and again since {_local(story.failing_since, zone)}: {story.failing_why}"


def _retakes(
    story: Story, photos: Sequence[ReturnPhoto], zone: tzinfo
) -> Iterator[tuple[str, str]]:
    retakes = Retakes.among([photos])
    if (later := retakes.by.get(story.id)) is not None:
        yield "retaken", f"{_local(later.first_seen_at, zone)} as {later.filename} (#{later.id})"
    for earlier in retakes.of.get(story.id, ()):
        yield "retake", f"of {earlier.filename} (#{earlier.id})"


def _let_go(story: Story) -> str:
    """For a photo that was not to be kept for longer."""
    at = story.let_go_at and _time(story.let_go_at)
    return f"not kept since {at}, as [retention] says" if at else ""


def _local(text: str, zone: tzinfo) -> str:
    return f"{datetime.fromisoformat(text).astimezone(zone):{_AT}}"


def _time(text: str) -> str:
    return f"{datetime.fromisoformat(text):{_AT}}"
