"""Progress on stderr: a bar with rate and remaining time on a terminal, else plain lines."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

LINE_SECONDS = 5.0

# Called with how much is done and how much there is in all, as far as is known.
Advance = Callable[[int, int], None]


@contextmanager
def progress(what: str, stream: TextIO = sys.stderr) -> Iterator[Advance]:
    """Show how far `what` is ("sorting"), until the end of the `with` block."""
    if stream.isatty():
        with _bar(what, stream) as advance:
            yield advance
    else:
        yield _Lines(what, stream)


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
    with rich.Progress(*columns, console=Console(file=stream), transient=True) as bar:
        task = bar.add_task(what, total=None, rate="")
        began = time.monotonic()

        def advance(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total or None, rate=_rate(done, began))

        yield advance


class _Lines:
    """A line every few seconds."""

    def __init__(self, what: str, stream: TextIO) -> None:
        self._what = what
        self._stream = stream
        self._began = self._last = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._last < LINE_SECONDS:
            return
        self._last = now
        left = (total - done) * (now - self._began) / done if done else 0.0
        remaining = f", {_duration(left)} left" if done and total > done else ""
        print(
            f"{self._what}: {done} of {total}, {_rate(done, self._began)}{remaining}",
            file=self._stream,
            flush=True,
        )


def _rate(done: int, began: float) -> str:
    seconds = time.monotonic() - began
    return f"{done / seconds:.1f} a second" if done and seconds > 0 else ""


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
