"""What code can say: its sentences, read out of the code itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

_FUNCTIONS = ast.FunctionDef, ast.AsyncFunctionDef
_Function = ast.FunctionDef | ast.AsyncFunctionDef
Names = Mapping[str, Sequence[ast.expr]]

# What stands in a sentence for a value, by how that is written; a 7 for all others.
_SAMPLES = {
    "%a": "Mon 02:00", "%d %b %Y %H:%M": "13 Oct 2025 02:00", "%d %b %Y": "13 Oct 2025",
    "_since[": "Mon 02:00", ".address": "s3://7 at 7", "patience": "2 min 00 s",
}  # fmt: skip


def forms(node: ast.expr, names: Names) -> list[str]:
    """What an expression can come to; empty where it is nobody's sentence here."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=parts):
            return _joined(parts, names)
        case ast.Call(func=ast.Attribute(value=said, attr="format")):
            return [re.sub(r"{\w*}", "7", form) for form in forms(said, names)]
        case ast.Name(id=name):
            others = {other: given for other, given in names.items() if other != name}
            return [form for given in names.get(name, ()) for form in forms(given, others)]
    return [form for one in _alternatives(node) for form in forms(one, names)]


def _alternatives(node: ast.expr) -> Sequence[ast.expr]:
    """What the value of an expression may be taken from."""
    match node:
        case ast.IfExp(body=one, orelse=other):
            return [one, other]
        case ast.BoolOp(op=ast.Or(), values=values) | ast.Dict(values=values):
            return values
        case (
            ast.Subscript(value=ast.Name() as taken)
            | ast.Call(func=ast.Attribute(value=ast.Name() as taken, attr="get"))
            | ast.Call(func=ast.Name() as taken)
        ):
            return [taken]
        case ast.FormattedValue(value=value, format_spec=None):
            return [value]
        case ast.Call(func=ast.Attribute(value=ast.JoinedStr() as said, attr="strip")):
            return [said]
    return []


def _joined(parts: Sequence[ast.expr], names: Names) -> list[str]:
    found = [""]
    for part in parts:
        some = forms(part, names) or [_sample(part)]
        found = [form + one for form in found for one in some]
    return found


def _sample(part: ast.expr) -> str:
    written = ast.unparse(part)
    return next((text for pattern, text in _SAMPLES.items() if pattern in written), "7")


def assigned(nodes: Iterable[ast.AST]) -> dict[str, list[ast.expr]]:
    """What each name is set to; a function's, what it returns at its end."""
    names: dict[str, list[ast.expr]] = {}
    for node in nodes:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                names.setdefault(name, []).append(value)
            case ast.NamedExpr(target=ast.Name(id=name), value=value):
                names.setdefault(name, []).append(value)
            case ast.FunctionDef(name=name, body=[*_, ast.Return(value=ast.expr() as value)]) if (
                any(forms(value, {}))
            ):
                names.setdefault(name, []).append(value)
    return names


def calls(files: Iterable[Path]) -> Iterator[tuple[Path, ast.Call, Names]]:
    """Every call in a function, with what names mean there, the function's parameters among them.

    A parameter is what the calls of that function in the same file give for it.
    """
    for file in files:
        module = ast.parse(file.read_text("utf-8"))
        functions = [one for one in ast.walk(module) if isinstance(one, _FUNCTIONS)]
        shared = assigned(module.body)
        known = {one.name: shared | assigned(ast.walk(one)) for one in functions}
        given = {one.name: _arguments(one, functions, known) for one in functions}
        for function in functions:
            for node in ast.walk(function):
                if isinstance(node, ast.Call):
                    yield file, node, known[function.name] | given[function.name]


def _arguments(
    function: _Function, callers: Sequence[_Function], known: Mapping[str, Names]
) -> dict[str, list[ast.expr]]:
    found: dict[str, list[ast.expr]] = {}
    names = [one.arg for one in function.args.args]
    for caller in callers:
        for node in ast.walk(caller):
            match node:
                case ast.Call(func=ast.Name(id=called), args=args) if called == function.name:
                    for name, value in zip(names, args, strict=False):
                        said = forms(value, known[caller.name])
                        found.setdefault(name, []).extend(map(ast.Constant, said))
    return found


def errors_below(bases: Iterable[str], files: Iterable[Path]) -> set[str]:
    """These classes, and all that are made of them, by name."""
    found, size = {*bases}, 0
    classes = [
        node
        for file in files
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
    ]
    while len(found) != size:
        size = len(found)
        found |= {one.name for one in classes if {ast.unparse(base) for base in one.bases} & found}
    return found
