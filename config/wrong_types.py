"""How a value of the wrong type is told."""

from __future__ import annotations

# What pydantic says in words of Python, by its kind of error.
PROBLEMS = {
    "tuple_type": 'must be a list, such as ["first", "second"]',
    "too_short": "must have at least 1 item",
    "model_type": "must be a table of settings",
    "model_attributes_type": "must be a table of settings",
    "dict_type": "must be a table of settings",
    "path_type": "must be a path in quotes",
    "string_type": "must be text in quotes",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
}
