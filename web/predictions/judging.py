"""Decodes and judges: bytes in, verdicts out, the same as `nightsort classify`'s.

Decoding happens in this process, but for large photos that their decoder holds whole: a photo that
crashes a decoder library takes the page along, which systemd starts again; it takes neither the
daemon nor anything that is kept.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from classifier.heap import give_back, keep_at_hand
from classifier.pixels import HeldWholeError, Picture, decode, of_pixels
from config.errors import PhotoError
from config.settings import Settings
from web.predictions.alone import Decoder
from web.predictions.answers import Judged, LargeError, ModelFacts
from web.reading.painter import jpeg_of
from web.reading.verdicts import Leased, ModelInUse

# Verdicts that are remembered, half a kilobyte each.
MOST_KEPT = 2000
# What its decoder holds whole (HEIC, PNG, AVIF, a progressive JPEG) takes up to 150 MB of 12
# megapixels.
LARGE_MEGAPIXELS = 4.0
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

    def judge_alone(self, photo: BinaryIO, decoder: Decoder) -> Judged:
        """A verdict on a photo that `judge` left alone, as too large. Raises as it is answered."""
        data = _bytes_of(photo)
        size = self._model.current().model.input_size
        picture = _decoded_by(decoder, data, size, self._max_megapixels)
        with self._model.lease() as leased:
            (verdict,) = leased.model.classify([picture])
            key = hashlib.sha256(data).digest(), leased.generation
            return self._kept.add(key, Judged(verdict, leased.model.title))

    def _look(self, photo: BinaryIO, leased: Leased) -> _Decoded | Judged | Exception:
        try:
            data = _bytes_of(photo)
            key = hashlib.sha256(data).digest(), leased.generation
            known = self._kept.find(key)
            if known is not None:
                return known
            return _Decoded(key, _decoded(data, leased.model.input_size, self._max_megapixels))
        except HeldWholeError:
            del data
            give_back()  # its bytes are not of those that come many at a time
            return LargeError()
        # Anew, as what was raised refers to what holds it, and its bytes would stay for long.
        except PhotoError as exc:
            return PhotoError(exc.problem, exc.text)
        except (OSError, ValueError) as exc:  # whoever asked has gone, and closed it
            return exc.with_traceback(None)


def picture_of(
    photo: BinaryIO, side: int, max_megapixels: float, decoder: Decoder | None = None
) -> bytes:
    """A photo anew as JPEG, its longer side at most `side`. Raises PhotoError.

    decoder: does it, however large the photo is; without one, raises LargeError of a large one.
    """
    data, size = _bytes_of(photo), (side, side)
    try:
        if decoder is None:
            return jpeg_of(_decoded(data, size, max_megapixels, fit=True))
        return jpeg_of(_decoded_by(decoder, data, size, max_megapixels, fit=True))
    except HeldWholeError:
        raise LargeError from None


def _bytes_of(photo: BinaryIO) -> bytes:
    photo.seek(0)
    return photo.read()


def _decoded(data: bytes, size: tuple[int, int], most: float, *, fit: bool = False) -> Picture:
    large = LARGE_MEGAPIXELS
    return decode(data, size=size, max_megapixels=most, most_whole_megapixels=large, fit=fit)


def _decoded_by(
    decoder: Decoder, data: bytes, size: tuple[int, int], most: float, *, fit: bool = False
) -> Picture:
    said, pixels = decoder.ask(data, size, most, fit=fit)
    return of_pixels(pixels, **said)


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
