"""Evaluating: labelled photos in, figures out, and a page that shows them if one is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from classifier.evaluation import Evaluation
from classifier.pixels import decode
from classifier.reading import read_file
from classifier.verdict import Thresholds
from config.errors import PhotoError
from daemon.domain.speech import ENGLISH, Speech
from daemon.folders.photo_files import Limits
from daemon.folders.writing import replacing
from daemon.reporting.evaluation_page import MOST_PICTURED, Mistake, write_evaluation
from daemon.reporting.thumbnails import jpeg_of
from daemon.sorting.offline import Look, shown

_SIDE_PX = 240


def mistakes_among(
    looks: Sequence[Look], label_of: Mapping[Path, str], limits: Limits, most: int = MOST_PICTURED
) -> list[Mistake]:
    """The surest mistakes first, pictured; `most` of them."""
    wrong = [
        (look.path, look.verdict)
        for look in looks
        if look.verdict is not None and look.verdict.category != label_of[look.path]
    ]
    wrong.sort(key=lambda one: (-one[1].confidence, one[0]))
    return [
        Mistake(shown(Path(path.name)), label_of[path], verdict, _picture(path, limits))
        for path, verdict in wrong[:most]
    ]


def write_report(
    page: Path,
    evaluation: Evaluation,
    mistakes: Sequence[Mistake],
    facts: Mapping[str, str],
    say: Speech = ENGLISH,
) -> None:
    """Write the page, whole or not at all. Raises TransientError when the folder refuses."""
    with replacing(page) as file:
        write_evaluation(file, evaluation, mistakes, [*facts.items()], say)


def facts_of(
    folder: Path,
    left_out: int,
    model: str,
    thresholds: Thresholds,
    now: datetime,
    say: Speech = ENGLISH,
) -> dict[str, str]:
    """What else to know of an evaluation: label and text."""
    auto, review = (say.figures(f"{one:g}") for one in (thresholds.auto, thresholds.review))
    facts = {
        say("evaluated.fact.folder"): shown(folder),
        say("evaluated.fact.model"): model,
        say("evaluated.fact.bands"): say("evaluated.fact.bands_text", auto=auto, review=review),
        say("evaluated.fact.made"): say.when("minute", now),
    }
    if left_out:
        text = say("evaluated.fact.left_out_text", number=say.number(left_out))
        facts[say("evaluated.fact.left_out")] = text
    return facts


def _picture(path: Path, limits: Limits) -> bytes | None:
    try:
        data = read_file(path, limits.max_file_bytes)
        size, most = (_SIDE_PX, _SIDE_PX), limits.max_megapixels
        picture = decode(data, size=size, max_megapixels=most, fit=True)
    except PhotoError:  # it was readable a moment ago
        return None
    return jpeg_of(picture, _SIDE_PX)
