"""Reports of runs, weeks and months, to read in the browser, and the files of a run.

All is made from the history for who asks, and called as in results_dir, so that links between
reports lead on here as they do there. No path comes from the browser: a run, or a period.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from datetime import date
from typing import Annotated, Any, BinaryIO

from fastapi import Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from web.access import needs
from web.pages.wording import Wording
from web.problems import Problem
from web.reading import reports
from web.reading.photos import history, history_if_any
from web.reading.reports import Periods, days_of, period_of
from web.roles import Role
from web.routes import router
from web.site import site_of

pages = router()

_HERE = "/page/reports"
_SHOWN = 30
_PART_BYTES = 1 << 16
# A report's look stands in it; beyond that it needs nothing, and may nothing.
_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_HTML = "text/html; charset=utf-8"
_BOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pages.get(_HERE, include_in_schema=False)
@needs(Role.READER)
def show(request: Request, after: Annotated[str | None, Query(max_length=100)] = None) -> Response:
    """What there is, newest first."""
    site = site_of(request)
    with history_if_any(site.settings.state_dir) as store:
        runs = store.runs.summaries_after(after, _SHOWN + 1) if store else []
        periods = reports.periods_of(store) if store else Periods([], [])
    if runs is None:
        raise Problem(404, "not_found", "there is no such run to go on after")
    say = Wording(site.texts(request))
    return site.page(
        request, "reports.html", runs=runs[:_SHOWN], periods=periods, after=after, say=say,
        older=runs[_SHOWN - 1]["run"] if len(runs) > _SHOWN else None, day=date.fromisoformat,
    )  # fmt: skip


@pages.get(f"{_HERE}/days", include_in_schema=False)
@needs(Role.READER)
def days(
    request: Request,
    first: Annotated[str, Query(alias="from", max_length=20)],
    last: Annotated[str, Query(alias="to", max_length=20)],
) -> Response:
    """The report of any days."""
    name = days_of(first, last).name
    return RedirectResponse(site_of(request).at(f"{_HERE}/period_report_{name}.html"), 303)


@pages.get(f"{_HERE}/batch_report_{{run}}.html", include_in_schema=False)
@needs(Role.READER)
def of_run(request: Request, run: str) -> Response:
    """The page of a run."""
    language = site_of(request).texts(request).language
    return _made(request, _HTML, reports.write_run, run, language)


@pages.get(f"{_HERE}/period_report_{{period}}.html", include_in_schema=False)
@needs(Role.READER)
def of_period(request: Request, period: str) -> Response:
    """The page of a week, a month, or any days."""
    language = site_of(request).texts(request).language
    return _made(request, _HTML, reports.write_period, period_of(period), language)


@pages.get(f"{_HERE}/batch_results_{{run}}.csv", include_in_schema=False)
@needs(Role.READER)
def rows(request: Request, run: str) -> Response:
    """The CSV of a run."""
    made = _made(request, "text/csv; charset=utf-8", reports.write_rows, run)
    return _named(made, f"batch_results_{run}.csv")


@pages.get(f"{_HERE}/summary_{{run}}.json", include_in_schema=False)
@needs(Role.READER)
def summary(request: Request, run: str) -> Response:
    """The summary of a run."""
    made = _made(request, "application/json", reports.write_summary, run)
    return _named(made, f"summary_{run}.json")


@pages.get(f"{_HERE}/batch_results_{{run}}.xlsx", include_in_schema=False)
@needs(Role.READER)
def book(request: Request, run: str) -> Response:
    """The workbook of a run."""
    language = site_of(request).texts(request).language
    made = _made(request, _BOOK, reports.write_book, run, language)
    return _named(made, f"batch_results_{run}.xlsx")


@pages.get(f"{_HERE}/exports/pick_lists_{{run}}.html", include_in_schema=False)
@needs(Role.READER)
def picks(request: Request, run: str) -> Response:
    """Where a run's page leads to."""
    site = site_of(request)
    with history(site.settings.state_dir) as store:
        known = reports.run_of(store, run)["run"]
    return RedirectResponse(site.at(f"/page/pick-lists/{known}"), 303)


def _made(
    request: Request, media_type: str, write: Callable[..., None], *asked: Any
) -> StreamingResponse:
    """A file that is made for this request, whole before the first byte goes out."""
    site = site_of(request)
    file = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed when it has gone out
    try:
        with reports.place(), history(site.settings.state_dir) as store:
            write(file, store, site.settings, *asked)
        size = file.tell()
        file.seek(0)
    except BaseException:
        file.close()
        raise
    headers = {"Content-Security-Policy": _POLICY, "Content-Length": str(size),
               "Vary": "Accept-Language, Cookie"}  # fmt: skip
    return StreamingResponse(_parts(file), headers=headers, media_type=media_type)


def _parts(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while part := file.read(_PART_BYTES):
            yield part


def _named(response: Response, name: str) -> Response:
    """As a file to keep. name: of a run that is known."""
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
