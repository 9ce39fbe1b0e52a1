"""The command line: parses, calls, prints, exits. What is decided, is decided elsewhere.

stdout carries what was asked for (and the log of `run`); everything else for people is on stderr.
"""

from __future__ import annotations

import errno
import io
import itertools
import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from config.errors import ConfigError, ModelError, NightsortError
from config.readable import plain
from daemon import cli_alerts, cli_history, cli_photos, cli_state
from daemon.cli_parts import (
    EXIT_DO_NOT_RESTART,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_WRONG_USE,
    any_path,
    json_option,
    load,
    print_json,
)
from daemon.show import Advance, progress

if TYPE_CHECKING:
    from config.settings import Settings
    from daemon.records import Progress
    from daemon.service import Service


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="nightsort", message="nightsort %(version)s")
@click.option(
    "--config",
    "config_file",
    type=any_path,
    help="Settings file. Default: $NIGHTSORT_CONFIG, else /etc/nightsort/nightsort.toml.",
)
@click.pass_context
def cli(context: click.Context, config_file: Path | None) -> None:
    """Sort product photos into category folders while the warehouse sleeps.

    \b
    Example:
      nightsort demo           # see it at work on drawn photos
      nightsort run            # watch the incoming folder, until Ctrl-C
      nightsort now            # sort what lies there now
    """  # noqa: D301 - \b keeps click from filling the lines below it
    context.obj = config_file


@cli.command()
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
        _fail(str(exc), EXIT_DO_NOT_RESTART)


@cli.command()
@json_option
@click.pass_obj
def now(config_file: Path | None, as_json: bool) -> None:
    """Drain the queue now, with what lies in incoming.

    Asks the running daemon if there is one, and joins a run that is under way; else does the work
    itself. Photos still being copied are waited for, a minute at most. Ctrl-C ends a run of its own
    after what is in hand, pressed again at once; the daemon's goes on.

    \b
    Example:
      nightsort now
      nightsort now --json | jq .successful
    """  # noqa: D301
    from daemon.lock import is_held
    from daemon.words import outcome_words

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


@cli.command()
@json_option
@click.pass_obj
def status(config_file: Path | None, as_json: bool) -> None:
    """Say how things are: exit 0 healthy, 1 degraded, 3 not running.

    \b
    Example:
      nightsort status
      nightsort status --json | jq .queue
    """  # noqa: D301
    from config.place import state_dir
    from daemon.lock import is_held
    from daemon.status import in_words, read

    folder = state_dir(config_file)
    if folder is None or not is_held(folder):
        folder = load(config_file).state_dir  # why it does not run may stand there
    document, code = read(folder)
    if as_json:
        print_json(document)
    else:
        click.echo(in_words(document))
    sys.exit(code)


@cli.command()
@click.option("--send", is_flag=True, help="Also send a test alert to every target.")
@click.option(
    "--adopt", is_flag=True, help="First accept the folders as they are now, after a change."
)
@click.pass_obj
def doctor(config_file: Path | None, send: bool, adopt: bool) -> None:
    """Check everything that can be wrong, and say what to do about each; exit 1 if something is.

    Run it as the user that the service runs as, beside the service or without it. It changes
    nothing, unless --adopt is given.

    \b
    Example:
      nightsort doctor
      nightsort doctor --adopt
    """  # noqa: D301
    from config.logs import configure
    from daemon.clock import SystemClock, local_zone
    from daemon.doctor import examine
    from daemon.findings import Level, in_words

    settings = load(config_file)
    configure(service=False)
    if adopt:
        from daemon.assembly import adopt_folders

        adopt_folders(settings)
    is_wrong = False
    for finding in examine(settings, SystemClock(settings.window.zone() or local_zone())):
        is_wrong |= finding.level is Level.WRONG
        click.echo("\n".join(map(plain, in_words(finding).splitlines())))
    for one in cli_alerts.sent(settings)["targets"] if send else ():
        is_wrong |= bool(one["error"])
        click.echo(cli_alerts.in_words(one))
    if is_wrong:
        sys.exit(EXIT_FAILED)


@cli.command()
@click.option(
    "--write",
    is_flag=True,
    help="Write them where systemd looks for them, instead of printing them.",
)
@click.pass_obj
def unit(config_file: Path | None, write: bool) -> None:
    """Say what systemd must know: writable folders and secrets, as drop-ins of the units.

    To be written again whenever a folder in the settings changes, or a secret comes or goes in
    /etc/credstore or /etc/credstore.encrypted; `nightsort doctor` notices forgotten folders.

    \b
    Example:
      nightsort unit
      nightsort unit --write
    """  # noqa: D301
    from daemon.unit import drop_ins

    os.umask(0o022)  # the doctor reads them as the service's user, whatever root's own umask is
    for path, text in drop_ins(load(config_file)).items():
        if not write:
            click.echo(f"# {path}\n{text}")
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", errors="surrogateescape")
        except OSError as exc:
            _fail(f"{path}: cannot be written ({exc.strerror}); run it as root", EXIT_FAILED)
        click.echo(f"{path} is written", err=True)
    if write:
        click.echo("now: systemctl daemon-reload", err=True)


@cli.command()
@click.pass_obj
def lookout(config_file: Path | None) -> None:
    """Tell people, and exit 1, when the daemon is dead or silent; a timer runs it.

    Also when a window passed in which it should have worked. Told once, then once a day; through
    the targets that can be read, also when the settings are refused.

    \b
    Example:
      nightsort lookout
    """  # noqa: D301
    from config.logs import configure
    from config.settings import salvage
    from daemon.alerting.targets import targets_of
    from daemon.clock import SystemClock, local_zone
    from daemon.lookout import Lookout, look

    configure(service=True)
    refusal: ConfigError | None = None
    try:
        settings = load(config_file)
    except ConfigError as exc:
        refusal, settings = exc, salvage(config_file)
    clock = SystemClock(settings.window.zone() or local_zone())
    seen = look(settings.state_dir, os.environ)
    if refusal is not None:
        seen = seen.because(f"the settings are refused: {str(refusal).splitlines()[0]}")
    Lookout(settings, clock, targets_of(settings), os.environ).tell(seen)
    if refusal is not None:
        raise refusal
    if not seen.is_alive:
        sys.exit(EXIT_FAILED)


@cli.command()
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
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

    from daemon.demo import demonstrate

    if keep is None:
        with tempfile.TemporaryDirectory(prefix="nightsort-demo-") as folder:
            demonstrate(Path(folder), click.echo, is_kept=False)
        click.echo("")
        click.echo("To look at photos, results and log, keep them: nightsort demo --keep DIR")
        return
    keep.mkdir(parents=True, exist_ok=True)
    if any(keep.iterdir()):
        raise click.BadParameter(f"{keep} is not empty; name a new folder", param_hint="--keep")
    demonstrate(keep.resolve(), click.echo, is_kept=True)


for command in (
    *cli_photos.COMMANDS,
    *cli_history.COMMANDS,
    *cli_state.COMMANDS,
    *cli_alerts.COMMANDS,
):
    cli.add_command(command)


def main() -> NoReturn:
    """The `nightsort` command: every error is one line on stderr and an exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A name that the terminal's encoding lacks must not end the command.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        cli.main(prog_name="nightsort", standalone_mode=False)
    except click.exceptions.Abort:
        _fail("interrupted", EXIT_INTERRUPTED)
    except click.exceptions.NoArgsIsHelpError as exc:
        click.echo(exc.format_message(), err=True)
        sys.exit(EXIT_WRONG_USE)
    except click.UsageError as exc:
        of_run = exc.ctx is not None and exc.ctx.command is run
        _fail(
            f"{exc.format_message().rstrip('.')}; see {_command_path(exc)} --help",
            EXIT_DO_NOT_RESTART if of_run else EXIT_WRONG_USE,
        )
    except click.ClickException as exc:
        _fail(exc.format_message(), exc.exit_code)
    except NightsortError as exc:
        _fail(str(exc), _exit_code(exc))
    except Exception as exc:  # noqa: BLE001 - no traceback reaches people, whatever happened
        _fail_unexpectedly(exc)
    sys.exit(0)


def _fail_unexpectedly(error: Exception) -> NoReturn:
    """A defect of ours: people get one line, whoever mends it gets the file it names."""
    import tempfile

    if isinstance(error, OSError) and error.errno == errno.ENOSPC and error.filename is None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python flushes once more as it ends
        _fail("no space left where the output goes; send it elsewhere", EXIT_FAILED)
    what = f"unexpected {type(error).__name__}: {' '.join(str(error).split())}"
    if _is_in_journal():  # which keeps it, while files of a service vanish with it
        _fail(what, EXIT_FAILED, error)
    with tempfile.NamedTemporaryFile(
        "w", prefix="nightsort-error-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        traceback.print_exception(error, file=file)
    _fail(f"{what}; please report {file.name}", EXIT_FAILED)


def _run_daemon(config_file: Path | None) -> None:
    from config.logs import configure
    from daemon.assembly import build
    from daemon.clock import SystemClock, local_zone
    from daemon.control import serving
    from daemon.notify import Notifier
    from daemon.signals import answered

    settings = load(config_file)
    configure(service=True)
    clock = SystemClock(settings.window.zone() or local_zone())
    notifier = Notifier.from_environment(os.environ)
    with (
        build(settings, clock, notifier, lambda: load(config_file)) as service,
        serving(service, settings.state_dir, _aside(config_file)),
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


def _aside(config_file: Path | None) -> dict[str, Callable[[], dict[str, Any]]]:
    """Orders that are carried out beside the work, with the settings as they are then."""
    return {cli_alerts.TEST_ORDER: lambda: cli_alerts.sent_here(load(config_file))}


def _asked_of_daemon(state_dir: Path, advance: Advance) -> dict[str, Any]:
    """`now` with a daemon: it does the work, we look on."""
    from daemon.control import ask_for_run

    try:
        return ask_for_run(state_dir, _told(advance))
    except KeyboardInterrupt:
        _fail("the run goes on in the daemon; `nightsort now` joins it again", EXIT_INTERRUPTED)


def _drain_here(settings: Settings, advance: Advance) -> dict[str, Any]:
    """`now` without a daemon: do its work in this process."""
    from config.logs import configure
    from daemon.assembly import build
    from daemon.clock import SystemClock, local_zone
    from daemon.control import serving
    from daemon.signals import answered

    configure(service=False)
    with (
        build(settings, SystemClock(settings.window.zone() or local_zone())) as service,
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


def _exit_code(error: NightsortError) -> int:
    from daemon.judging import NoPhotos

    return EXIT_WRONG_USE if isinstance(error, ConfigError | NoPhotos) else EXIT_FAILED


def _fail(message: str, code: int, defect: Exception | None = None) -> NoReturn:
    if _is_in_journal():
        from structlog import get_logger

        from config.logs import configure

        configure(service=True)
        log = get_logger()
        log.critical("command_failed", why=message, exit_status=code, exc_info=defect)
        sys.exit(code)
    for line in message.splitlines():
        click.echo(f"nightsort: {plain(line)}", err=True)
    sys.exit(code)


def _is_in_journal() -> bool:
    """Whether stderr goes to the journal, where every line is an event."""
    from config.logs import is_journal

    return is_journal(sys.__stderr__.fileno(), os.environ) if sys.__stderr__ else False


def _command_path(error: click.UsageError) -> str:
    return error.ctx.command_path if error.ctx else "nightsort"


if __name__ == "__main__":
    main()
