"""The self-test: whether the model still says of the bundle's own pictures what it said once.

The pictures go the way of every photo: decoder, int8 model, scores. A bundle whose files are whole
can still answer wrongly: a processor or memory that fails, a runtime or decoder that changed.
Kernels differ by a few levels of int8 from machine to machine, so the answers may too, by as much
as the card tolerates; it is never bit-exact.
"""

from __future__ import annotations

import numpy as np

from classifier.bundle import Bundle
from classifier.model import Model
from classifier.pixels import decode
from config.errors import ModelError, PhotoError


def check_answers(bundle: Bundle, model: Model) -> None:
    """Show the model the bundle's pictures; nothing to do for a bundle without a self-test.

    Raises ModelError when one cannot be decoded, or an answer differs by more than is tolerated.
    """
    test = bundle.card.self_test
    if test is None:
        return
    size = bundle.card.input.width, bundle.card.input.height
    try:
        pictures = [decode(data, size=size).pixels for data in bundle.specimens]
    except PhotoError as exc:
        raise _failed(bundle, f"a picture of it cannot be decoded ({exc})") from exc
    answers = model.logits(np.stack(pictures))
    for specimen, answer in zip(test.specimens, answers, strict=True):
        off = float(np.sqrt(np.mean((answer - np.array(specimen.logits)) ** 2)))
        if not off <= test.tolerance:  # so that not-a-number fails, too
            raise _failed(
                bundle, f"{specimen.file} is {off:.2f} off, {test.tolerance:g} are tolerated"
            )


def _failed(bundle: Bundle, why: str) -> ModelError:
    return ModelError(
        f"model {bundle.card.title} fails its self-test: {why}; restart nightsort, and install it "
        "anew or check the machine's memory if that does not help"
    )
