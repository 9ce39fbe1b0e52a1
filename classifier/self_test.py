"""The self-test: whether the model still says of the bundle's own pictures what it said once.

The pictures go the way of every photo: decoder, int8 model, scores. A bundle whose files are whole
can still answer wrongly: a processor or memory that fails, a runtime or decoder that changed.
Kernels differ by a few levels of int8 from machine to machine, so the answers may too, by as much
as the card tolerates; it is never bit-exact.
"""

from __future__ import annotations

import numpy as np

from classifier.bundle import Bundle
from classifier.features import Features
from classifier.model import Model
from classifier.pixels import decode
from classifier.verdict import FloatArray
from classifier.version import TOLERANCE, Version, specimen_scores
from config.errors import ModelError, PhotoError


def check_answers(bundle: Bundle, model: Model) -> None:
    """Show the model the bundle's pictures; nothing to do for a bundle without a self-test.

    Raises ModelError when one cannot be decoded, or an answer differs by more than is tolerated.
    """
    test = bundle.card.self_test
    if test is None:
        return
    answers = model.own_head.logits(_seen(bundle, model))
    expected = np.array([specimen.logits for specimen in test.specimens], np.float32)
    _compare(_model(bundle), bundle, expected, answers, test.tolerance)


def check_version(bundle: Bundle, model: Model, version: Version) -> None:
    """The same for a version: what its rows say of those pictures, in nats.

    Raises ModelError like `check_answers`.
    """
    if bundle.card.self_test is None:
        return
    answers = specimen_scores(version.head, _seen(bundle, model))
    what = f"version {version.card.name}"
    if len(answers) != len(version.specimens):
        raise _failed(what, "it was made for other pictures")
    _compare(what, bundle, version.specimens, answers, TOLERANCE)


def _seen(bundle: Bundle, model: Model) -> Features:
    size = bundle.card.input.width, bundle.card.input.height
    try:
        pictures = [decode(data, size=size).pixels for data in bundle.specimens]
    except PhotoError as exc:
        raise _failed(_model(bundle), f"a picture of it cannot be decoded ({exc})") from exc
    return model.features(pictures)


def _compare(
    what: str, bundle: Bundle, expected: FloatArray, answers: FloatArray, tolerance: float
) -> None:
    test = bundle.card.self_test
    files = [specimen.file for specimen in test.specimens] if test else []
    for file, wanted, answer in zip(files, expected, answers, strict=True):
        off = float(np.sqrt(np.mean((answer - wanted) ** 2)))
        if not off <= tolerance:  # so that not-a-number fails, too
            raise _failed(what, f"{file} is {off:.2f} off, {tolerance:g} are tolerated")


def _model(bundle: Bundle) -> str:
    return f"model {bundle.card.title}"


def _failed(what: str, why: str) -> ModelError:
    return ModelError(
        f"{what} fails its self-test: {why}; restart nightsort, and install or learn it anew or "
        "check the machine's memory if that does not help"
    )
