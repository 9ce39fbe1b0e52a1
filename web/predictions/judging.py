"""Decodes and judges: bytes in, verdicts out, the same as `nightsort classify`'s.

Decoding happens in this process: a photo that crashes a decoder library takes the page along, which
systemd starts again; it takes neither the daemon nor anything that is kept.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from classifier import pixels
from classifier.heap import give_back, keep_at_hand
from classifier.pixels import Picture, decode
from config.errors import PhotoError
from config.settings import Settings
from web.predictions.answers import Judged, ModelFacts
from web.reading.painter import jpeg_of
from web.reading.verdicts import Leased, ModelInUse

# Verdicts that are remembered, half a kilobyte each.
MOST_KEPT = 2000
# What its decoder holds whole (HEIC, PNG, WebP, a progressive JPEG) takes up to 200 MB of 12
# megapixels. Above this one is judged at a time, and what it took is given back afterwards, but for
# JPEGs, whose memory the next one takes.
LARGE_MEGAPIXELS = 4.0
_SMALL_ON_READING = ("JPEG", "MPO")
# A photo's bytes, and which model judged them.
Key = tuple[bytes, int]


@dataclass(frozen=True, slots=True)
class _Decoded:
    """A photo on its way to the model."""

    key: Key
    picture: Picture


class Judge:
    """Judges photos in whatever thread calls; as many at a time as it has copies of the model."""

    def __init__(self, settings: Settings, copies: int) -> None:
        keep_at_hand()
        self._model = ModelInUse(settings, copies)
        self._max_megapixels = settings.intake.max_megapixels
        self._kept = Kept()

    def facts(self) -> ModelFacts:
        """What the model in use says of itself. Raises ModelError."""
        model = self._model.current().model
        return ModelFacts(model.title, self._model.base, model.categories)

    def judge(self, photos: Sequence[BinaryIO]) -> list[Judged | Exception]:
        """A verdict for each photo, or what kept it from one. Raises ModelError."""
        with self._model.lease() as leased:
            seen = [self._look(photo, leased) for photo in photos]
            pictures = [one.picture for one in seen if isinstance(one, _Decoded)]
            verdicts = iter(leased.model.classify(pictures))
        return [
            self._kept.add(one.key, Judged(next(verdicts), leased.model.title))
            if isinstance(one, _Decoded)
            else one
            for one in seen
        ]

    def _look(self, photo: BinaryIO, leased: Leased) -> _Decoded | Judged | Exception:
        try:
            photo.seek(0)
            data = photo.read()
            key = hashlib.sha256(data).digest(), leased.generation
            known = self._kept.find(key)
            if known is not None:
                return known
            size, most = leased.model.input_size, self._max_megapixels
            return _Decoded(key, _decode(data, size, most, LARGE_MEGAPIXELS))
        # ValueError: whoever asked has gone, and closed it.
        except (PhotoError, OSError, ValueError) as exc:
            return exc


def picture_of(photo: BinaryIO, side: int, max_megapixels: float) -> bytes:
    """A photo anew as JPEG, its longer side at most `side`. Raises PhotoError."""
    photo.seek(0)
    # Its turn it waits for as sorting does: what is judged meanwhile may stand still.
    picture = _decode(photo.read(), (side, side), max_megapixels, pixels.LARGE_MEGAPIXELS, fit=True)
    return jpeg_of(picture)


def _decode(
    data: bytes, size: tuple[int, int], most: float, large: float, *, fit: bool = False
) -> Picture:
    picture = decode(data, size=size, max_megapixels=most, large_megapixels=large, fit=fit)
    is_large = picture.width * picture.height > LARGE_MEGAPIXELS * 1e6
    if is_large and picture.format not in _SMALL_ON_READING:
        give_back()
    return picture


class Kept:
    """Verdicts of photos that were asked for lately: the same bytes need not be judged again."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._found: OrderedDict[Key, Judged] = OrderedDict()

    def find(self, key: Key) -> Judged | None:
        """What was said of these bytes, by this model."""
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
            return self._found.get(key)

    def add(self, key: Key, judged: Judged) -> Judged:
        """Keep it; the one asked for longest ago makes room."""
        with self._lock:
            self._found[key] = judged
            if len(self._found) > self._most:
                self._found.popitem(last=False)
        return judged
