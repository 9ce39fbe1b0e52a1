"""Whatever keeps it from working is said in German, too: the sentences are read out of the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from config.settings import refusals
from config.wrong_types import PROBLEMS
from daemon.domain import status_words
from daemon.domain.again import known
from daemon.domain.left_alone import Held, LeftAlone
from daemon.domain.speech import ENGLISH, speech
from daemon.domain.status_words import problem, problem_again, problems_of
from tests.support.said import assigned, calls, errors_below, forms

GERMAN = speech("de")
HOUSE = Path(status_words.__file__).parents[2]
# What these say is read at a terminal alone.
_OF_COMMANDS = ("daemon/cli", "classifier/training", "classifier/archive")
CODE = sorted(
    file
    for folder in ("config", "classifier", "daemon", "web")
    for file in (HOUSE / folder).rglob("*.py")
    if not file.relative_to(HOUSE).as_posix().startswith(_OF_COMMANDS)
)
# What the service, its threads and the page go on after, and tell people of.
COMMANDS = (HOUSE / "daemon" / "cli").glob("*.py")
ERRORS = errors_below({"TransientError", "ModelError", "StoreDamaged", "UnavailableError"}, CODE)
# And where others reach them as well.
_OTHERS = {
    "config/variables.py": {"ConfigError"},
    "daemon/store/database.py": {"ConfigError"},
    "daemon/folders/forgotten.py": {"RefusedError"},
    "daemon/folders/locks.py": {"RefusedError", "ConfigError"},
    "daemon/maintenance/backups.py": {"RefusedError"},
    "daemon/mirror/bucket/forgetting.py": {"ListDamaged"},
}
_SHARED = {
    name: given
    for file in CODE
    for name, given in assigned(ast.parse(file.read_text("utf-8")).body).items()
    if name == "ADOPT"
}


def _raised() -> Iterator[str]:
    for file, call, names in calls(CODE):
        kinds = ERRORS | _OTHERS.get(file.relative_to(HOUSE).as_posix(), set())
        match call:
            case ast.Call(func=ast.Name(id=kind), args=[told, *_]) if kind in kinds:
                yield from forms(told, _SHARED | {**names})


# One of each kind of what pydantic says by itself.
WRONG: dict[str, Any] = {
    "alerts": {
        "undeliverable_minutes": 0,
        "accuracy_promise": 1,
        "drift": 1,
        "targets": [{"type": "fax"}, {"type": "email", "user": ""}],
    },
    "bands": {"auto": 2},
    "learning": {"adopt": "x", "examples_per_label": 1},
    "value": {"currency": "x"},
}
# Where sentences are answered that no error says, and which reach the status by way of another.
_ANSWERED = {
    "daemon/folders/child_processes.py": "answered",
    "daemon/handover/posting.py": "_send",
    "daemon/maintenance/repair.py": "_why_not",
    "daemon/service/examining.py": "_answer",
    "daemon/store/copies.py": "damage",
    "web/addresses.py": "foreign",
}


# Why nothing is taken of a file that somebody brings to learn from.
_BROUGHT = {
    "daemon/folders/names.py": "label_problem",
    "daemon/sorting/labelled.py": "_problem",
    "daemon/sorting/zips.py": "_problem",
}


def _answered(where: Mapping[str, str]) -> Iterator[str]:
    for name, function in where.items():
        for node in ast.walk(ast.parse((HOUSE / name).read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name == function:
                names = assigned(ast.walk(node))
                for one in ast.walk(node):
                    match one:
                        case ast.Return(value=ast.Tuple(elts=[_, said]) | (ast.expr() as said)):
                            yield from forms(said, names)


def _refused() -> Iterator[str]:
    """What is wrong with settings; 7 is where."""
    for file, call, names in calls(sorted((HOUSE / "config").glob("*.py"))):
        match call:
            case ast.Call(func=ast.Name(id="ValueError"), args=[told]):
                yield from (f"7: {form}" for form in forms(told, names))
            case ast.Call(func=ast.Name(id="ConfigError"), args=[told]):
                if file.stem in ("settings", "answers"):
                    yield from forms(told, names)
            case ast.Call(func=ast.Attribute(attr="append"), args=[told]):
                if file.stem == "variables":
                    yield from forms(told, names)
    yield from _explained()


def _explained() -> Iterator[str]:
    module = ast.parse((HOUSE / "config" / "settings.py").read_text("utf-8"))
    for node in module.body:
        if isinstance(node, ast.FunctionDef) and node.name == "_explain":
            names = assigned(ast.walk(node)) | {"where": [ast.Constant("7")]}
            for one in ast.walk(node):
                if isinstance(one, ast.Return) and one.value is not None:
                    yield from forms(one.value, names)


SAID = sorted({one for one in (*_raised(), *_answered(_ANSWERED)) if re.search("[a-z]{2}", one)})
# What begins with no place is said by commands that write settings.
REFUSED = sorted(
    {one for one in _refused() if re.match("7.*[a-z]{2}", one)}
    | {f"7: {said}" for said in PROBLEMS.values()}
)


def is_known(sentence: str) -> bool:
    """Whether all of it has its German, what it quotes as well."""
    found = known(sentence, "status.problem")
    return found is not None and all(_is_told(*given) for given in found[1].items())


def _is_told(name: str, given: str) -> bool:
    """Commands are the same in any language, as numbers and names are."""
    if name in ("problem", "another"):
        return not re.search("[a-z]{3}", given) or is_known(given)
    return name in ("command", "how") or not re.search("[a-z]{3} ", given)


def test_the_sentences_are_found() -> None:
    assert len(SAID) > 120
    assert len(REFUSED) > 50
    assert {"MirrorRefused", "BucketFailed", "ForbiddenError", "TooManyAtOnce"} <= ERRORS


@pytest.mark.parametrize("sentence", SAID)
def test_what_an_error_says_has_its_german(sentence: str) -> None:
    assert is_known(sentence)
    assert problem_again(sentence, GERMAN) != sentence
    assert problem_again(sentence, ENGLISH) == sentence


@pytest.mark.parametrize("sentence", REFUSED)
def test_what_is_wrong_with_settings_has_its_german(sentence: str) -> None:
    assert known(sentence, "status.setting")
    assert problem_again(sentence, GERMAN) != sentence


def test_what_pydantic_finds_in_settings_has_its_german() -> None:
    for _, words in refusals(WRONG):
        assert known(words, "status.setting"), words


@pytest.mark.parametrize("sentence", sorted(filter(None, _answered(_BROUGHT))))
def test_why_a_file_is_not_learnt_from_has_its_german(sentence: str) -> None:
    assert problem_again(sentence, GERMAN) != sentence


def test_no_problem_comes_into_the_status_but_from_the_catalogue() -> None:
    """`Problem` is a type of its own: mypy refuses any other sentence there."""
    made = [
        file.relative_to(HOUSE).as_posix()
        for file in CODE
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Problem"
    ]
    assert {one for one in made if one.startswith("daemon/")} == {"daemon/domain/status_words.py"}


# --- what is put together ------------------------------------------------------------------------


def test_what_is_quoted_within_is_said_again_as_well() -> None:
    why = problem("full", place="/srv/backups")
    assert problem_again(problem("no_backup", problem=why), GERMAN) == (
        "es gibt keine neue Sicherung: /srv/backups: kein Platz mehr; auf dieser Platte welchen "
        "schaffen"
    )
    away = problem("away", since="Tue 02:00", problem=problem("removed", folder="sorted_dir /a"))
    both = f"{away}; {away.replace('sorted', 'results').replace('Tue', 'Sun')}"
    assert problem_again(both, GERMAN) == (
        "seit Di 02:00: sorted_dir /a wurde entfernt, kaum dass es ihn gab; "
        "seit So 02:00: results_dir /a wurde entfernt, kaum dass es ihn gab"
    )


def test_settings_that_are_refused_are_told_one_by_one() -> None:
    wrong = "a.toml: is missing; set it\nb (a.toml) = 2: must be a number\nwhatever; it is"
    assert problem_again(wrong, GERMAN) == (
        "a.toml: fehlt; es setzen\nb (a.toml) = 2: muss eine Zahl sein\nwhatever; it is"
    )
    told = problem("not_in_use", settings=wrong.replace("\n", "; "))
    assert problem_again(told, GERMAN) == (
        "die neuen Einstellungen gelten nicht: a.toml: fehlt; es setzen; "
        "b (a.toml) = 2: muss eine Zahl sein; whatever; it is"
    )


WRITTEN = (
    "1 Foto wird noch geschrieben oder ist in einem anderen Programm offen: {}.",
    "{n} Fotos werden noch geschrieben oder sind in einem anderen Programm offen: {}.",
)


@pytest.mark.parametrize(
    ("held", "german"),
    [
        ([Held("a.jpg", 3725)], "a.jpg (seit 1 h 02 min)"),
        (
            [Held("a, b and c.jpg", 61.5), Held("d.jpg", 1.5)],
            "a, b and c.jpg (seit 1 min 02 s) und d.jpg (seit 1,5 s)",
        ),
        (
            [Held(f"{number}.jpg", 5) for number in range(7)],
            ", ".join(f"{number}.jpg (seit 5,0 s)" for number in range(5)) + " und 2 weitere",
        ),
    ],
)
def test_photos_that_are_held_are_named_in_german(held: list[Held], german: str) -> None:
    said = [problem_again(one, GERMAN) for one in problems_of(LeftAlone(held=(*held,)))]
    assert said == [WRITTEN[len(held) > 1].format(german, n=len(held))]


def test_why_one_is_held_is_said_in_german() -> None:
    held = Held("a.jpg", 90, problem("in_use", place="/in/a.jpg"))
    (said,) = (problem_again(one, GERMAN) for one in problems_of(LeftAlone(held=(held,))))
    assert said == (
        "1 Foto wird immer wieder versucht: a.jpg (seit 1 min 30 s: /in/a.jpg: ein anderes "
        "Programm verwendet es; es dort schließen)."
    )


def test_what_nobody_knows_stays_as_it_is() -> None:
    for unknown in ("the moon is full", "division by zero", "they are 3 and 4 more", "x; " * 9999):
        assert problem_again(unknown, GERMAN) == unknown


# --- what is left over ---------------------------------------------------------------------------


def _used(sentence: str) -> Iterator[str]:
    found = known(sentence, "status.problem")
    if found is not None:
        yield found[0]
        for name in ("problem", "another"):
            yield from _used(found[1].get(name, ""))


def test_the_catalogue_holds_nothing_that_nobody_says() -> None:
    code = "\n".join(file.read_text("utf-8") for file in (*CODE, *COMMANDS))
    used = {f"status.problem.{key}" for key in re.findall(r'\bproblem\(\s*"(\w+)"', code)}
    used |= {key for sentence in SAID for key in _used(sentence)}
    # Of several folders or systems, and by the page.
    others = ("both", "away_too", "defect", "foreign_origin", "not_done_either")
    used |= {f"status.problem.{key}" for key in others}
    assert sorted(set(ENGLISH.keys_below("status.problem")) - used) == []
    refused = [*REFUSED, *(words for _, words in refusals(WRONG))]
    settings = {(known(one, "status.setting") or ("",))[0] for one in refused}
    assert sorted(set(ENGLISH.keys_below("status.setting")) - settings) == []
