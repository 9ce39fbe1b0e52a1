"""Every code that a program may be answered with stands in docs/api.md."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from config.errors import PhotoProblem
from daemon.domain.lessons import LearningCode
from daemon.domain.orders import Code
from web.problems import CODES, OTHER

ROOT = Path(__file__).parents[3]
# Pages answer in words, and these are of pages alone.
OF_PAGES = {"link_over", "not_newest", "people_only"}
# Where the code stands, and what it is where none is given.
_MAKERS: dict[str, tuple[int, str]] = {
    "Problem": (1, ""), "busy": (2, "busy"), "too_many": (2, "too_many"),
}  # fmt: skip
# What is no word there, and stands for these.
_STANDS_FOR: dict[str, set[str]] = {
    "CODES.get(status, OTHER)": {*CODES.values(), OTHER},
    "answer.code": {*LearningCode},
    "left.code": {*Code},
    "problem.code": set(),  # of another problem
    "said['code']": {"unreadable", "gone"},  # of `web.reading.painter`
    "exc.problem.value": {*PhotoProblem},
    "impossible": {"unknown_category", "not_found"},
    "code": {"too_many_files", "malformed", "busy", "too_many"},
    "LearningCode.UNTRUSTED": {LearningCode.UNTRUSTED},
    "LearningCode.UNDER_WAY": {LearningCode.UNDER_WAY},
    "Code.UNKNOWN_OUTCOME": {Code.UNKNOWN_OUTCOME},
}


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Where problems are made, and by what."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=maker)) if maker in _MAKERS:
                yield maker, node


def codes_of(maker: str, call: ast.Call) -> set[str]:
    """What the problem that is made there may be called."""
    place, usual = _MAKERS[maker]
    named = [one.value for one in call.keywords if one.arg == "code"]
    starred = [one.value for one in call.args if isinstance(one, ast.Starred)]
    given = named or starred or call.args[place : place + 1]
    if not given:
        return {usual}
    (said,) = given
    if isinstance(said, ast.Constant):
        return {str(said.value)}
    return _STANDS_FOR[ast.unparse(said)]


def test_the_document_names_every_code_that_there_is() -> None:
    document = (ROOT / "docs" / "api.md").read_text("utf-8")
    codes = {
        code
        for file in (ROOT / "web").rglob("*.py")
        for maker, call in calls(ast.parse(file.read_text("utf-8")))
        for code in codes_of(maker, call)
    }
    assert {"state", "no_picture", "unknown_host", "stale_form", "unknown_outcome"} <= codes
    assert sorted(code for code in codes - OF_PAGES if f"`{code}`" not in document) == []
