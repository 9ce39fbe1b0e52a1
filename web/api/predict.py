"""Verdicts on photos that are sent, the same as `nightsort classify`'s; nothing is filed."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from classifier.verdict import Band, Reason
from config.errors import FolderUnavailable, PhotoError, PhotoProblem
from web.access import needs
from web.api.moments import Moment
from web.bodies import SUM_BYTES
from web.predictions import Judged
from web.problems import Problem, busy, described
from web.roles import Role
from web.routes import router
from web.single_file import file_of
from web.site import Site, site_of
from web.uploads import (
    MALFORMED,
    TOO_MANY_FOR_ONE,
    batch_bytes,
    files_of,
    multipart,
    name_of,
    photo_bytes,
    refusals,
    single_bytes,
)

endpoints = router()


_EXAMPLE: dict[str, Any] = {
    "category": "Shirts",
    "confidence": 0.6123,
    "band": "review",
    "reason": "unsure",
    "reason_text": "unsure between Shirts and Tops",
    "timestamp": "2026-11-27T09:30:00+01:00",
    "all_predictions": {
        "Shirts": 0.6123, "Tops": 0.3301, "Tshirts": 0.0421, "Dresses": 0.0102, "Handbags": 0.0012,
    },
    "model": "fashion 2026.11.4",
    "milliseconds": 8.7,
}  # fmt: skip
_NOT_A_PHOTO = Problem(
    422,
    "not_an_image",
    "not a photo, the content looks like text: save it as JPEG or PNG, and drop that",
)
_FAILURE: dict[str, Any] = {
    "filename": "notes.jpg",
    "error": str(_NOT_A_PHOTO.detail),
    "code": _NOT_A_PHOTO.code,
}


class Prediction(BaseModel):
    """What the model says of a photo."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    category: str = Field(description="The best of the known categories, whatever the band.")
    confidence: float = Field(description="Calibrated probability of the category.", ge=0, le=1)
    band: Band = Field(description="auto: nobody looks; check: a quick look; review: a person.")
    reason: Reason | None = Field(description="Why it is in review; null in the other bands.")
    reason_text: str | None
    timestamp: Moment
    all_predictions: dict[str, float] = Field(description="The five best, the best first.")
    model: str
    milliseconds: float = Field(description="From the call's beginning to the verdict.")


class PhotoPrediction(Prediction):
    """The same of one photo among several."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_EXAMPLE, "filename": "a.jpg"}]})

    filename: str


class PhotoFailure(BaseModel):
    """A photo among several that could not be judged; the others are."""

    model_config = ConfigDict(json_schema_extra={"examples": [_FAILURE]})

    filename: str
    error: str
    code: PhotoProblem


class Predictions(BaseModel):
    """Of each photo, in the order in which they were sent."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "predictions": [{**_EXAMPLE, "filename": "a.jpg"}, _FAILURE],
                    "total": 2,
                    "successful": 1,
                    "failed": 1,
                }
            ]
        }
    )

    predictions: list[PhotoPrediction | PhotoFailure]
    total: int
    successful: int
    failed: int


class Classes(BaseModel):
    """What photos are filed into."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"classes": ["Shirts", "Tops"]}]})

    classes: list[str]


_NO_MODEL = busy(
    "there is no model that can be trusted now; the log of the page says why", code="no_model"
)
_LATER = described(
    busy("too many photos are being judged at this moment; try again in a moment"),
    busy("the queue is being sorted, and predictions wait for its end", code="sorting"),
    _NO_MODEL,
)


@endpoints.post(
    "/predict",
    response_model=Prediction,
    openapi_extra=multipart("file"),
    tags=["predictions"],
    responses={
        400: described(
            Problem(400, "no_file", "there is no file in the field `file`"),
            TOO_MANY_FOR_ONE,
            MALFORMED,
        ),
        422: described(
            _NOT_A_PHOTO,
            Problem(422, "truncated", "the photo is incomplete, a part of it is missing"),
            Problem(422, "corrupt", "its content cannot be decoded"),
            Problem(422, "too_large", "the photo has 120.0 megapixels, 100 are allowed"),
            Problem(422, "crashes_decoder", "the program crashes on it: save it as JPEG"),
        ),
        503: _LATER,
    },
)
@needs(Role.READER, counts_as="predictions", most_bytes=single_bytes)
async def predict(request: Request) -> Response:
    """Judge one photo, as the daemon would. Nothing is filed, and nothing of it is kept.

    Its content decides what it is, never the declared type or the name.
    """
    began, site = time.perf_counter(), site_of(request)
    with site.predictor.place():
        async with file_of(request, "file") as file:
            most = photo_bytes(site.settings)
            if (file.size or 0) > most:
                raise Problem(
                    413, "too_large", f"a photo may have {most / 1e6:.0f} MB", limit_bytes=most
                )
            try:
                judged = await _judged(site, file)
            except PhotoError as exc:
                raise Problem(422, exc.problem.value, exc.text) from exc
    # As `Prediction` describes it; checking our own words takes longer than writing them.
    return JSONResponse(_said(judged, began))


@endpoints.post(
    "/predict_batch",
    openapi_extra=multipart("files", several=True),
    tags=["predictions"],
    responses={**refusals("files", 50, SUM_BYTES // 2), 503: _LATER},
)
@needs(Role.READER, counts_as="batches", most_bytes=batch_bytes)
async def predict_batch(request: Request) -> Predictions:
    """Judge several photos. One that cannot be read is told in its place, and the others judged."""
    site = site_of(request)
    predictor, most = site.predictor, site.settings.api.batch_photos
    # While it is received it holds no more than others do, however slowly it comes.
    with predictor.place():
        async with files_of(request, "files", most) as files:
            with predictor.more_places(len(files)) as at_once:
                gate = asyncio.Semaphore(at_once)
                found = await asyncio.gather(*(_one_of_many(site, file, gate) for file in files))
    failed = sum(isinstance(one, PhotoFailure) for one in found)
    return Predictions(
        predictions=found, total=len(found), successful=len(found) - failed, failed=failed
    )


@endpoints.get("/classes", tags=["predictions"], responses={503: described(_NO_MODEL)})
@needs(Role.READER)
def classes(request: Request) -> Classes:
    """The categories that the model in use knows, in its order."""
    return Classes(classes=list(site_of(request).predictor.facts().categories))


async def _one_of_many(
    site: Site, file: UploadFile, gate: asyncio.Semaphore
) -> PhotoPrediction | PhotoFailure:
    async with gate:
        began, most = time.perf_counter(), photo_bytes(site.settings)
        try:
            if (file.size or 0) > most:
                text = f"a photo may have {most / 1e6:.0f} MB"
                raise PhotoError(PhotoProblem.TOO_LARGE, text)
            judged = await _judged(site, file)
        except PhotoError as exc:
            return PhotoFailure(filename=name_of(file), error=exc.text, code=exc.problem)
    return PhotoPrediction(filename=name_of(file), **_said(judged, began))


async def _judged(site: Site, file: UploadFile) -> Judged:
    """Raises PhotoError, ModelError, FolderUnavailable; Problem 503 when it takes too long."""
    try:
        return await site.predictor.verdict(file.file)
    except OSError as exc:
        raise FolderUnavailable("state_dir/web: what was sent cannot be read again") from exc


def _said(judged: Judged, began: float) -> dict[str, object]:
    verdict = judged.verdict
    return {
        "category": verdict.category,
        "confidence": round(verdict.confidence, 4),
        "band": verdict.band,
        "reason": verdict.reason,
        "reason_text": verdict.reason_text,
        "timestamp": datetime.now().astimezone().isoformat(),
        "all_predictions": {name: round(share, 4) for name, share in judged.best.items()},
        "model": judged.model,
        "milliseconds": round((time.perf_counter() - began) * 1000, 1),
    }
