"""The figures of the code are counted as they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.figures import figures, main, modules_of

_SMALL = '''"""One."""


class Shelf:
    """Holds."""

    limit: int = 3

    @property
    def first(self) -> dict[str, Any]:
        """It."""
        return {}

    def put(self, one: str, *rest: str, **more: str) -> None: ...


def told(given):
    def inner() -> None: ...

    return inner
'''


def repository(root: Path, **files: str) -> Path:
    """A repository of these modules, each by its folder."""
    for folder, text in files.items():
        (root / folder).mkdir()
        (root / folder / "one.py").write_text(text, encoding="utf-8")
    return root


def counted(root: Path) -> dict[str, str]:
    return dict(figures(modules_of(root)))


def test_functions_lines_and_types_are_counted(tmp_path: Path) -> None:
    found = counted(repository(tmp_path, daemon=_SMALL))
    assert found["lines / modules"] == "20 / 1"
    # first 3 (its decorator is none of it), put 1, told 4, inner 1
    assert found["function length, median / p90"] == "2 / 4"
    assert found["functions fully annotated"] == "75.0%"
    assert found["lines with dict[str, Any] in daemon/"] == "1"


def test_what_is_not_shipped_is_not_counted(tmp_path: Path) -> None:
    found = counted(repository(tmp_path, daemon=_SMALL, tests=_SMALL, benchmarks=_SMALL))
    assert found["lines / modules"] == "20 / 1"


def test_untyped_dictionaries_count_in_the_daemon_alone(tmp_path: Path) -> None:
    found = counted(repository(tmp_path, classifier=_SMALL))
    assert found["lines with dict[str, Any] in daemon/"] == "0"


def test_what_is_large_is_named_the_largest_first(tmp_path: Path) -> None:
    def shelf(name: str, methods: int) -> str:
        rows = "".join(f"    def m{number}(self) -> None: ...\n" for number in range(methods))
        return f"class {name}:\n{rows}"

    long = "def long() -> None:\n" + "    pass\n" * 60
    text = shelf("Fits", 15) + shelf("Large", 16) + shelf("Larger", 26) + long + "\n" * 400
    found = counted(repository(tmp_path, daemon=text))
    assert found["classes over 15 methods"] == "2; Larger 26; Large 16"
    assert found["classes over 25 methods"] == "1; Larger 26"
    assert found["modules over 400 lines"] == f"1; daemon/one.py {text.count(chr(10))}"
    assert found["functions over 60 lines"] == f"{1 / 58:.2%}"


def test_a_folder_without_code_of_ours_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="name a copy of the repository"):
        main(tmp_path)
