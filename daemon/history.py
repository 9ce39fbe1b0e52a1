"""The history as people and programs read it: runs, and all that is known of one photo."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

from config.readable import plain
from daemon.records import Correction, Story, Word, as_text
from daemon.words import certainty

_AT = "%d %b %Y %H:%M"
# Where a photo is, in words; the place follows.
_WHERE = {
    "queued": "waits in incoming",
    "claimed": "is being looked at, in incoming",
    "classified": "is on its way out of incoming",
    "filed": "is filed",
    "review": "waits for a person's decision",
    "duplicate": "is set aside as a duplicate",
    "quarantined": "is in quarantine",
    "gone": "was taken away by a person before its turn",
    "undone": "was put back into incoming and is left alone there",
}
_IN_INCOMING = frozenset({"queued", "claimed", "classified", "gone", "undone"})


def name_within(name: str, folders: Iterable[Path]) -> str:
    """What people type for a photo, as the store knows it: a path in one of `folders` is cut."""
    for folder in folders:
        inside = name.removeprefix(f"{folder}/")
        if inside != name:
            return inside
    return name


def runs_in_words(summaries: list[dict[str, Any]], corrected: Mapping[str, int]) -> str:
    """Runs as a table, newest first. corrected: as for `runs_table`."""
    from daemon.tables import runs_table

    return runs_table(summaries, corrected) if summaries else "No runs in that time."


def story_json(story: Story, corrections: Iterable[Correction]) -> dict[str, Any]:
    """One photo for programs."""
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
        "folder_now": "incoming" if story.state in _IN_INCOMING else "sorted",
        "sha256": story.sha256 or None,
        "let_go": story.let_go_at or None,
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
    story: Story, corrections: Iterable[Correction], full: Callable[[str, str], str], zone: tzinfo
) -> str:
    """One photo for people. full: makes a whole path of a folder's name and a path in it.

    zone: of the times, which the store partly keeps in UTC.
    """
    folder = "incoming" if story.state in _IN_INCOMING else "sorted"
    now = f"{_WHERE[story.state]}: {full(folder, story.place)}"
    lines = [
        ("return", story.return_id),
        ("came", f"{_time(story.first_seen_at)} as {full('incoming', story.source)}"),
        ("verdict", _verdict(story)),
        ("run", f"{story.run}, {_time(story.recorded_at)}" if story.recorded_at else ""),
        *(("then", _correction(one, zone)) for one in corrections),
        ("now", _let_go(story) or now),
        ("sha256", story.sha256),
    ]
    shown = [f"  {label:<8} {plain(text)}" for label, text in lines if text]
    return "\n".join([plain(story.filename), *shown])


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


def _correction(one: Correction, zone: tzinfo) -> str:
    at, person = f"{one.at.astimezone(zone):{_AT}}", one.person
    match one.word:
        case Word.CORRECTED if one.is_confirmation:
            return f"{at} confirmed by {person}: {one.category}"
        case Word.DRAGGED if one.is_confirmation:
            return f"{at} seen to have been moved by {person}, which confirms {one.category}"
        case Word.CORRECTED:
            return f"{at} corrected by {person}: {one.before} → {one.category}"
        case Word.DRAGGED:
            return f"{at} seen to have been moved by {person}: {one.before} → {one.category}"
        case Word.UNDONE:
            return f"{at} undone by {person}"


def _let_go(story: Story) -> str:
    """For a photo that was not to be kept for longer."""
    at = story.let_go_at and _time(story.let_go_at)
    return f"not kept since {at}, as [retention] says" if at else ""


def _time(text: str) -> str:
    return f"{datetime.fromisoformat(text):{_AT}}"
