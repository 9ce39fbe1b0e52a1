"""Progress on stderr: a bar with rate and remaining time on a terminal, else plain lines."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from config.units import duration

LINE_SECONDS = 5.0

# Called with how much is done and how much there is in all, as far as is known.
Advance = Callable[[int, int], None]


@contextmanager
def progress(
    what: str, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
) -> Iterator[Advance]:
    """Show how far `what` is ("sorting") on stderr, until the end of the `with` block."""
    stream = stream or sys.stderr
    if stream.isatty():
        with _bar(what, stream) as advance:
            yield advance
    else:
        yield _Lines(what, stream, clock)


@contextmanager
def _bar(what: str, stream: TextIO) -> Iterator[Advance]:
    from rich import progress as rich
    from rich.console import Console

    columns = (
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        rich.MofNCompleteColumn(),
        rich.TextColumn("{task.fields[rate]}"),
        rich.TimeRemainingColumn(compact=True),
    )
    # What goes to stdout is for whoever reads it, never for the bar to print.
    with rich.Progress(
        *columns, console=Console(file=stream), transient=True, redirect_stdout=False
    ) as bar:
        task = bar.add_task(what, total=None, rate="")
        began = time.monotonic()

        def advance(done: int, total: int) -> None:
            seconds = time.monotonic() - began
            bar.update(task, completed=done, total=total or None, rate=_rate(done, seconds))

        yield advance


class _Lines:
    """A line every few seconds."""

    def __init__(self, what: str, stream: TextIO, clock: Callable[[], float]) -> None:
        self._what = what
        self._stream = stream
        self._clock = clock
        self._began = self._last = clock()

    def __call__(self, done: int, total: int) -> None:
        now = self._clock()
        if now - self._last < LINE_SECONDS:
            return
        self._last = now
        with suppress(OSError):  # nobody reads any more: the work goes on
            print(self._line(done, total, now - self._began), file=self._stream, flush=True)

    def _line(self, done: int, total: int, seconds: float) -> str:
        parts = [f"{done} of {total}" if total else str(done)]
        if done:
            parts.append(_rate(done, seconds))
        if total > done > 0:
            parts.append(f"{duration((total - done) * seconds / done, digits=0)} left")
        return f"{self._what}: {', '.join(parts)}"


def _rate(done: int, seconds: float) -> str:
    return f"{done / seconds:.1f} a second" if done and seconds > 0 else ""
