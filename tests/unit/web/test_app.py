"""What every route says of itself, and what the description says of the API."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from jinja2.meta import find_referenced_templates

from config.settings import Settings
from tests.support.openapi import misfits, resolved
from web.access import Access, access_of, open_to_all
from web.addresses import Addresses
from web.app import ROUTERS, application
from web.database import WebStore
from web.routes import Route, router
from web.site import Site
from web.static_files import STATIC
from web.templating import FIRST, HERE, templates

# Whoever adds an address here lets everybody in: say why in the route.
OPEN = {
    ("GET", "/login"), ("POST", "/login"), ("GET", "/logout"), ("GET", "/page/link/{secret}"),
    ("POST", "/page/link/{secret}"), ("GET", "/docs"), ("GET", "/health"), ("GET", "/health/live"),
}  # fmt: skip


# The same of what a tablet at an address of `[web] station_addresses` sees without a sign-in.
AT_STATIONS = {
    ("GET", "/station"), ("GET", "/page/station"), ("GET", "/page/station/{id}/image"),
    ("GET", "/page/events"),
}  # fmt: skip


@pytest.fixture
def app(tmp_path: Path) -> Iterator[FastAPI]:
    folders = {
        key: tmp_path / key for key in ("incoming_dir", "sorted_dir", "results_dir", "state_dir")
    }
    settings = Settings.model_validate(folders)
    with closing(WebStore.open(tmp_path)) as store:
        yield application(Site.make(settings, store, Addresses.of(settings.web)))


def addresses(which: Callable[[Access], bool]) -> set[tuple[str, str]]:
    """Method and path of the routes that ask so of who calls them."""
    routes = [route for one in ROUTERS for route in one.routes]
    assert all(isinstance(route, Route) for route in routes)
    return {
        (method, route.path)
        for route in routes
        if isinstance(route, APIRoute) and which(access_of(route.endpoint))
        for method in route.methods or ()
    }


def test_only_these_addresses_are_open_to_all() -> None:
    assert addresses(lambda access: access.role is None) == OPEN


def test_only_these_addresses_are_open_to_stations() -> None:
    assert addresses(lambda access: access.or_station) == AT_STATIONS


def test_a_route_that_does_not_say_who_may_call_it_cannot_be_made() -> None:
    def careless() -> None:
        """Says nothing."""

    with pytest.raises(TypeError, match="careless says neither"):
        router().get("/careless")(careless)
    router().get("/careful")(open_to_all()(careless))


def test_the_description_says_how_errors_are_answered(app: FastAPI) -> None:
    schema = app.openapi()
    assert schema["openapi"].startswith("3.1")
    assert set(schema["paths"]) == {
        "/health", "/health/live", "/version", "/reviews", "/photos/{id}", "/photos/{id}/image",
        "/photos/{id}/decision", "/photos/{id}/undo", "/decisions",
        "/returns/{return_id}", "/runs", "/alerts",
        "/classes", "/predict", "/predict_batch", "/incoming", "/upload",
        "/stats", "/metrics",
        "/retrain", "/jobs/{id}", "/models", "/models/back", "/models/{version}",
        "/models/{version}/adopt",
    }  # fmt: skip
    for path in schema["paths"].values():
        for operation in path.values():
            assert operation["summary"]
            assert operation["description"]
            assert {"400", "403", "503"} <= set(operation["responses"])
            for status, answer in operation["responses"].items():
                problem = answer["content"].get("application/problem+json")
                for code, example in (problem or {}).get("examples", {}).items():
                    assert str(example["value"]["status"]) == status or status == "default"
                    assert example["value"]["code"] == code
                assert problem is None or problem["examples"]
            done = next(one for one in ("200", "202") if one in operation["responses"])
            answer = operation["responses"][done]["content"]
            if "application/json" in answer:
                shown = answer["application/json"]["schema"]
                for described in (resolved(one, schema) for one in shown.get("anyOf", [shown])):
                    for example in described["examples"]:
                        wrong = list(misfits(example, described, schema))
                        # FastAPI leaves null out of what it shows.
                        assert [one for one in wrong if not one.endswith("is missing")] == []
            else:
                assert "image/jpeg" in answer or answer["text/plain"]["example"]
    assert "HTTPValidationError" not in str(schema)


def test_the_description_says_nothing_of_a_call_that_it_is_never_answered(app: FastAPI) -> None:
    for path, operations in app.openapi()["paths"].items():
        for method, operation in operations.items():
            is_open = (method.upper(), path) in OPEN
            said = {
                code
                for answer in operation["responses"].values()
                for code in answer["content"]
                .get("application/problem+json", {})
                .get("examples", ())
            }
            of_callers = {"no_credentials", "unknown_key", "role_too_weak", "too_many"}
            assert said & of_callers == (set() if is_open else of_callers), path
            assert ({"401", "429"} <= operation["responses"].keys()) != is_open
            assert ("security" in operation) == is_open
            takes = {"parameters", "requestBody"} & operation.keys()
            assert "malformed" in said or not takes, path
            assert takes or "malformed" not in said, path
            assert ("413" in operation["responses"]) == ("requestBody" in operation)


def test_what_is_of_others_is_as_they_made_it_with_their_licence() -> None:
    listed = tomllib.loads((HERE / "vendor.toml").read_text("utf-8"))
    files = set()
    for name, one in listed.items():
        folder = STATIC / "vendor" / name
        assert (folder / "LICENSE").stat().st_size > 500
        for file in one["files"]:
            content = (folder / file["name"]).read_bytes()
            assert hashlib.sha256(content).hexdigest() == file["sha256"], file["name"]
            files.add(folder / file["name"])
    served = {*(STATIC / "vendor").rglob("*.js"), *(STATIC / "vendor").rglob("*.css")}
    assert served == files


def test_what_is_made_ready_for_the_first_pages_is_all_that_they_are_made_of() -> None:
    made = templates()
    for name in FIRST:
        source, _, _ = made.loader.get_source(made, name)  # type: ignore[union-attr]
        assert {*find_referenced_templates(made.parse(source))} <= {*FIRST}, name


def test_a_page_with_all_that_it_loads_is_small() -> None:
    loaded = [STATIC / "page.css", STATIC / "mark.svg", *(STATIC / "vendor/htmx").glob("*.js")]
    assert sum(file.stat().st_size for file in loaded) < 70_000
