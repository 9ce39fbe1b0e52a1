"""What keeps it from working is said in the language of the page: read out of what says it."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator

import pytest

from daemon.folders import adoption, os_errors, presence
from daemon.health import status_document, status_file
from web.reading.state import Seen, problems_in

_RAISED = {
    "UnavailableError", "ForbiddenError", "DiskFull", "FolderRefused", "FolderUnavailable",
    "PhotoBusy",
}  # fmt: skip


def _sentence(node: ast.expr) -> str:
    """With something filled in; empty for what is no sentence."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_sentence(part) for part in parts)
        case ast.FormattedValue(value=ast.Name(id="ADOPT")):
            return adoption.ADOPT
        case ast.FormattedValue():
            return "7"
    return ""


def _said() -> Iterator[str]:
    for module in (adoption, os_errors, presence):
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            match node:
                case ast.Call(func=ast.Name(id=kind), args=[told]) if kind in _RAISED:
                    yield _sentence(told)
    yield status_document._HANGS
    yield status_file._NOT_RUNNING_WORDS


SAID = sorted(filter(None, _said()))


def seen(*problems: str) -> Seen:
    return Seen("degraded", "waiting", None, None, [*problems], None, None)


def test_the_sentences_are_found() -> None:
    assert len(SAID) > 15


@pytest.mark.parametrize("sentence", SAID)
def test_each_sentence_has_its_german(sentence: str) -> None:
    ((said, language),) = problems_in(seen(sentence), "de")
    assert (said != sentence, language) == (True, "de")
    assert problems_in(seen(sentence), "en") == [(sentence, "en")]


def test_what_is_not_known_is_marked_as_english() -> None:
    assert problems_in(seen("the moon is full"), "de") == [("the moon is full", "en")]
