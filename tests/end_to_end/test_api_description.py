"""Schemathesis runs the whole description against a page at work: no call fails, answers fit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, BaseSchema, Case, GenerationMode
from schemathesis.core.errors import InvalidSchema
from schemathesis.core.result import Ok, Result
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.photos import photo_bytes, write_photo
from tests.support.waiting import DEADLINE_SECONDS
from tests.support.web import Page

Operation: TypeAlias = APIOperation[Any, Any, Any, Any]

UNLIMITED = "[api]\npredictions_per_hour = 1000000\nbatches_per_hour = 1000000\n"
UNLIMITED += "reads_per_minute = 1000000\nat_once = 60\n"
CHECKS = [
    content_type_conformance, response_headers_conformance, response_schema_conformance,
    status_code_conformance,
]  # fmt: skip
# Of each operation so many calls that fit the description, and so many that do not.
EXAMPLES = 10
# Bytes that are made up are never a photo.
PHOTO = photo_bytes(size=(60, 80))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A site with a run in its history, whose daemon is at work."""
    page = Page.make(tmp_path_factory.mktemp("web"), settings=UNLIMITED)
    for n in range(6):
        write_photo(page.site.incoming / f"return-{n}_front.jpg", seed=n, size=(90, 120))
    assert page.site.nightsort("now").returncode == 0
    with page.site.daemon(), page.serving():
        yield page


@pytest.fixture(scope="module")
def keys(page: Page) -> list[str]:
    """Of who may do everything (mostly), of who may look only, and of nobody."""
    admin = page.add_key("admin", "admin")
    return [admin, admin, admin, page.add_key("reader"), ""]


@pytest.fixture(scope="module")
def schema(page: Page) -> BaseSchema:
    return schemathesis.openapi.from_url(f"{page.url}/openapi.json")


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_no_call_fails_and_no_answer_is_another_than_it_says(
    schema: BaseSchema, keys: list[str], mode: GenerationMode
) -> None:
    tried = {_try(_known(found), keys, mode) for found in schema.get_all_operations()}
    assert {"GET /health", "POST /predict", "POST /incoming", "POST /upload"} <= tried


def _try(operation: Operation, keys: list[str], mode: GenerationMode) -> str:
    """Call it as often as is said; returns what it is called."""
    if mode is GenerationMode.NEGATIVE and _takes_nothing(operation):
        return operation.label

    @given(
        case=operation.as_strategy(generation_mode=mode),
        key=st.sampled_from(keys),
        with_photo=st.booleans(),
    )
    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def call(case: Case[Any], key: str, *, with_photo: bool) -> None:
        if with_photo and isinstance(case.body, dict):
            case.body = {**case.body, **_photos(case.body)}
        headers = {"X-API-Key": key} if key else {}
        answer = case.call(headers=headers, timeout=DEADLINE_SECONDS)
        assert answer.status_code != 500, answer.text
        case.validate_response(answer, checks=CHECKS)
        if "problem+json" in answer.headers["content-type"][0]:
            assert answer.json()["status"] == answer.status_code
            assert ("retry-after" in answer.headers) == (answer.status_code in (429, 503))

    call()
    return operation.label


def _takes_nothing(operation: Operation) -> bool:
    """So that no call of it can be another than is described, not even one without a key."""
    said = operation.definition.raw
    return not {"parameters", "requestBody"} & said.keys() and {} in said.get("security", ())


def _known(found: Result[Operation, InvalidSchema]) -> Operation:
    """An operation that Schemathesis could read in the description."""
    assert isinstance(found, Ok), found
    return found.ok()


def _photos(body: dict[str, Any]) -> dict[str, Any]:
    """A photo in each field that takes one."""
    found = {name: PHOTO for name in ("file", "archive") if name in body}
    return found | ({"files": [PHOTO]} if "files" in body else {})
