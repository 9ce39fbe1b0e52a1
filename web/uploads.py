"""Files that come with a request: none, too many, or of the wrong kind is told in plain codes.

They are spooled as `web.folder` says: small ones in memory, others in files without a name in
state_dir/web/spool, so that nothing is left of them, however the request or the process ends.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartParser
from starlette.requests import Request

from config.errors import DiskFull
from config.settings import Settings
from web.bodies import SUM_BYTES, too_large
from web.problems import Problem, described

# Of each file so much is kept in memory at most: a batch may hold many.
SPOOL_BYTES = 64 * 1024
MultiPartParser.spool_max_size = SPOOL_BYTES
# Beside files: a token, a label. A form alone may name many photos.
_FIELDS_BESIDE, _MOST = 20, 1000
MOST_EXAMPLES = 1000
_FIELD_BYTES = 64 * 1024
# What a body may hold beside its one file: boundaries, headers, fields.
FRAME_BYTES = 64 * 1024


def photo_bytes(settings: Settings) -> int:
    """How much one photo may have."""
    return int(settings.intake.max_file_mb * 1e6)


def single_bytes(settings: Settings) -> int:
    """How much a body with one photo may have."""
    return photo_bytes(settings) + FRAME_BYTES


def batch_bytes(settings: Settings) -> int:
    """Of a body with several: at most half of what may be in hand of all requests."""
    return min(settings.api.batch_photos * single_bytes(settings), SUM_BYTES // 2)


async def form_of(request: Request, most_files: int = _MOST, most_fields: int = _MOST) -> FormData:
    """The form that is the body. Raises Problem 400, DiskFull."""
    try:
        return await request.form(
            max_files=most_files, max_fields=most_fields, max_part_size=_FIELD_BYTES
        )
    except Problem:
        raise
    except HTTPException as exc:
        code = "too_many_files" if str(exc.detail).startswith("Too many files") else "malformed"
        raise Problem(400, code, _told(exc)) from exc
    except OSError as exc:
        raise DiskFull(
            "state_dir/web: what was sent cannot be kept; free some space there"
        ) from exc
    except ValueError as exc:  # of a character set that is none for texts
        raise Problem(400, "malformed", "the body is no proper form") from exc


@asynccontextmanager
async def files_of(request: Request, name: str, most: int) -> AsyncIterator[list[UploadFile]]:
    """The files of a form's field, at least one and at most so many; closed at the end.

    Raises Problem 400 `no_file`, `too_many_files` (413 where several are welcome) or `malformed`.
    """
    try:
        form = await form_of(request, most, _FIELDS_BESIDE)
    except Problem as exc:
        raise _too_many(most) if exc.code == "too_many_files" else exc from exc
    try:
        yield _named(form, name, most)
    finally:
        await form.close()


@asynccontextmanager
async def examples_of(request: Request) -> AsyncIterator[tuple[list[UploadFile], str]]:
    """Photos of a form with what they all show, or a ZIP and ""; closed at the end.

    Raises Problem 400 `no_file`, `too_many_files` or `malformed`; 413 `too_many_files`.
    """
    try:
        form = await form_of(request, MOST_EXAMPLES, _FIELDS_BESIDE)
    except Problem as exc:
        raise _too_many(MOST_EXAMPLES) if exc.code == "too_many_files" else exc from exc
    try:
        label = _label(form)
        is_archive = _has_file(form, "archive")
        if is_archive and (label or _has_file(form, "files")):
            raise Problem(
                400, "malformed", "send either `files` and their `label`, or an `archive`"
            )
        if is_archive:
            yield _named(form, "archive", 1), ""
            return
        files = _named(form, "files", MOST_EXAMPLES)
        if not label.strip():
            raise Problem(400, "malformed", "label: say what the photos show", field="label")
        yield files, label
    finally:
        await form.close()


@asynccontextmanager
async def archive_of(request: Request) -> AsyncIterator[UploadFile | None]:
    """The one file of a form's field `archive`, or None where there is no body; closed at the end.

    Raises Problem as `files_of`.
    """
    if "content-type" not in request.headers:
        yield None
        return
    async with files_of(request, "archive", 1) as (file,):
        yield file


def refusals(field: str, most: int, most_bytes: int, *more: Problem) -> dict[int | str, Any]:
    """The descriptions of what a body with several files is refused for, for `responses`.

    more: other problems of status 400.
    """
    no_file = Problem(400, "no_file", f"there is no file in the field `{field}`")
    return {
        400: described(no_file, *(more or [MALFORMED])),
        413: described(_too_many(most), too_large(most_bytes)),
    }


def name_of(file: UploadFile) -> str:
    """What it is called, as it may stand in an answer."""
    return (file.filename or "").encode("utf-8", "replace").decode()


def multipart(name: str, *, several: bool = False, **fields: dict[str, Any]) -> dict[str, Any]:
    """The description of a body with files in the field `name`, for `openapi_extra`."""
    one = {"type": "string", "contentMediaType": "application/octet-stream"}
    files = {"type": "array", "items": one, "minItems": 1} if several else one
    schema = {"type": "object", "required": [name], "properties": {name: files, **fields}}
    return {
        "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}
    }


def _label(form: FormData) -> str:
    """What stands in that field; empty where it is not there, or a file. Raises Problem 400."""
    said = [one for one in form.getlist("label") if isinstance(one, str)]
    if len(said) > 1:
        raise Problem(400, "malformed", "label: stands there twice", field="label")
    return said[0] if said else ""


def _has_file(form: FormData, name: str) -> bool:
    """Browsers send a file without name and bytes where nobody chose one."""
    return bool(_chosen(form.getlist(name)))


def _chosen(values: Iterable[UploadFile | str]) -> list[UploadFile]:
    files = [one for one in values if isinstance(one, UploadFile)]
    return [one for one in files if one.filename or one.size]


def _named(form: FormData, name: str, most: int) -> list[UploadFile]:
    everything = [one for _, one in form.multi_items() if isinstance(one, UploadFile)]
    files = _chosen(form.getlist(name))
    if not files:
        raise Problem(400, "no_file", f"there is no file in the field `{name}`")
    if len(everything) > most:
        raise _too_many(most)
    return files


def _too_many(most: int) -> Problem:
    if most == 1:
        return Problem(400, "too_many_files", "one file is taken here, not several")
    return Problem(413, "too_many_files", f"at most {most} files are taken at once", limit=most)


# As they are described; what is raised is made anew each time.
TOO_MANY_FOR_ONE = _too_many(1)
MALFORMED = Problem(400, "malformed", "the body is no proper form: Missing boundary in multipart.")


def _told(error: HTTPException) -> str:
    return f"the body is no proper form: {error.detail}"
