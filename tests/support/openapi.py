"""The description of the API as tests use it: what does not fit it.

No validator of all of JSON Schema: of what FastAPI writes, and nothing else, so that an unknown
word in a schema is an error here, not something that is passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "null": (type(None),),
    "integer": (int,),
    "number": (int, float),
}
_SAID_ELSEWHERE = {
    "title", "description", "examples", "default", "format", "contentMediaType", "deprecated",
    "prefixItems",
}  # fmt: skip
_KNOWN = _SAID_ELSEWHERE | {
    "$ref", "type", "properties", "required", "items", "anyOf", "enum", "const", "minimum",
    "maximum", "exclusiveMinimum", "exclusiveMaximum", "minItems", "maxItems", "minLength",
    "maxLength", "additionalProperties", "pattern", "uniqueItems",
}  # fmt: skip


def misfits(value: Any, schema: Schema, root: Schema, at: str = "") -> Iterator[str]:
    """What of a value does not fit its schema, by where it stands."""
    if "$ref" in schema:
        schema = resolved(schema, root)
    if unknown := set(schema) - _KNOWN:
        raise NotImplementedError(f"{at}: {unknown}")
    if "anyOf" in schema:
        if not any(not list(misfits(value, one, root, at)) for one in schema["anyOf"]):
            yield f"{at}: {value!r} is none of what it may be"
        return
    if "const" in schema and value != schema["const"]:
        yield f"{at}: {value!r} is not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: {value!r} is none of {schema['enum']}"
    kind = schema.get("type")
    if kind is not None and (
        not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean")
    ):
        yield f"{at}: {value!r} is no {kind}"
        return
    yield from _bounds(value, schema, at)
    yield from _parts(value, schema, root, at)


def resolved(schema: Schema, root: Schema) -> Schema:
    """What a reference stands for."""
    found = root
    for step in schema["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return found


def _bounds(value: Any, schema: Schema, at: str) -> Iterator[str]:
    if "minimum" in schema and value < schema["minimum"]:
        yield f"{at}: {value} is below {schema['minimum']}"
    if "maximum" in schema and value > schema["maximum"]:
        yield f"{at}: {value} is above {schema['maximum']}"


def _parts(value: Any, schema: Schema, root: Schema, at: str) -> Iterator[str]:
    if isinstance(value, list) and "items" in schema:
        for number, one in enumerate(value):
            yield from misfits(one, schema["items"], root, f"{at}[{number}]")
    if isinstance(value, dict):
        known, more = schema.get("properties", {}), schema.get("additionalProperties")
        missing = [name for name in schema.get("required", ()) if name not in value]
        yield from (f"{at}: {name} is missing" for name in missing)
        for name, one in value.items():
            if name in known:
                yield from misfits(one, known[name], root, f"{at}.{name}")
            elif isinstance(more, dict):
                yield from misfits(one, more, root, f"{at}.{name}")
