"""The runs: a list, and what became of the photos of one."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from config.catalogue import Texts
from web.access import needs
from web.pages.tables import Column, Kind, Table, Value
from web.pages.wording import Wording
from web.problems import Problem
from web.reading.charts import bar
from web.reading.history import RunSummary, recorded_in
from web.reading.photos import history, history_if_any, seen
from web.roles import Role
from web.routes import router
from web.site import site_of

pages = router()

_SHOWN = 50
_ALL = 1_000_000
_MOST_ERRORS = 50
_COLUMNS: tuple[tuple[str, Kind, str], ...] = (
    ("began", "moment", "started"),
    ("photos", "count", "total_processed"),
    ("filed", "count", "successful"),
    ("to_decide", "count", "review"),
    ("to_retake", "count", "failed"),
    ("duplicates", "count", "duplicates"),
    ("success", "percent", "success_rate"),
    ("at_work", "span", "processing_time_seconds"),
    ("photos_per_second", "rate", "images_per_second"),
)


@pages.get("/page/runs", include_in_schema=False)
@needs(Role.READER)
def show(request: Request, after: Annotated[str | None, Query(max_length=100)] = None) -> Response:
    """The runs that have ended, newest first, a page of them."""
    site = site_of(request)
    found = _summaries(request, after, _SHOWN + 1)
    shown = found[:_SHOWN]
    t = site.texts(request)
    return site.page(
        request, "runs.html", table=runs_table(shown, t), after=after,
        older=shown[-1]["run"] if len(found) > _SHOWN else None, say=Wording(t),
    )  # fmt: skip


@pages.get("/page/runs.csv", include_in_schema=False)
@needs(Role.READER)
def file(request: Request) -> Response:
    """All runs as a file."""
    return runs_table(_summaries(request, None, _ALL), site_of(request).texts(request)).csv()


@pages.get("/page/runs/{run}", include_in_schema=False)
@needs(Role.READER)
def show_one(request: Request, run: str) -> Response:
    """One run that has ended."""
    site = site_of(request)
    with history(site.settings.state_dir) as store:
        summary = store.runs.summary(run)
        spots = [seen(store, photo) for photo in sorted(store.spot_checks.of_run(run))]
    if summary is None:
        raise Problem(404, "not_found", "there is no such run, or it goes on still")
    most = max(summary["categories"].values(), default=1)
    return site.page(
        request, "run.html", run=summary, say=Wording(site.texts(request)),
        began=datetime.fromisoformat(summary["started"]),
        finished=datetime.fromisoformat(summary["finished"]),
        categories=[
            (name, number, bar(number / most, "auto"))
            for name, number in sorted(summary["categories"].items(), key=lambda one: -one[1])
        ],
        errors=summary["errors"][:_MOST_ERRORS],
        in_words=lambda error: recorded_in(error, site.texts(request).language),
        spots=spots,
    )  # fmt: skip


def runs_table(summaries: list[RunSummary], t: Texts) -> Table:
    """What became of the photos, run by run."""
    columns = [Column("run", t("find.run"), "text")]
    columns += [Column(key, t(f"column.{key}"), kind) for key, kind, _ in _COLUMNS]
    return Table("runs", columns, [_row(one) for one in summaries])


def _row(summary: RunSummary) -> list[Value]:
    known = dict(summary)
    values = [known.get(key) for _, _, key in _COLUMNS]
    return [summary["run"], datetime.fromisoformat(summary["started"]), *values[1:]]  # type: ignore[list-item]


def _summaries(request: Request, after: str | None, limit: int) -> list[RunSummary]:
    """Runs of the history; none while there is no history."""
    with history_if_any(site_of(request).settings.state_dir) as store:
        found = store.runs.summaries_after(after, limit) if store else []
    if found is None:
        raise Problem(404, "not_found", "there is no such run to go on after")
    return found
