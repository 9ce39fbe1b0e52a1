"""Which share of nightsort's lines the unit tests run, as one line of the report of `make test`.

    python -m pytest -p tests.support.counted_lines -n 4

To count lines makes Python slower: so it is done around unit tests alone, not where Hypothesis
draws many cases, and in each test only until 0.2 s of CPU are used. Where somebody traces already,
a debugger say, it is left to them. What runs when a module is imported is taken from its code, of
all modules that were: most were before the first test. Each worker hands over what it saw.
"""

from __future__ import annotations

import signal
import sys
from collections import defaultdict
from collections.abc import Generator, Iterator
from inspect import CO_OPTIMIZED
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
from coverage import Coverage

PACKAGES = ("web", "daemon", "classifier", "config", "installer")
_NOT_THE_PRODUCT = "classifier/training"
_MOST_SECONDS = 0.2  # of CPU, in one test
_HANDED_OVER = "counted_lines"


def pytest_configure(config: pytest.Config) -> None:
    """Count in this process, and tell where it is the one that reports."""
    config.pluginmanager.register(CountedLines(config.rootpath))


class CountedLines:
    """The lines that one process of tests ran; in the one that reports, those of all."""

    def __init__(self, root: Path) -> None:
        self._unit_tests = root / "tests" / "unit"
        self._files = {*map(str, _files_of_product(root))}
        self._coverage = Coverage(
            data_file=None,
            config_file=False,
            include=[f"{root / package}/*" for package in PACKAGES],
        )
        self._coverage.set_option("run:core", "ctrace")
        self._coverage.set_option("run:disable_warnings", ["no-data-collected", "trace-changed"])
        self._coverage.exclude("^if __name__ == ")
        self._is_on = False
        self._lines = defaultdict[str, set[int]](set)  # by file, of those that were imported
        self._tests = self._counted = self._lost_workers = 0
        signal.signal(signal.SIGVTALRM, self._stop)

    # --- counting --------------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        self._tests += 1
        if not self._is_to_be_counted(item):
            return (yield)
        self._counted += 1
        self._start()
        try:
            return (yield)
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            self._stop()

    def _is_to_be_counted(self, item: pytest.Item) -> bool:
        is_drawn = item.get_closest_marker("hypothesis") is not None
        is_unit_test = item.path.is_relative_to(self._unit_tests)
        return is_unit_test and not is_drawn and sys.gettrace() is None

    def _start(self) -> None:
        self._coverage.start()
        self._is_on = True
        signal.setitimer(signal.ITIMER_VIRTUAL, _MOST_SECONDS)

    def _stop(self, *_signal: object) -> None:
        if self._is_on:
            self._is_on = False
            self._coverage.stop()

    # --- handing over ----------------------------------------------------------------------------

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._counted:
            data = self._coverage.get_data()
            files = {getattr(module, "__file__", None) for module in [*sys.modules.values()]}
            for file in self._files & {*files, *data.measured_files()}:
                self._lines[file].update(data.lines(file) or ())
        if hasattr(session.config, "workeroutput"):
            lines = {file: [*ran] for file, ran in self._lines.items()}
            session.config.workeroutput[_HANDED_OVER] = (self._tests, self._counted, lines)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        handed_over = getattr(node, "workeroutput", {}).get(_HANDED_OVER)
        if handed_over is None:
            self._lost_workers += 1
            return
        tests, counted, lines = handed_over
        self._tests += tests
        self._counted += counted
        for file, ran in lines.items():
            self._lines[file].update(ran)

    # --- telling ---------------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter
    ) -> Generator[None, Any, Any]:
        result = yield
        if self._counted:
            terminalreporter.write_line(self._told())
        return result

    def _told(self) -> str:
        *packages, last = PACKAGES
        at_least = "at least " if self._lost_workers else ""
        return (
            f"{self._counted:,} unit tests run {at_least}{self._share():.0%} of the lines of "
            f"{', '.join(packages)} and {last} (drawn cases and the other "
            f"{self._tests - self._counted:,} tests not counted)"
        )

    def _share(self) -> float:
        data = self._coverage.get_data()
        data.add_lines({file: {*ran, *_at_import(file)} for file, ran in self._lines.items()})
        ran = there = 0
        for file in self._files:
            _, lines, _, missing, _ = self._coverage.analysis2(file)
            ran += len(lines) - len(missing)
            there += len(lines)
        return ran / max(there, 1)


def _files_of_product(root: Path) -> Iterator[Path]:
    for package in PACKAGES:
        for file in (root / package).rglob("*.py"):
            if not file.is_relative_to(root / _NOT_THE_PRODUCT):
                yield file


def _at_import(file: str) -> Iterator[int]:
    """The lines that run when a module is imported: its own, and those of its classes."""
    return _lines_outside_functions(compile(Path(file).read_bytes(), file, "exec"))


def _lines_outside_functions(code: CodeType) -> Iterator[int]:
    yield from (line for *_, line in code.co_lines() if line)
    for inner in code.co_consts:
        if isinstance(inner, CodeType) and not inner.co_flags & CO_OPTIMIZED:
            yield from _lines_outside_functions(inner)
