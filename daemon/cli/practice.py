"""The command for new clerks: a share of its own to practise on, with the real daemon and page.

Like `daemon.cli.main`, which names it, it parses, starts and prints.
"""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click

from config.errors import NightsortError
from config.readable import plain
from daemon.cli.common import any_path, empty_folder, json_option, print_json

_NAME = "practice"
_START_SECONDS = 60.0
_LONGEST_NOW_SECONDS = 600.0
_LOOPBACK = "127.0.0.1"
_LOG = "practice.log"
_STARTED = re.compile(rf'"event": "web_started".*?"listen": "{re.escape(_LOOPBACK)}:(\d+)"')


class PracticeFailed(NightsortError):
    """The practice share could not be made."""


@click.command()
@click.option(
    "--folder", type=any_path, help="An empty folder to practise in, which is kept. Default: a new "
    "one, which is removed at the end."
)  # fmt: skip
@click.option(
    "--language",
    type=click.Choice(["en", "de"]),
    help="Of reports, and of the page for a browser that asks for neither.",
)
@json_option
def practice(folder: Path | None, language: str | None, as_json: bool) -> None:
    """Let somebody practise the morning's work: drawn photos, the real page, five tasks with hints.

    Among the photos are one that was guessed right and one wrong, one that is too dark, one that is
    damaged, and one that was dropped twice. Nothing of yours is touched; no settings are read. It
    goes on until Ctrl-C. docs/training.md has the half hour around it.

    \b
    Example:
      nightsort practice
      nightsort practice --language de
    """  # noqa: D301
    with _own_folder(folder) as place, _until_told():
        settings = _write_settings(place, language)
        click.echo("Drawing photos, and sorting them ...", err=True)
        _sort(place, settings)
        password = _make_account(settings)
        with _at_work(place, settings):
            _tell(_url(place), password, place, as_json=as_json)
            _sleep_on()


def _tell(url: str, password: str, place: Path, *, as_json: bool) -> None:
    if as_json:
        print_json({"url": url, "name": _NAME, "password": password, "folder": str(place)})
        sys.stdout.flush()
        return
    click.echo(f"Open      {url}page/practice")
    click.echo(f"Name      {_NAME}")
    click.echo(f"Password  {password}")
    click.echo("Five tasks are waiting there. Ctrl-C here ends the practice.")


@contextmanager
def _own_folder(folder: Path | None) -> Iterator[Path]:
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="nightsort-practice-") as made:
            yield Path(made)
        return
    yield empty_folder(folder, "--folder")


def _write_settings(place: Path, language: str | None) -> Path:
    from daemon.cli.demo import FOLDERS
    from daemon.cli.practice_photos import SETTINGS, draw

    (place / "incoming").mkdir()
    draw(place / "incoming", place / "state")
    settings = place / "nightsort.toml"
    spoken = f'language = "{language}"\n' if language else ""
    reports = f"[reports]\n{spoken}\n" if language else ""
    settings.write_text(
        f'{FOLDERS}\n[window]\nmode = "manual"\n\n[intake]\nsettle_seconds = 0.5\n\n'
        f'[web]\nlisten = "{_LOOPBACK}:0"\n{spoken}\n{reports}{SETTINGS}',
        encoding="utf-8",
    )
    return settings


def _command(settings: Path, *arguments: str, module: str = "daemon.cli") -> list[str]:
    return [sys.executable, "-m", module, "--config", str(settings), *arguments]


def _environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith("NIGHTSORT_")}


def _run(settings: Path, *arguments: str, stdin: str = "") -> None:
    done = subprocess.run(  # noqa: S603 - our own command
        _command(settings, *arguments), input=stdin, capture_output=True, text=True, check=False,
        timeout=_LONGEST_NOW_SECONDS, env=_environment(),
    )  # fmt: skip
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise PracticeFailed(f"nightsort {arguments[0]} failed: {plain(last)}")


def _sort(place: Path, settings: Path) -> None:
    _run(settings, "now")
    if not any((place / "results").glob("batch_results_*.csv")):
        raise PracticeFailed("no photo was sorted; `nightsort doctor` may say why")


def _make_account(settings: Path) -> str:
    password = f"{secrets.choice(_WORDS)}-{secrets.choice(_WORDS)}-{secrets.randbelow(900) + 100}"
    _run(
        settings, "web", "user", "add", _NAME, "--role", "clerk", "--password-stdin", stdin=password
    )
    return password


_WORDS = ("button", "collar", "cotton", "denim", "linen", "pocket", "ribbon", "sleeve", "velvet")


@contextmanager
def _at_work(place: Path, settings: Path) -> Iterator[None]:
    """Daemon and page, from their start to their clean end."""
    with (place / _LOG).open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own command
            _command(settings, module="web.together"), stdout=log, stderr=log, env=_environment(),
            start_new_session=True,
        )  # fmt: skip
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_START_SECONDS)
        process.kill()


def _url(place: Path) -> str:
    """Where the page answers, by its log: on the port that was free when it took one."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        text = (place / _LOG).read_text("utf-8", "replace")
        if started := _STARTED.search(text):
            return f"http://{_LOOPBACK}:{started[1]}/"
        time.sleep(0.1)
    raise PracticeFailed(f"the page did not start; {place / _LOG} says why")


@contextmanager
def _until_told() -> Iterator[None]:
    """SIGTERM and the terminal's end are as Ctrl-C, which is no failure here."""
    told = (signal.SIGTERM, signal.SIGHUP)
    before = {one: signal.signal(one, _interrupt) for one in told}
    try:
        yield
    except KeyboardInterrupt:
        click.echo("The practice is over.", err=True)
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _sleep_on() -> None:
    while True:
        time.sleep(3600)
