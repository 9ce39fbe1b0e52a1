"""Progress: a bar on a terminal, a plain line now and then everywhere else."""

from __future__ import annotations

import io
import os
import pty
import sys
import threading
from contextlib import suppress

import pytest

from daemon.cli.progress import LINE_SECONDS, progress


class Seconds:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


class Terminal:
    """A terminal that somebody looks at all the time; `shown` is complete once it is closed."""

    def __init__(self) -> None:
        self._reads, writes = pty.openpty()
        self.stream = os.fdopen(writes, "w", encoding="utf-8")
        self._seen = b""
        self._looking = threading.Thread(target=self._look)
        self._looking.start()

    def _look(self) -> None:
        with suppress(OSError):  # how Linux says that nobody has the terminal open any more
            while piece := os.read(self._reads, 65536):
                self._seen += piece

    def shown(self) -> str:
        """Close the terminal; all that it showed."""
        self.stream.close()
        self._looking.join()
        os.close(self._reads)
        return self._seen.decode()


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm")
    return Terminal()


def test_without_a_terminal_a_line_comes_every_few_seconds(seconds: Seconds) -> None:
    stream = io.StringIO()
    with progress("sorting", stream, seconds) as advance:
        for done in range(1, 41):
            seconds.now += 0.5
            advance(done, 40)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 20 / LINE_SECONDS
    assert lines[0] == "sorting: 10 of 40, 2.0 a second, 15 s left"
    assert lines[-1] == "sorting: 40 of 40, 2.0 a second"


def test_short_work_says_nothing(seconds: Seconds) -> None:
    stream = io.StringIO()
    with progress("sorting", stream, seconds) as advance:
        seconds.now += LINE_SECONDS - 0.1
        advance(3, 3)
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("done", "total", "after", "line"),
    [
        (0, 0, 6, "sorting: 0"),
        (10, 0, 10, "sorting: 10, 1.0 a second"),  # nobody knows yet how many there are
        (0, 9, 6, "sorting: 0 of 9"),
        (10, 100, 10, "sorting: 10 of 100, 1.0 a second, 1 min 30 s left"),
        (10, 1210, 60, "sorting: 10 of 1210, 0.2 a second, 2 h 00 min left"),
        (5, 4, 10, "sorting: 5 of 4, 0.5 a second"),
    ],
)
def test_line_says_how_much_how_fast_and_how_long(
    seconds: Seconds, done: int, total: int, after: float, line: str
) -> None:
    stream = io.StringIO()
    with progress("sorting", stream, seconds) as advance:
        seconds.now += after
        advance(done, total)
    assert stream.getvalue() == line + "\n"


def test_nobody_reading_does_not_stop_the_work(seconds: Seconds) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    stream = os.fdopen(writes, "w", buffering=1)
    with progress("sorting", stream, seconds) as advance:
        seconds.now += 10
        advance(1, 2)
    with pytest.raises(BrokenPipeError):
        stream.close()


def test_lines_go_to_whatever_standard_error_is_now(
    capsys: pytest.CaptureFixture[str], seconds: Seconds
) -> None:
    with progress("looking", clock=seconds) as advance:
        seconds.now += 10
        advance(1, 1)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "looking: 1 of 1, 0.1 a second\n")


def test_on_a_terminal_there_is_a_bar_that_is_wiped_at_the_end(terminal: Terminal) -> None:
    with progress("sorting", terminal.stream) as advance:
        advance(3, 12)
    shown = terminal.shown()
    assert "sorting" in shown
    assert "3/12" in shown
    assert shown.endswith("\x1b[2K")
    assert "sorting" not in shown.rpartition("\n")[2]


def test_bar_leaves_standard_output_to_the_answer(
    terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    with progress("sorting", terminal.stream) as advance:
        advance(1, 2)
        sys.stdout.write('{"answer": 1}\n')
    assert capsys.readouterr().out == '{"answer": 1}\n'
    assert "answer" not in terminal.shown()
