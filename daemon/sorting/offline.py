"""Looking at photos without moving them: what `classify` and `evaluate` do with files and folders.

Paths are what the caller names; nothing is written. Photos are decoded and judged by one worker
for each core, a few micro-batches ahead of whoever reads the answers.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NoReturn

from classifier.pixels import decode
from classifier.reading import read_file
from classifier.verdict import Verdict
from config.errors import NamedWrongly, PhotoError, PhotoProblem
from config.junk import JUNK
from config.readable import plain
from daemon.domain.photos import as_text
from daemon.folders.photo_files import Limits
from daemon.intake.screening import Screening
from daemon.sorting.model_slot import Classifying, ModelSlot

# Micro-batches for each worker that may wait to be read.
_AHEAD = 2


class NoPhotos(NamedWrongly):
    """What the caller named holds no photos."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen in one file: a verdict or a problem."""

    path: Path
    verdict: Verdict | None
    problem: PhotoProblem | None = None
    problem_text: str = ""


def shown(path: Path) -> str:
    """A path as it may be shown: one line, nothing in it that a terminal would obey."""
    return plain(as_text(str(path)))


def photos_under(paths: Sequence[Path], ignore: Iterable[str] = JUNK) -> list[Path]:
    """The named files, and all photos under the named folders, in order.

    ignore: patterns of names that are no photos, unless they are named themselves.
    Raises NoPhotos when one cannot be looked into, or there is no photo in all of them.
    """
    screening = Screening(ignore)
    found: list[Path] = []
    for path in paths:
        if os.path.isdir(path):  # noqa: PTH112 - Path's own raises where a folder may not be entered
            found += _photos_in(path, screening)
        else:
            _check_it_exists(path)
            found.append(path)
    if not found:
        named = ", ".join(map(shown, paths))
        raise NoPhotos(f"{named}: no photos there; name a folder that holds some")
    return found


def labelled_photos(folder: Path, ignore: Iterable[str] = JUNK) -> list[tuple[str, Path]]:
    """Photos of `folder`/<category>/, each with its category, in order.

    Raises NoPhotos when there are none, or a folder cannot be looked into.
    """
    screening = Screening(ignore)
    _check_it_exists(folder)
    try:
        within = sorted(folder.iterdir())
    except NotADirectoryError:
        place = shown(folder)
        raise NoPhotos(f"{place}: no folder; name the one that holds <category>/ folders") from None
    except OSError as exc:
        _refuse(exc)
    found = [
        (as_text(category.name), photo)
        for category in within
        if category.is_dir() and not screening.is_junk(category.name)
        for photo in _photos_in(category, screening)
    ]
    if not found:
        place = shown(folder)
        raise NoPhotos(f"{place}: no photos in {place}/<category>/; put labelled photos there")
    return found


def photos_beside(folder: Path, ignore: Iterable[str] = JUNK) -> list[Path]:
    """Photos of `folder` itself, in no category, in order; where `labelled_photos` found some."""
    screening = Screening(ignore)
    return sorted(one for one in folder.iterdir() if screening.is_photo(one.name) and one.is_file())


def _photos_in(folder: Path, screening: Screening) -> list[Path]:
    found: list[Path] = []
    for root, folders, names in os.walk(folder, onerror=_refuse):
        folders[:] = [name for name in folders if not screening.is_junk(name)]
        found += [Path(root, name) for name in names if screening.is_photo(name)]
    return sorted(photo for photo in found if os.path.isfile(photo))  # noqa: PTH113 - as above


def _check_it_exists(path: Path) -> None:
    try:
        path.stat()
    except OSError as exc:
        _refuse(exc)


def _refuse(error: OSError) -> NoReturn:
    path = shown(Path(os.fsdecode(error.filename)))
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        raise NoPhotos(f"{path}: no such file or folder; check the path") from error
    raise NoPhotos(
        f"{path}: cannot be looked into ({error.strerror}); check the path and its rights"
    ) from error


def look_at(
    paths: Sequence[Path], classifier: Classifying, limits: Limits, *, batch_size: int, workers: int
) -> Iterator[Look]:
    """Judge photos, in the order of `paths`."""
    slot = ModelSlot(lambda: classifier, workers)

    def judge(batch: Sequence[Path]) -> list[Look]:
        with slot.lease() as model:
            return _judge(batch, model, limits)

    with ThreadPoolExecutor(workers, "looker") as pool:
        remaining = iter(paths)
        ahead: deque[Future[list[Look]]] = deque()
        while True:
            while len(ahead) < workers * _AHEAD and (batch := list(islice(remaining, batch_size))):
                ahead.append(pool.submit(judge, batch))
            if not ahead:
                return
            yield from ahead.popleft().result()


def _judge(batch: Sequence[Path], classifier: Classifying, limits: Limits) -> list[Look]:
    looks: list[Look | Path] = []
    pictures = []
    for path in batch:
        try:
            data = read_file(path, limits.max_file_bytes)
            picture = decode(data, size=classifier.input_size, max_megapixels=limits.max_megapixels)
        except PhotoError as exc:
            looks.append(Look(path, None, exc.problem, exc.text))
        else:
            looks.append(path)
            pictures.append(picture)
    verdicts = iter(classifier.classify(pictures))
    return [look if isinstance(look, Look) else Look(look, next(verdicts)) for look in looks]
