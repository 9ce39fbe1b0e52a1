"""CycloneDX's own schemas, as its library for Python carries them; nothing of it is run."""

from __future__ import annotations

import json
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import jsonschema_rs

_AT = "http://cyclonedx.org/schema"


def complaints(bill: object) -> list[str]:
    """What a bill of materials has that version 1.6 does not allow."""
    return [str(error)[:300] for error in _validator().iter_errors(bill)]


@cache
def _validator() -> jsonschema_rs.Draft7Validator:
    schema = _schema("bom-1.6")
    # As the first names them, whatever they call themselves.
    known = [(f"{_AT}/{name}.SNAPSHOT.schema.json", _schema(name)) for name in ("spdx", "jsf-0.82")]
    registry = jsonschema_rs.Registry(known, draft=jsonschema_rs.Draft7)
    return jsonschema_rs.Draft7Validator(schema, registry=registry, validate_formats=True)


def _schema(name: str) -> Any:
    folder = Path(str(distribution("cyclonedx-python-lib").locate_file("cyclonedx/schema/_res")))
    return json.loads((folder / f"{name}.SNAPSHOT.schema.json").read_text("utf-8"))
