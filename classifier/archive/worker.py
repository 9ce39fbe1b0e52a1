"""Judging a part of an archive, wherever there is a processor for it: rows in Parquet.

Dask may run a part twice, and two workers may have it at once. Its result is the same file with the
same rows, moved into place whole, so that it is there once all the same.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from classifier.archive.filing import Filing, file_photo
from classifier.archive.manifest import Part, judged_file, part_file
from classifier.archive.reading import IN_BUCKET, Files, Reader
from classifier.archive.rows import Row, failed, judged, write_rows
from classifier.classifier import MODEL_BATCH, Classifier
from classifier.heap import keep_at_hand
from classifier.pixels import Picture, decode
from config.errors import NightsortError, PhotoError, PhotoProblem


@dataclass(frozen=True, slots=True)
class Job:
    """All that a worker must know; every path is as the workers see it."""

    out: str
    folder: str  # that relative paths start from
    model: str | None  # the bundle; None: the one that comes with nightsort
    version: str | None  # the learnt version over it
    auto: float | None
    review: float | None
    max_file_bytes: int
    max_megapixels: float
    filing: Filing | None = None  # copies
    is_moving: bool = False  # who hands out the parts moves what is judged
    bucket: Reader | None = None  # of photos in object storage


@dataclass(frozen=True, slots=True)
class _Read:
    """A photo on its way to the model."""

    path: str
    data: bytes  # empty where it is not filed: four large photos at hand slow the decoder down
    sha256: str
    picture: Picture


_loaded = threading.local()


def judge_part(job: Job, part: Part) -> int:
    """Judge a part's photos and write its rows; returns how many they are."""
    write_rows(file_for(job, part), judge(job, part.paths))
    return len(part.paths)


def file_for(job: Job, part: Part) -> Path:
    """Where the rows of a part belong once they are known."""
    return (judged_file if job.is_moving else part_file)(Path(job.out), part.number)


def judge(job: Job, paths: Sequence[str]) -> list[Row]:
    """The rows of some photos; each is filed, too, where that is asked for."""
    classifier = _classifier(job)
    remaining = iter(paths)
    rows: list[Row] = []
    while some := list(islice(remaining, MODEL_BATCH)):
        rows += _judged(job, classifier, some)
    return rows


def _judged(job: Job, classifier: Classifier, paths: Sequence[str]) -> Iterator[Row]:
    seen = [_read(job, path, classifier) for path in paths]
    pictures = [one.picture for one in seen if isinstance(one, _Read)]
    verdicts = iter(classifier.classify(pictures) if pictures else [])
    for one in seen:
        if isinstance(one, Row):
            yield one
            continue
        row = judged(one.path, one.sha256, next(verdicts), classifier.title)
        if job.filing is not None:
            row = file_photo(job.filing, row, one.data)
        yield row


def _read(job: Job, path: str, classifier: Classifier) -> _Read | Row:
    """Raises OSError, or TransientError, where the archive itself is away."""
    digest: str | None = None
    try:
        data = _reader(job, path).read(path, job.max_file_bytes)
        digest = hashlib.sha256(data).hexdigest()
        picture = decode(data, size=classifier.input_size, max_megapixels=job.max_megapixels)
    except PhotoError as exc:
        return failed(path, digest, exc.problem, classifier.title)
    return _Read(path, data if job.filing else b"", digest, picture)


def _reader(job: Job, path: str) -> Reader:
    if job.bucket is not None and path.startswith(IN_BUCKET):
        return job.bucket
    return Files(job.folder)


def lost(job: Job, path: str) -> Row:
    """The row of a photo that ended every worker which had it alone in hand."""
    return failed(path, None, PhotoProblem.CRASHES_DECODER, _classifier(job).title)


def _classifier(job: Job) -> Classifier:
    """Loaded once in each thread of a worker, and again in one that took a lost one's place."""
    key = (job.model, job.version, job.auto, job.review)
    if getattr(_loaded, "key", None) != key:
        keep_at_hand()  # Dask would have it given back after each photo
        folder, version = (None if one is None else Path(one) for one in (job.model, job.version))
        _loaded.classifier = Classifier.load(
            folder, version=version, auto=job.auto, review=job.review
        )
        _loaded.key = key
    found = _loaded.classifier
    if not isinstance(found, Classifier):
        raise NightsortError("the model could not be loaded")
    return found
