"""Returns as a whole: what became of each, from its photos of all nights. Pure functions.

A photo that was to be taken again, could not be read or was deleted is *retaken* once a later photo
of its return has come; from then on it says nothing of the return any more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from daemon.domain.corrections import Word
from daemon.domain.photos import Story


class ReturnStatus(StrEnum):
    """How far a return is. The values are fixed: programs act on them."""

    FILED = "filed"
    # Filed; the program was not quite sure, or its photos lie in two categories, or are the very
    # photos of another return.
    LOOK = "look"
    DECIDE = "decide"  # a person must say what it is
    RETAKE = "retake"  # it is to be photographed again
    REMOVED = "removed"  # nothing of it is there any more


@dataclass(frozen=True, slots=True)
class LastWord:
    """What a person said last of a photo."""

    word: Word
    person: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ReturnPhoto:
    """A photo of a return."""

    story: Story
    last: LastWord | None = None
    twin: str = ""  # of a duplicate: the category of the photo whose bytes it has


@dataclass(frozen=True, slots=True)
class ReturnState:
    """One return."""

    return_id: str
    status: ReturnStatus
    category: str  # what it is, or is guessed to be; empty where nothing says it
    photos: int  # that are there
    confidence: float | None  # of that category; None where a person chose it
    decided_by: str  # who spoke last; empty where nobody did
    updated: datetime  # when something was last recorded of it


_THERE = frozenset({"filed", "review", "retake", "quarantined"})
_GOOD = frozenset({"filed", "review"})


def retaken(photos: Sequence[ReturnPhoto]) -> dict[int, Story]:
    """Photos of one return, by number, that a later one took the place of, each with that one."""
    good = [(one.story, _moment(one.story.first_seen_at)) for one in photos if _is_good(one.story)]
    found = {}
    for photo in photos:
        since = _wanted_since(photo)
        later = [story for story, came in good if since is not None and came > since]
        if later:
            found[photo.story.id] = min(later, key=lambda story: story.id)
    return found


def state_of(photos: Sequence[ReturnPhoto]) -> ReturnState:
    """What became of a return. photos: all of it that have an outcome, the oldest first."""
    replaced = retaken(photos)
    counting = [one for one in photos if one.story.id not in replaced]
    status = _status([one.story for one in counting])
    telling = _telling([one.story for one in counting])
    twins = [one.twin for one in counting] if _are_duplicates(telling) else []
    category = next(filter(None, twins), "") or _category(telling)
    spoken = [one.last for one in counting if one.last and one.last.word is not Word.TAKEN_BACK]
    return ReturnState(
        return_id=next((s.return_id for s in reversed(telling) if s.return_id), ""),
        status=status,
        category=category,
        photos=len(twins) or sum(one.story.state in _THERE for one in counting),
        confidence=_confidence(telling, category),
        decided_by=max(spoken, key=lambda word: word.at).person if spoken else "",
        updated=max(map(_updated, photos)),
    )


def changed_since(photos: Sequence[ReturnPhoto], run: str, closed: datetime) -> bool:
    """Whether anything happened to a return after a run in which it was sorted was closed."""
    return any(
        (one.last is not None and one.last.at >= closed)
        or (one.story.removed_at and _moment(one.story.removed_at) >= closed)
        or (one.story.run != run and _moment(one.story.recorded_at) >= closed)
        for one in photos
    )


def _status(stories: Sequence[Story]) -> ReturnStatus:
    states = {story.state for story in stories}
    filed = [story for story in stories if story.state == "filed"]
    if _are_duplicates(stories):
        return ReturnStatus.LOOK
    if "review" in states:
        return ReturnStatus.DECIDE
    if "retake" in states or (not filed and "quarantined" in states):
        return ReturnStatus.RETAKE
    if not filed:
        return ReturnStatus.REMOVED
    is_doubtful = any(story.band == "check" and not story.decided for story in filed)
    are_several = len({story.category_now for story in filed}) > 1
    return ReturnStatus.LOOK if is_doubtful or are_several else ReturnStatus.FILED


def _confidence(stories: Sequence[Story], category: str) -> float | None:
    """The highest of those that were judged to be of that category, and still are."""
    right = [one for one in stories if category and one.category == one.category_now == category]
    return max((one.confidence or 0.0 for one in right), default=None)


def _are_duplicates(stories: Sequence[Story]) -> bool:
    """Whether all there is of a return are the very photos of another."""
    return {story.state for story in stories} == {"duplicate"}


def _telling(stories: Sequence[Story]) -> list[Story]:
    """Those that say what it is: what is filed, else what waits, else whatever there was."""
    for states in ({"filed"}, {"review"}, {"retake"}, {"quarantined"}):
        if found := [story for story in stories if story.state in states]:
            return found
    gone = [story for story in stories if story.state != "duplicate"]
    return gone or list(stories)


def _category(stories: Sequence[Story]) -> str:
    """A person's word, else what most photos show, else what is surest."""
    said = [story for story in stories if story.decided] or stories
    counts = Counter(story.category_now for story in said)
    ranked = sorted(said, key=lambda one: (counts[one.category_now], one.confidence or 0.0))
    return ranked[-1].category_now if ranked else ""


def _wanted_since(photo: ReturnPhoto) -> datetime | None:
    """Since when a later photo of the return takes its place; None: it needs none."""
    story, last = photo.story, photo.last
    if story.state in ("retake", "removed") and last and last.word is Word.RETAKE:
        return last.at
    # When a deletion was noticed says little: whoever photographs again deletes before or after.
    is_wanted = story.state in ("retake", "removed", "quarantined")
    return _moment(story.recorded_at) if is_wanted else None


def _is_good(story: Story) -> bool:
    return story.state in _GOOD


def _updated(photo: ReturnPhoto) -> datetime:
    story = photo.story
    moments = [_moment(text) for text in (story.recorded_at, story.removed_at) if text]
    return max([*moments, *([photo.last.at] if photo.last else [])])


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
