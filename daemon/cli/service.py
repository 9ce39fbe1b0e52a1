"""`nightsort run`, `now` and `demo`: the service, a run on demand with or without it, a trial."""

from __future__ import annotations

import itertools
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from config.errors import ConfigError, ModelError, NightsortError
from config.readable import plain
from daemon.cli.common import (
    EXIT_DO_NOT_RESTART,
    EXIT_INTERRUPTED,
    any_path,
    empty_folder,
    json_option,
    load,
    print_json,
)
from daemon.cli.ending import fail
from daemon.cli.progress import Advance, progress
from daemon.domain.summaries import DrainSummary

if TYPE_CHECKING:
    from config.settings import Settings
    from daemon.domain.runs import Progress
    from daemon.service.control import Aside
    from daemon.service.examining import Examinations
    from daemon.service.loop import Service


_LAST_SECONDS = 10.0


@click.command()
@click.pass_obj
def run(config_file: Path | None) -> None:
    """Run the daemon in the foreground, until Ctrl-C or SIGTERM.

    Its log goes to stdout: readable on a terminal, else a line of JSON for each event. Wrong
    settings or a bad model end it with exit code 78, so that systemd does not start it again.

    \b
    Example:
      nightsort --config /etc/nightsort/nightsort.toml run
    """  # noqa: D301
    try:
        _run_daemon(config_file)
    except (ConfigError, ModelError) as exc:
        fail(str(exc), EXIT_DO_NOT_RESTART)


@click.command()
@json_option
@click.pass_obj
def now(config_file: Path | None, as_json: bool) -> None:
    """Drain the queue now, with what lies in incoming.

    Asks the running daemon if there is one, and joins a run that still sorts; else does the work
    itself. What lies in incoming when you ask is in the run that answers. Photos still being copied
    are waited for, a minute at most. Ctrl-C ends a run of its own after what is in hand, pressed
    again at once; the daemon's goes on.

    \b
    Example:
      nightsort now
      nightsort now --json | jq .successful
    """  # noqa: D301
    from daemon.domain.phrases import outcome_words
    from daemon.folders.locks import is_held

    settings = load(config_file)
    with progress("sorting") as advance:
        if is_held(settings.state_dir):
            summary = _asked_of_daemon(settings.state_dir, advance)
        else:
            summary = _drain_here(settings, advance)
    if as_json:
        print_json(summary)
    else:
        click.echo(outcome_words(summary), err=True)
        _tell_left_alone(settings.state_dir)
    _leave_what_hangs()


@click.command()
@click.option(
    "--keep",
    type=any_path,
    metavar="DIRECTORY",
    help="Use this folder, which must be empty or new, and keep it.",
)
def demo(keep: Path | None) -> None:
    """Show nightsort at work on drawn photos, in a folder of its own; takes a few seconds.

    \b
    Example:
      nightsort demo
      nightsort demo --keep nightsort-demo
    """  # noqa: D301
    import tempfile

    from daemon.cli.demo import demonstrate

    if keep is None:
        with tempfile.TemporaryDirectory(prefix="nightsort-demo-") as folder:
            demonstrate(Path(folder), click.echo, is_kept=False)
        click.echo("")
        click.echo("To look at photos, results and log, keep them: nightsort demo --keep DIR")
        return
    demonstrate(empty_folder(keep, "--keep").resolve(), click.echo, is_kept=True)


def _run_daemon(config_file: Path | None) -> None:
    from config.logs import configure
    from config.settings import load  # whose warnings belong into the log
    from daemon.domain.clock import SystemClock
    from daemon.health.systemd import Notifier
    from daemon.service.app import build
    from daemon.service.control import serving
    from daemon.service.examining import Examinations
    from daemon.service.reload import tell_renamed
    from daemon.service.signals import answered

    settings = load(config_file)
    configure(service=True)
    tell_renamed(settings)
    clock = SystemClock.of(settings)
    notifier = Notifier.from_environment(os.environ)
    with (
        build(settings, clock, notifier, lambda: load(config_file)) as service,
        closing(Examinations(settings.state_dir, config_file)) as examinations,
        serving(service, settings.state_dir, _aside(config_file, service, examinations)),
        answered(
            {
                signal.SIGINT: service.stop,
                signal.SIGTERM: service.stop,
                # On a terminal it means that the terminal is gone.
                signal.SIGHUP: service.stop if sys.stdout.isatty() else service.reload,
                signal.SIGUSR1: service.ask,
            }
        ),
    ):
        service.run()
    _leave_what_hangs()


def _leave_what_hangs() -> None:
    """A thread that hangs in a share, as over the pictures of a report, keeps us for a while only.

    Python waits for it as it ends. All that was to be kept, or told, is by now.
    """
    last = threading.Timer(_LAST_SECONDS, os._exit, [0])
    last.daemon = True
    last.start()


def _aside(config_file: Path | None, service: Service, examinations: Examinations) -> Aside:
    """Orders that are carried out beside the work, with the settings as they are then."""
    from daemon.cli.alerts import sent_here
    from daemon.domain.inspection import Examine, TellSettings
    from daemon.domain.orders import AddExamples, SendTestAlert
    from daemon.service.bringing import bring
    from daemon.service.telling_settings import told

    return {
        SendTestAlert: lambda _: sent_here(load(config_file)),
        AddExamples: lambda given: bring(load(config_file), given),
        Examine: examinations.carry_out,
        TellSettings: lambda _: told(service.settings, partial(load, config_file)),
    }


def _asked_of_daemon(state_dir: Path, advance: Advance) -> DrainSummary:
    """`now` with a daemon: it does the work, we look on."""
    from daemon.service.control_client import ask_for_run

    try:
        return ask_for_run(state_dir, _told(advance))
    except KeyboardInterrupt:
        fail("the run goes on in the daemon; `nightsort now` joins it again", EXIT_INTERRUPTED)


def _tell_left_alone(state_dir: Path) -> None:
    """What lies in incoming and was not sorted."""
    from daemon.domain.left_alone import from_json, sentences
    from daemon.store import Store
    from daemon.store.facts import LEFT_ALONE

    with suppress(NightsortError), closing(Store(state_dir, reading=True)) as store:
        for sentence in sentences(from_json(store.facts.get(LEFT_ALONE))):
            click.echo(plain(sentence), err=True)


def _drain_here(settings: Settings, advance: Advance) -> DrainSummary:
    """`now` without a daemon: do its work in this process."""
    from config.logs import configure
    from daemon.domain.clock import SystemClock
    from daemon.service.app import build
    from daemon.service.control import serving
    from daemon.service.signals import answered

    configure(service=False)
    with (
        build(settings, SystemClock.of(settings)) as service,
        serving(service, settings.state_dir),
        answered(dict.fromkeys((signal.SIGINT, signal.SIGTERM), _stop(service))),
    ):
        return service.run_once(_told(advance))


def _told(advance: Advance) -> Callable[[Progress], None]:
    """Tell a progress display what the service notes."""
    return lambda seen: advance(seen.processed, seen.processed + seen.waiting + seen.settling)


def _stop(service: Service) -> Callable[[], None]:
    """Ask it to end; who asks again will not wait, as for a share that hangs."""
    asked = itertools.count()

    def stop() -> None:
        if next(asked):
            service.leave()
        service.stop()
        with suppress(OSError):  # nobody reads any more
            click.echo("nightsort: ends after what is in hand; once more ends it at once", err=True)

    return stop
