"""Every code that a program may be answered with stands in docs/api.md."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from config import catalogue
from config.errors import PhotoProblem
from daemon.domain.lessons import LearningCode
from daemon.domain.orders import Code
from web.problems import CODES, OTHER
from web.templating import TEXTS

ROOT = Path(__file__).parents[3]
# Pages answer in words, and these are of pages alone.
OF_PAGES = {"link_over", "no_category", "not_newest", "nothing_chosen", "people_only"}
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


# What is answered here, programs read; people are told of predictions by `try.html`.
_OF_PROGRAMS = ("api/", "predictions/", "protocol.py", "front.py")
# No page of ours leads to these.
_UNMET = {OTHER, "ambiguous", "method_not_allowed", "no_picture", "unknown_key", "wrong_type"}
_TABLES = ("failure", "unsent", "untaught", "reason")


def test_each_code_that_a_person_may_meet_has_its_sentence() -> None:
    web, texts = ROOT / "web", catalogue.read(TEXTS)["en"]
    met = {
        code
        for file in web.rglob("*.py")
        if not file.relative_to(web).as_posix().startswith(_OF_PROGRAMS)
        for maker, call in calls(ast.parse(file.read_text("utf-8")))
        for code in codes_of(maker, call)
    }
    assert {"role_too_weak", "stale_form", "decided", "link_over", "share_hangs"} <= met
    assert sorted(met - _UNMET - {one for table in _TABLES for one in texts.table(table)}) == []


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
