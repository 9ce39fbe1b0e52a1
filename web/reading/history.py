"""The history: photos looked up, runs, alerts. Read beside the daemon, and never written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo

from config.readable import plain
from config.settings import Settings
from config.units import certainty_unbroken
from daemon.domain.alerts import IncidentDocument
from daemon.domain.clock import zone_of
from daemon.domain.corrections import Correction
from daemon.domain.photos import as_text
from daemon.domain.reasons import recorded
from daemon.domain.speech import speech
from daemon.domain.summaries import RunSummary
from daemon.health.status_file import left_alone_words, read
from daemon.reporting.history import folder_of, name_within
from daemon.store import Store, Wanted, Whereabouts
from web.reading.photos import Seen

__all__ = [
    "Asked",
    "FoundPhoto",
    "Hits",
    "IncidentDocument",
    "RunSummary",
    "Whereabouts",
    "find",
    "known_categories",
    "photos_of_return",
    "recorded_in",
    "zone_of",
]

_MOST_OF_A_RETURN = 500
# Whose categories are offered.
_RUNS_LOOKED_AT = 60
_EARLIEST = "1970-01-01"


def recorded_in(sentence: str, language: str) -> str:
    """Why a photo could not be read, as it was recorded, in a language of people."""
    return recorded(sentence, speech(language))


@dataclass(frozen=True, slots=True)
class Said:
    """What a person said of a photo."""

    at: datetime
    word: str
    person: str
    before: str
    category: str
    is_confirmation: bool


@dataclass(frozen=True, slots=True)
class FoundPhoto:
    """A photo as people read of it; nothing in it can be anything but text."""

    id: int
    filename: str
    return_id: str
    state: str
    category: str  # now
    guess: str  # the verdict's
    confidence: str
    band: str
    reason: str  # its code
    reason_text: str
    others: tuple[tuple[str, str], ...]  # the runners-up: category and confidence
    run: str
    came: datetime
    recorded: datetime | None
    folder: str  # incoming or sorted
    place: str  # in it
    code: str  # of the category, in the warehouse
    location: str
    let_go: datetime | None
    sent_by: str  # empty: it came by the share
    is_shown: bool  # there is a picture of it
    said: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person looks for."""

    text: str = ""
    category: str = ""
    day: date | None = None
    state: Whereabouts | None = None
    run: str = ""

    @property
    def is_anything(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self.text or self.category or self.day or self.state or self.run)


@dataclass(frozen=True, slots=True)
class Hits:
    """What was found, the newest first."""

    photos: list[FoundPhoto]
    older: int | None  # the number before which to look on; None: that is all
    left_alone: str = ""  # why a file of that name in incoming is no photo that is known


def known_categories(store: Store, settings: Settings) -> list[str]:
    """Those that photos are in, as far as the last runs tell, and those of the settings."""
    runs = store.runs.summaries(limit=_RUNS_LOOKED_AT)
    found = {category for run in runs for category in run["categories"]}
    return sorted(found | set(settings.categories), key=str.casefold)


def find(
    store: Store, settings: Settings, asked: Asked, limit: int, before: int | None = None
) -> Hits:
    """What `nightsort find` finds, and by category, day and state.

    The text may also be a category or a day.
    """
    folders = (settings.incoming_dir, settings.sorted_dir)
    name = name_within(asked.text, folders)
    wanted = Wanted(name, asked.category, asked.day, asked.state, asked.run)
    stories = store.search.stories(_understood(wanted, store, settings), limit + 1, before)
    zone = zone_of(settings)
    photos = [
        _photo(Seen(one, tuple(store.corrections.of(one.id))), settings, zone)
        for one in stories[:limit]
    ]
    alone = ""
    if not photos and name and before is None:
        alone = left_alone_words(name, read(settings.state_dir)[0]) or ""
    return Hits(photos, photos[-1].id if len(stories) > limit else None, plain(alone))


def photos_of_return(store: Store, return_id: str) -> list[Seen]:
    """The photos of a return, however its id is spelt, oldest first."""
    stories = store.search.of_return(return_id, _MOST_OF_A_RETURN)[::-1]
    return [Seen(one, tuple(store.corrections.of(one.id))) for one in stories]


def _understood(wanted: Wanted, store: Store, settings: Settings) -> Wanted:
    """The text is a day or a category where it can be one, and no photo is called so."""
    if not wanted.name:
        return wanted
    if wanted.day is None and (day := _day(wanted.name)) is not None:
        return replace(wanted, name="", day=day)
    if not wanted.category:
        for category in known_categories(store, settings):
            if category.casefold() == wanted.name.casefold():
                return replace(wanted, name="", category=category)
    return wanted


def _day(text: str) -> date | None:
    """A day as `2026-11-16` or `16.11.2026`."""
    for written in ("%Y-%m-%d", "%d.%m.%Y"):
        try:
            day = datetime.strptime(text, written).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
        return day if day.isoformat() > _EARLIEST else None
    return None


def _photo(found: Seen, settings: Settings, zone: tzinfo) -> FoundPhoto:
    story = found.story
    known = settings.categories.get(story.category_now)
    return FoundPhoto(
        id=story.id,
        filename=plain(story.filename),
        return_id=plain(story.return_id),
        state=story.state,
        category=plain(story.category_now),
        guess=plain(story.category),
        confidence="" if story.confidence is None else certainty_unbroken(story.confidence),
        band=story.band,
        reason=story.reason,
        reason_text=plain(story.reason_text),
        others=tuple(
            (plain(one.category), certainty_unbroken(one.confidence)) for one in story.alternatives
        ),
        run=story.run if story.recorded_at else "",
        came=datetime.fromisoformat(story.first_seen_at).astimezone(zone),
        recorded=_moment(story.recorded_at, zone),
        folder=folder_of(story),
        place=plain(as_text(story.place)),
        code=known.code if known else "",
        location=known.location if known else "",
        let_go=_moment(story.let_go_at, zone),
        sent_by=plain(story.sent_by),
        is_shown=found.is_shown and not story.let_go_at,
        said=tuple(_said(one, zone) for one in found.words),
    )


def _said(one: Correction, zone: tzinfo) -> Said:
    return Said(
        one.at.astimezone(zone),
        one.word,
        plain(one.person),
        plain(one.before),
        plain(one.category),
        one.is_confirmation,
    )


def _moment(text: str, zone: tzinfo) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(zone) if text else None
