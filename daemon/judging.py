"""Looking at photos without moving them: what `classify` and `evaluate` do with files and folders.

Paths are what the caller names; nothing is written. Photos are decoded and judged by one worker
for each core, a few micro-batches ahead of whoever reads the answers.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from classifier.pixels import decode
from classifier.verdict import Verdict
from config.errors import NightsortError, PhotoError, PhotoProblem
from daemon.examine import Classifying, Limits
from daemon.screening import has_photo_extension

# Micro-batches for each worker that may wait to be read.
_AHEAD = 2


class NoPhotos(NightsortError):
    """What the caller named holds no photos."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen in one file: a verdict or a problem."""

    path: Path
    verdict: Verdict | None
    problem: PhotoProblem | None = None
    problem_text: str = ""


def photos_under(paths: Iterable[Path]) -> list[Path]:
    """The named files, and all photos under the named folders, in order.

    Raises NoPhotos when one does not exist, or there is no photo in all of them.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += _photos_in(path)
        elif path.exists():
            found.append(path)
        else:
            raise NoPhotos(f"{path}: no such file or folder; check the path")
    if not found:
        named = ", ".join(map(str, paths))
        raise NoPhotos(f"{named}: no photos there; name a folder that holds some")
    return found


def _photos_in(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if has_photo_extension(p.name) and p.is_file())


def labelled_photos(folder: Path) -> list[tuple[str, Path]]:
    """Photos of `folder`/<category>/, each with its category, in order.

    Raises NoPhotos when there are none.
    """
    if not folder.is_dir():
        raise NoPhotos(f"{folder}: no such folder; name one that holds a folder for each category")
    found = [
        (category.name, photo)
        for category in sorted(folder.iterdir())
        if category.is_dir()
        for photo in _photos_in(category)
    ]
    if not found:
        raise NoPhotos(f"{folder}: no photos in {folder}/<category>/; put labelled photos there")
    return found


def look_at(
    paths: Sequence[Path], classifier: Classifying, limits: Limits, *, batch_size: int, workers: int
) -> Iterator[Look]:
    """Judge photos, in the order of `paths`."""
    spares = [classifier, *(classifier.spare() for _ in range(workers - 1))]
    own = threading.local()

    def take_spare() -> None:
        own.classifier = spares.pop()

    def judge(batch: Sequence[Path]) -> list[Look]:
        return _judge(batch, own.classifier, limits)

    with ThreadPoolExecutor(workers, "looker", initializer=take_spare) as pool:
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
            data = _read(path, limits.max_file_bytes)
            picture = decode(data, size=classifier.input_size, max_megapixels=limits.max_megapixels)
        except PhotoError as exc:
            looks.append(Look(path, None, exc.problem, exc.text))
        else:
            looks.append(path)
            pictures.append(picture.pixels)
    verdicts = iter(classifier.classify(pictures))
    return [look if isinstance(look, Look) else Look(look, next(verdicts)) for look in looks]


def _read(path: Path, max_bytes: int) -> bytes:
    try:
        if not path.is_file():
            raise PhotoError(PhotoProblem.UNREADABLE, "This is no regular file.")
        if path.stat().st_size > max_bytes:
            raise PhotoError(
                PhotoProblem.TOO_LARGE,
                f"The file is larger than the {max_bytes / 1e6:.0f} MB that are allowed.",
            )
        return path.read_bytes()
    except OSError as exc:
        raise PhotoError(
            PhotoProblem.UNREADABLE, f"The file cannot be read ({exc.strerror})."
        ) from exc
