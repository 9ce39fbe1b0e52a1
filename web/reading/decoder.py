"""The helper process that decodes large photos for `web.predictions.alone`, within a bound.

What a decoder holds whole takes up to 16 bytes a pixel. Here it can take neither more than the page
has room for, nor the page with it: what does not fit is told, as the photo's fault.
"""

from __future__ import annotations

import math
import resource
from typing import Any

from classifier.heap import give_back
from classifier.pixels import HeldWholeError, decode
from config.errors import NO_MEMORY, PhotoError, PhotoProblem
from web.reading.helper import Answer, answer_all

# With all that the page takes itself, below its unit's MemoryMax.
MOST_BYTES = 640_000_000
# Larger ones may not fit, at up to 12 bytes a pixel; and then not every decoder says why it failed.
SURE_MEGAPIXELS = 45.0


def decoded(request: dict[str, Any], photo: bytes) -> Answer:
    """What is answered: pixels in RGB, of the size `made`; the photo's `width`, `height`, `kind`.

    Or `code` and `why` there are none. request: the size `to` make it, whether it is only to `fit`
    there, and `max_megapixels`.
    """
    size, most = tuple(request["to"]), request["max_megapixels"]
    try:
        picture = decode(photo, size=size, max_megapixels=most, fit=request["fit"])
    except PhotoError as exc:
        if exc.problem is PhotoProblem.CORRUPT and _may_not_fit(photo):
            return {"code": PhotoProblem.TOO_LARGE, "why": NO_MEMORY}, b""
        return {"code": exc.problem, "why": exc.text}, b""
    finally:
        give_back()
    said = {"width": picture.width, "height": picture.height, "kind": picture.format}
    return {**said, "made": picture.image.size}, picture.image.tobytes()


def _may_not_fit(photo: bytes) -> bool:
    try:
        decode(photo, max_megapixels=math.inf, most_whole_megapixels=SURE_MEGAPIXELS)
    except HeldWholeError:
        return True
    except PhotoError:
        pass
    return False


def main() -> None:
    """Answer until stdin ends."""
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES, MOST_BYTES))
    answer_all(decoded)
