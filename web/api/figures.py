"""How much is asked and sorted: for people and programs, and for Prometheus."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from web.access import needs
from web.database.calls import Times
from web.reading.figures import Metric, bands, daemon_metrics, labelled, lines
from web.reading.system import our_version
from web.roles import Role
from web.routes import router
from web.site import Site, site_of

endpoints = router()

# Source: Prometheus, exposition formats, text version 0.0.4.
_TEXT = "text/plain; version=0.0.4; charset=utf-8"


class Milliseconds(BaseModel):
    """So many per cent of the calls took no longer."""

    p50: float
    p95: float
    p99: float


class Calls(BaseModel):
    """Calls in a span of time. failures: answered 5xx; refused: answered 4xx."""

    calls: int
    failures: int
    refused: int
    milliseconds: Milliseconds | None  # null where there was no call


class CallsOfPath(Calls):
    """The same of one path."""

    path: str


class CallsBySpan(BaseModel):
    """Of the last hour and the last day, also by path."""

    hour: Calls
    day: Calls
    paths: list[CallsOfPath]


class Bands(BaseModel):
    """Judged photos, and what their bands were."""

    photos: int
    auto: int
    check: int
    review: int


class PhotosBySpan(BaseModel):
    """Of runs that began today, this week (from Monday on), ever."""

    today: Bands
    week: Bands
    all: Bands


_CALLS = {"calls": 1200, "failures": 0, "refused": 3}
_TIMES = {"p50": 8.6, "p95": 14.2, "p99": 41.7}
_EXAMPLE: dict[str, Any] = {
    "calls": {
        "hour": {**_CALLS, "calls": 90, "milliseconds": _TIMES},
        "day": {**_CALLS, "milliseconds": _TIMES},
        "paths": [{"path": "/predict", **_CALLS, "milliseconds": _TIMES}],
    },
    "photos": {
        "today": {"photos": 412, "auto": 371, "check": 24, "review": 17},
        "week": {"photos": 1893, "auto": 1702, "check": 110, "review": 81},
        "all": {"photos": 120442, "auto": 108397, "check": 7226, "review": 4819},
    },
}


class Stats(BaseModel):
    """What was asked of the API, and what was sorted."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    calls: CallsBySpan
    photos: PhotosBySpan | None  # null while there is no history to read


@endpoints.get("/stats", tags=["figures"])
@needs(Role.READER)
def stats(request: Request) -> Stats:
    """Calls, failures and times of the last hour and day; photos and bands of today, week, all."""
    site, now = site_of(request), time.time()
    site.recorder.write()  # what was called a moment ago is among it
    day = site.last_day.exactly_at(now)
    return Stats(
        calls=CallsBySpan(
            hour=_all(day.last_hour),
            day=_all(day.all),
            paths=[CallsOfPath(path=one.of, **_counts(one)) for one in day.paths],
        ),
        photos=_photos(site),
    )


@endpoints.get(
    "/metrics",
    tags=["figures"],
    response_class=PlainTextResponse,
    responses={200: {"content": {"text/plain": {"example": "nightsort_up 1\n"}}}},
)
@needs(Role.READER)
def metrics(request: Request) -> PlainTextResponse:
    """The same and more for Prometheus, which sends the key as Bearer."""
    site = site_of(request)
    text = "".join(map(lines, (*_own(site), *daemon_metrics(site.settings.state_dir))))
    return PlainTextResponse(text + site.recorder.seconds.text(), media_type=_TEXT)


def _peak_bytes() -> float:
    """By the kernel's account of this program; `getrusage` counts whoever started it, too."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    (kilobytes,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return 1024.0 * int(kilobytes)


def _own(site: Site) -> Iterator[Metric]:
    """What the page knows itself, and what it reads in the history."""
    yield "build_info", "The version of nightsort.", labelled("version", {our_version(): 1})
    in_hand = {"": float(site.predictor.in_hand)}
    yield "predictions_in_hand", "Photos that are being judged for callers.", in_hand
    yield "web_peak_memory_bytes", "The most memory that the page had.", {"": _peak_bytes()}
    found = bands(site.settings)
    if found is not None:
        photos = {
            f'{{span="{span}",band="{band}"}}': float(count)
            for span, counts in found.items()
            for band, count in counts.items()
        }
        yield "photos", "Judged photos by band, of runs of today, this week, ever.", photos


def _photos(site: Site) -> PhotosBySpan | None:
    found = bands(site.settings)
    if found is None:
        return None
    spans = {span: Bands(photos=sum(one.values()), **one) for span, one in found.items()}
    return PhotosBySpan(**spans)


def _all(found: Times | None) -> Calls:
    if found is None:
        return Calls(calls=0, failures=0, refused=0, milliseconds=None)
    return Calls(**_counts(found))


def _counts(times: Times) -> dict[str, object]:
    return {
        "calls": times.calls,
        "failures": times.failures,
        "refused": times.refused,
        "milliseconds": Milliseconds(p50=times.p50, p95=times.p95, p99=times.p99),
    }
