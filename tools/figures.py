"""The figures of this repository's shape: how large its modules, classes and functions are.

    python -m tools.figures [FOLDER]

A report, not a limit: what grows is to be seen before it hurts. Tests, benchmarks and the build's
hook are left out. A function is as long as its lines from `def` to its last, docstring and all, and
a class has the methods that it defines itself; every function counts, also one within another.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

FOLDERS = ("daemon", "web", "classifier", "config", "installer", "tools")
LONG_FUNCTION, LARGE_CLASS, LARGEST_CLASS, LONG_MODULE = 60, 15, 25, 400
_UNTYPED = "dict" + "[str, Any]"  # else this line would be one of those it looks for

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Module:
    """One module: its text, and what it defines."""

    name: str
    lines: tuple[str, ...]
    functions: tuple[Function, ...]
    classes: tuple[ast.ClassDef, ...]


def modules_of(root: Path) -> list[Module]:
    """All modules below `root` that are shipped, or make what is."""
    return [
        _module(path, path.relative_to(root))
        for folder in FOLDERS
        for path in sorted((root / folder).rglob("*.py"))
    ]


def _module(path: Path, name: Path) -> Module:
    text = path.read_text(encoding="utf-8")
    nodes = [*ast.walk(ast.parse(text))]
    return Module(
        str(name),
        tuple(text.splitlines()),
        tuple(node for node in nodes if isinstance(node, Function)),
        tuple(node for node in nodes if isinstance(node, ast.ClassDef)),
    )


def length(function: Function) -> int:
    """Its lines, from `def` to the last; what decorates it is not counted."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def is_annotated(function: Function) -> bool:
    """Whether it says the types of all that it takes and gives."""
    given = function.args
    named = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    taken = [arg for arg in [*named, given.vararg, given.kwarg] if arg is not None]
    untold = [arg for arg in taken if arg.annotation is None and arg.arg not in ("self", "cls")]
    return function.returns is not None and not untold


def methods(of: ast.ClassDef) -> int:
    """How many methods a class defines."""
    return sum(isinstance(node, Function) for node in of.body)


def figures(modules: list[Module]) -> Iterator[tuple[str, str]]:
    """Each figure by what it counts."""
    functions = [function for module in modules for function in module.functions]
    lengths = [length(function) for function in functions]
    long = [size for size in lengths if size > LONG_FUNCTION]
    told = sum(map(is_annotated, functions))
    classes = [(one.name, methods(one)) for module in modules for one in module.classes]
    lines = [(module.name, len(module.lines)) for module in modules]
    untyped = sum(
        _UNTYPED in line
        for module in modules
        for line in module.lines
        if module.name.startswith("daemon/")
    )
    yield "lines / modules", f"{sum(size for _, size in lines):,} / {len(modules)}"
    tenth = quantiles(lengths, n=10, method="inclusive")[-1]
    yield "function length, median / p90", f"{median(lengths):.0f} / {tenth:.0f}"
    yield f"functions over {LONG_FUNCTION} lines", f"{len(long) / len(lengths):.2%}"
    yield "functions fully annotated", f"{told / len(functions):.1%}"
    yield f"classes over {LARGE_CLASS} methods", _over(classes, LARGE_CLASS)
    yield f"classes over {LARGEST_CLASS} methods", _over(classes, LARGEST_CLASS)
    yield f"modules over {LONG_MODULE} lines", _over(lines, LONG_MODULE)
    yield f"lines with {_UNTYPED} in daemon/", str(untyped)


def _over(sizes: list[tuple[str, int]], limit: int) -> str:
    """How many are larger than that, and which, the largest first."""
    large = sorted((-size, name) for name, size in sizes if size > limit)
    return "; ".join([str(len(large)), *(f"{name} {-size}" for size, name in large)])


def main(root: Path) -> str:
    """All figures, one a line."""
    modules = modules_of(root)
    if not modules:
        sys.exit(f"{root}: none of {', '.join(FOLDERS)} is in it; name a copy of the repository")
    return "".join(f"{what:<40}{figure}\n" for what, figure in figures(modules))


if __name__ == "__main__":
    sys.stdout.write(main(Path(*sys.argv[1:])))
