"""Examples from a folder of labelled photos: what is taken, and what is not and why."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from classifier.classifier import MODEL_BATCH, Classifier
from classifier.learning.examples import Example
from classifier.pixels import Picture, decode
from config.errors import PhotoError
from daemon.domain.examples import Occasion
from daemon.folders.photo_files import Limits
from daemon.sorting.labelled import Labelled


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that is no example, and why."""

    place: str
    why: str

    def __str__(self) -> str:
        """For people."""
        return f"{self.place}: {self.why}"


@dataclass(frozen=True, slots=True)
class Taken:
    """What a folder brings."""

    examples: tuple[Example, ...]
    unreadable: tuple[Refused, ...] = ()
    double: tuple[Refused, ...] = ()
    contradictory: tuple[Refused, ...] = ()
    no_category: tuple[Refused, ...] = ()
    # By the examples' ids: name, and where each was, to be shown.
    places: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def refused(self) -> Iterator[tuple[str, Refused]]:
        """What can be no example, each with why in a word."""
        for word, files in (
            ("unreadable", self.unreadable),
            ("contradictory", self.contradictory),
            ("no_category", self.no_category),
        ):
            yield from ((word, one) for one in files)

    @property
    def left_out(self) -> dict[str, list[str]]:
        """All that was not taken, by why."""
        return {
            "unreadable": [*map(str, self.unreadable)],
            "double": [*map(str, self.double)],
            "contradictory": [*map(str, self.contradictory)],
            "no_category": [*map(str, self.no_category)],
        }


@dataclass(slots=True)
class _Seen:
    unreadable: list[Refused] = field(default_factory=list)
    no_category: list[Refused] = field(default_factory=list)
    places: dict[str, list[Labelled]] = field(default_factory=lambda: defaultdict(list))
    features: dict[str, Example] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Taking:
    """How examples are taken."""

    return_id: Callable[[str], str]
    limits: Limits
    said: str  # when, ISO 8601


def take(
    photos: Sequence[Labelled],
    classifier: Classifier,
    taking: Taking,
    advance: Callable[[int, int], None],
) -> Taken:
    """Look at photos, and say which are examples."""
    seen = _Seen()
    waiting: list[tuple[Example, Picture]] = []
    for done, photo in enumerate(photos, start=1):
        advance(done, len(photos))
        if photo.problem:
            seen.no_category.append(Refused(photo.shown, photo.problem))
            continue
        try:
            data = photo.read(taking.limits.max_file_bytes)
            key = hashlib.sha256(data).hexdigest()
            if key not in seen.places:
                picture = decode(
                    data, size=classifier.input_size, max_megapixels=taking.limits.max_megapixels
                )
                waiting.append((_example(key, photo, picture, taking), picture))
        except PhotoError as exc:
            seen.unreadable.append(Refused(photo.shown, exc.text))
            continue
        seen.places[key].append(photo)
        if len(waiting) == MODEL_BATCH:
            _examine(waiting, classifier, seen)
    _examine(waiting, classifier, seen)
    return _sorted_out(seen)


def _example(key: str, photo: Labelled, picture: Picture, taking: Taking) -> Example:
    return Example(
        id=key,
        features=picture.pixels[:0].reshape(-1),  # until the network has seen it
        label=photo.label,
        group=taking.return_id(photo.name),
        source=Occasion.UPLOAD,
        said=taking.said,
    )


def _examine(waiting: list[tuple[Example, Picture]], classifier: Classifier, seen: _Seen) -> None:
    looked = classifier.examine([picture for _, picture in waiting]) if waiting else []
    for (example, _), (_, features) in zip(waiting, looked, strict=True):
        seen.features[example.id] = replace(example, features=features)
    waiting.clear()


def _sorted_out(seen: _Seen) -> Taken:
    double, contradictory, kept = [], [], []
    for key, places in seen.places.items():
        labels = sorted({one.label for one in places})
        if len(labels) > 1:
            names = ", ".join(one.shown for one in places)
            text = f"one photo, said to be {' and '.join(labels)}"
            contradictory.append(Refused(names, text))
            continue
        kept.append(seen.features[key])
        first = places[0].shown
        double += [Refused(one.shown, f"the same photo as {first}") for one in places[1:]]
    return Taken(
        tuple(kept),
        tuple(seen.unreadable),
        tuple(double),
        tuple(contradictory),
        tuple(seen.no_category),
        {key: (places[0].name, places[0].shown) for key, places in seen.places.items()},
    )
