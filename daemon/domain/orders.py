"""Orders: what people ask for beside a run, and what they are answered.

One type an order, which names its answer. Whoever owns the state folder carries them out: the
daemon, asked through its socket, or a command where no daemon runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, get_args

from config.errors import NightsortError
from daemon.domain.alert_answers import AlertAnswer, TargetsAnswer
from daemon.domain.coding import decoded
from daemon.domain.corrections import Via
from daemon.domain.forgetting import Receipt
from daemon.domain.inspection import Examination, Examine, SettingsTold, TellSettings
from daemon.domain.lessons import LessonAnswer, VersionAnswer, Wanted
from daemon.domain.order import Order
from daemon.domain.page_acts import PageAct, PageActsAnswer
from daemon.domain.sent import ExamplesAnswer, ReceivedAnswer, SentFile

# In place of a run's id: the newest.
LATEST = "latest"
_LONGEST_NAME = 100


class BadOrder(NightsortError):
    """Something was asked for that nobody understands, or that is not complete."""


# --- answers -------------------------------------------------------------------------------------


class Code(StrEnum):
    """Why a photo was left as it was. The values are fixed: programs act on them."""

    NOT_FOUND = "not_found"
    AMBIGUOUS = "ambiguous"  # several photos are called so
    STATE = "state"  # not sorted yet, a duplicate, in quarantine …
    GONE = "gone"  # it is not where it was put
    ALREADY = "already"  # it is as it was wanted
    DECIDED = "decided"  # somebody said something else meanwhile
    BUSY = "busy"  # its file is being changed
    REFUSED = "refused"  # by the rights of its folder
    UNAVAILABLE = "unavailable"  # a folder or disk fails: try again later
    UNKNOWN_OUTCOME = "unknown_outcome"  # the same, when its move was under way already


@dataclass(frozen=True, slots=True)
class Done:
    """What was done with a photo; paths as text, relative to their folders."""

    photo: int
    filename: str
    category: str  # from now on; empty when it was put back into incoming
    source: str  # where it lay in sorted
    target: str  # where it lies: in sorted, or in incoming when it was put back


@dataclass(frozen=True, slots=True)
class Left:
    """A photo that was left as it was."""

    photo: int | None  # None where it is not known which
    filename: str  # or what it was called in the order
    code: Code
    detail: str  # a sentence for people, without the name


@dataclass(frozen=True, slots=True)
class PhotosAnswer:
    """What became of each photo of an order."""

    done: tuple[Done, ...] = ()
    left: tuple[Left, ...] = ()


@dataclass(frozen=True, slots=True)
class FilesAnswer:
    """The files that were written, with their whole paths."""

    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """Which model judges photos from now on."""

    problem: str  # why it is not the new one, in a sentence; empty when it is


Answer = (
    PhotosAnswer
    | FilesAnswer
    | TargetsAnswer
    | ModelAnswer
    | ReceivedAnswer
    | ExamplesAnswer
    | LessonAnswer
    | VersionAnswer
    | PageActsAnswer
    | Receipt
    | AlertAnswer
    | Examination
    | SettingsTold
)


# --- orders --------------------------------------------------------------------------------------


class _AboutPhotos(Order[PhotosAnswer]):
    __slots__ = ()
    answer = PhotosAnswer


class _Written(Order[FilesAnswer]):
    __slots__ = ()
    answer = FilesAnswer


@dataclass(frozen=True, slots=True)
class Correct(_AboutPhotos):
    """Give photos another category, or confirm the one that they have in review."""

    name = "correct"
    photos: tuple[str, ...]  # each a file name, return id, place, or `#7`
    category: str


class Decision(StrEnum):
    """What a person says of a photo that they are shown."""

    AGREE = "agree"  # the guess is right
    CATEGORY = "category"  # it is another
    RETAKE = "retake"  # the item is to be photographed again


@dataclass(frozen=True, slots=True)
class Decide(_AboutPhotos):
    """Decide on photos in review, or on some that were filed without a look."""

    name = "decide"
    photos: tuple[int, ...]
    decision: Decision
    category: str = ""  # where the decision is that
    is_new: bool = False  # the category may be one that there was not so far
    upon: tuple[int, ...] = ()  # the last word on each as it was shown, 0: none; empty: on any
    each_ms: int = 0  # how long each was looked at; 0: not measured

    def __post_init__(self) -> None:
        """Raises ValueError where a category is missing, or is too much."""
        if (self.decision is Decision.CATEGORY) != bool(self.category):
            raise ValueError("category must be there with the decision category, and only then")
        if self.is_new and not self.category:
            raise ValueError("only a category can be new")
        _require_each(self.photos, self.upon)


def _require_each(photos: tuple[int, ...], upon: tuple[int, ...]) -> None:
    if upon and len(upon) != len(photos):
        raise ValueError("upon must have a number for each photo, or none")


@dataclass(frozen=True, slots=True)
class TakeBack(_AboutPhotos):
    """Take the last decision on photos back: they wait in review again."""

    name = "take_back"
    photos: tuple[int, ...]
    upon: tuple[int, ...] = ()  # as in `Decide`

    def __post_init__(self) -> None:
        """Raises ValueError where it is not said upon what, of some of them."""
        _require_each(self.photos, self.upon)


@dataclass(frozen=True, slots=True)
class Undo(_AboutPhotos):
    """Put photos, or all photos of runs, back where they came from."""

    name = "undo"
    photos: tuple[str, ...]  # as in `Correct`; a run's id, or LATEST, means all of a run


@dataclass(frozen=True, slots=True)
class Forget(Order[Receipt]):
    """Leave no trace of a photo, or of all photos of a return."""

    name = "forget"
    answer = Receipt
    what: str  # as in `Correct`, or a return id
    photos: tuple[int, ...]  # those that whoever asks was shown


@dataclass(frozen=True, slots=True)
class MakeReport(_Written):
    """Write all that people read of a run again."""

    name = "report"
    run: str  # or LATEST


@dataclass(frozen=True, slots=True)
class MakePeriodReport(_Written):
    """Write the report of some days."""

    name = "period"
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Rebuild(_Written):
    """Write the results files of a run again, from the history alone."""

    name = "rebuild"
    run: str  # or LATEST


@dataclass(frozen=True, slots=True)
class SendTestAlert(Order[TargetsAnswer]):
    """Send a test alert to every target now."""

    name = "alerts_test"
    answer = TargetsAnswer


@dataclass(frozen=True, slots=True)
class ChangeModel(Order[ModelAnswer]):
    """Judge from the next micro-batch on with the model that is to be used now."""

    name = "model"
    answer = ModelAnswer
    needs_folders = False


@dataclass(frozen=True, slots=True)
class NotePageActs(Order[PageActsAnswer]):
    """Take over who signed in, and who may, for the audit chain; only the page may say so."""

    name = "page_acts"
    answer = PageActsAnswer
    needs_folders = False
    page: str  # which one, should there be another some day
    acts: tuple[PageAct, ...]


@dataclass(frozen=True, slots=True)
class Acknowledge(Order[AlertAnswer]):
    """Note that the speaker knows of an alert, which is then not repeated."""

    name = "acknowledge"
    answer = AlertAnswer
    needs_folders = False
    alert: int  # its number in `alerts list`


class _AboutLessons(Order[LessonAnswer]):
    __slots__ = ()
    answer = LessonAnswer
    needs_folders = False


class _AboutVersions(Order[VersionAnswer]):
    __slots__ = ()
    answer = VersionAnswer
    needs_folders = False


@dataclass(frozen=True, slots=True)
class Learn(_AboutLessons):
    """Hold a lesson as soon as nothing is sorted; one at a time."""

    name = "learn"
    wanted: Wanted = field(default_factory=Wanted)


@dataclass(frozen=True, slots=True)
class CancelLesson(_AboutLessons):
    """Let go of a lesson that is not over."""

    name = "cancel_lesson"
    lesson: int


@dataclass(frozen=True, slots=True)
class Adopt(_AboutVersions):
    """Judge with a version from the next micro-batch on."""

    name = "adopt"
    version: str


@dataclass(frozen=True, slots=True)
class GoBack(_AboutVersions):
    """Judge with the version before again."""

    name = "back"


@dataclass(frozen=True, slots=True)
class Receive(Order[ReceivedAnswer]):
    """Take photos into incoming, as if they were dropped there."""

    name = "receive"
    answer = ReceivedAnswer
    files: tuple[SentFile, ...]


@dataclass(frozen=True, slots=True)
class AddExamples(Order[ExamplesAnswer]):
    """Keep labelled photos as examples for the next lesson."""

    name = "add_examples"
    answer = ExamplesAnswer
    needs_folders = False
    files: tuple[SentFile, ...]
    label: str = ""  # what all of them show; empty: the only one is a ZIP of <label>/*.jpg

    def __post_init__(self) -> None:
        """Raises ValueError where it is not said what they show."""
        if not self.label and len(self.files) != 1:
            raise ValueError("label must be there, or one file that is a ZIP")


AnyOrder = (
    Correct
    | Decide
    | TakeBack
    | Undo
    | Forget
    | MakeReport
    | MakePeriodReport
    | Rebuild
    | SendTestAlert
    | ChangeModel
    | NotePageActs
    | Acknowledge
    | Learn
    | CancelLesson
    | Adopt
    | GoBack
    | Receive
    | AddExamples
    | Examine
    | TellSettings
)
ORDERS: dict[str, type[AnyOrder]] = {kind.name: kind for kind in get_args(AnyOrder)}


def order_of(name: object, words: dict[str, Any]) -> AnyOrder:
    """The order of that name; `words` is what JSON says of it. Raises BadOrder."""
    kind = ORDERS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise BadOrder(f"{name!r} is no order; there are {', '.join(['run', *ORDERS])}")
    try:
        return decoded(kind, words)
    except ValueError as exc:
        raise BadOrder(f"the order {name!r} is not understood: {exc}") from exc


# --- who gives them ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Speaker:
    """A person who gives an order."""

    person: str
    via: Via = Via.COMMAND

    def __post_init__(self) -> None:
        """Raises ValueError for what cannot be anybody's name."""
        if not self.person.strip() or len(self.person) > _LONGEST_NAME:
            raise ValueError(f"person must have 1 to {_LONGEST_NAME} characters")
        if not self.person.isprintable():
            raise ValueError("person must be readable text in one line")


@dataclass(frozen=True, slots=True)
class Given:
    """An order, and who gives it."""

    order: AnyOrder
    by: Speaker
