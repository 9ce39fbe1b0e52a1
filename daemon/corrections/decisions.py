"""Decisions: what people say of a photo that they were shown, on a page or through a program.

The first word holds: whoever decides on a photo that somebody else decided on meanwhile is told who
did, and what. To decide otherwise, take that word back first; one's own is simply followed by the
next. Who says which word they saw last (`upon`) is told of any other that was said since, also of
one that was taken back, or their own.
"""

from __future__ import annotations

from dataclasses import dataclass

from daemon.corrections.answers import WHY_NOT, NoSuchPhoto
from daemon.corrections.corrector import Corrector
from daemon.domain.clock import Clock
from daemon.domain.corrections import Correction, Word
from daemon.domain.orders import Code, Decision, Done, Left, PhotosAnswer, Speaker
from daemon.domain.photos import Story, as_text
from daemon.store import Store

# What lies where it was put, and may have been shown to somebody.
_SHOWN = ("review", "filed", "retake")


@dataclass(frozen=True, slots=True)
class _Said:
    """What somebody says of a photo that was decided."""

    decision: Decision
    category: str  # where the decision is that
    by: Speaker
    upon: int | None

    def is_the_same_as(self, last: Correction, category: str) -> bool:
        """Whether that is what was said last: a second click, or an answer that was lost."""
        if self.decision is Decision.RETAKE:
            return last.word is Word.RETAKE
        return last.word is not Word.RETAKE and last.category == category


class Decisions:
    """Carries out what people decide."""

    def __init__(self, store: Store, corrector: Corrector, clock: Clock) -> None:
        self._store = store
        self._corrector = corrector
        self._clock = clock

    def decide(
        self,
        photo: int,
        decision: Decision,
        category: str,
        by: Speaker,
        upon: int | None = None,
        *,
        is_new: bool = False,
    ) -> PhotosAnswer:
        """Decide on a photo in review, or on one that was filed without a look (a spot check).

        category: what it is, where the decision is that. upon: number of the last word on it as
        it was shown, 0: none; None: whatever was said. is_new: the category comes from
        `new_category`. Raises NoSuchPhoto, NoSuchCategory, and TransientError as
        `Corrector.correct` does.
        """
        self._corrector.finish_interrupted()
        story = self._story(photo)
        if category and not is_new:
            category = self._corrector.category(category)
        last = self._last_word(story)
        if story.state != "review" and last is not None:
            return self._decided_before(story, last, _Said(decision, category, by, upon))
        if last is not None and upon not in (None, last.id):
            return self._left(story, last)
        said = category or story.category_now
        return self._corrector.put(story, _word(story, decision), said, by)

    def take_back(self, photo: int, by: Speaker, upon: int | None = None) -> PhotosAnswer:
        """Take back the last word on a photo, which then waits in review again.

        upon: as in `decide`: nobody takes back what somebody else said meanwhile. Raises
        NoSuchPhoto, and TransientError as `Corrector.correct` does.
        """
        self._corrector.finish_interrupted()
        story = self._story(photo)
        last = self._last_word(story)
        if story.state == "review" or last is None:
            detail = "nobody has decided on it"
            return PhotosAnswer(left=(Left(story.id, story.filename, Code.ALREADY, detail),))
        if upon not in (None, last.id):
            return self._left(story, last)
        return self._corrector.put(story, Word.TAKEN_BACK, story.category, by)

    def _story(self, photo: int) -> Story:
        named = f"#{photo}"
        stories = [one for one in self._store.history.stories(named) if one.id == photo]
        if not stories:
            raise NoSuchPhoto(named, Code.NOT_FOUND, "there is no such photo")
        (story,) = stories
        if story.state not in _SHOWN:
            raise NoSuchPhoto(named, Code.STATE, WHY_NOT[story.state])
        return story

    def _last_word(self, story: Story) -> Correction | None:
        return next(reversed(self._store.corrections.of(story.id)), None)

    def _decided_before(self, story: Story, last: Correction, said: _Said) -> PhotosAnswer:
        """The same once more is done already; one's own word is followed by another."""
        category = said.category or story.category
        if last.person == said.by.person:
            if said.is_the_same_as(last, category):
                place = as_text(story.place)
                done = Done(story.id, story.filename, category, place, place)
                return PhotosAnswer(done=(done,))
            if said.upon in (None, last.id):
                word = Word.RETAKE if said.decision is Decision.RETAKE else Word.CORRECTED
                return self._corrector.put(story, word, category, said.by)
        return self._left(story, last)

    def _left(self, story: Story, last: Correction) -> PhotosAnswer:
        """Somebody said something meanwhile: who, and what."""
        detail = self._in_words(last)
        return PhotosAnswer(left=(Left(story.id, story.filename, Code.DECIDED, detail),))

    def _in_words(self, last: Correction) -> str:
        at = last.at.astimezone(self._clock.now().tzinfo)
        if last.word is Word.TAKEN_BACK:
            return f"{last.person} took a decision back on {at:%d %b %Y %H:%M}; look at it again"
        what = "to be photographed again" if last.word is Word.RETAKE else last.category
        return f"{last.person} decided on {at:%d %b %Y %H:%M}: {what}"


def _word(story: Story, decision: Decision) -> Word:
    match decision:
        case Decision.RETAKE:
            return Word.RETAKE
        case Decision.CATEGORY:
            return Word.CORRECTED
        case Decision.AGREE:
            return Word.AGREED if story.state == "review" else Word.CHECKED
