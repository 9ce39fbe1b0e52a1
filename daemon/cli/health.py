"""How things are, what is wrong, and what systemd must know: status, doctor, lookout, unit."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from config.errors import ConfigError
from daemon.cli.common import EXIT_FAILED, json_option, load, print_json
from daemon.cli.ending import fail

if TYPE_CHECKING:
    from config.settings import Settings
    from daemon.health.doctor.findings import Finding


@click.command()
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
    from daemon.folders.locks import is_held
    from daemon.health.status_file import in_words, read

    folder = state_dir(config_file)
    if folder is None or not is_held(folder):
        folder = load(config_file).state_dir  # why it does not run may stand there
    document, code = read(folder)
    if as_json:
        print_json(document)
    else:
        click.echo(in_words(document))
    sys.exit(code)


@click.command()
@click.option("--send", is_flag=True, help="Also send a test alert to every target.")
@click.option(
    "--adopt", is_flag=True, help="First accept the folders as they are now, after a change."
)
@json_option
@click.pass_obj
def doctor(config_file: Path | None, send: bool, adopt: bool, as_json: bool) -> None:
    """Check everything that can be wrong, and say what to do about each; exit 1 if something is.

    Run it as the user that the service runs as, beside the service or without it. It changes
    nothing, unless --adopt is given.

    \b
    Example:
      nightsort doctor
      nightsort doctor --adopt
      nightsort doctor --json | jq '.findings[] | select(.state != "ok")'
    """  # noqa: D301
    from config.logs import configure
    from daemon.domain.clock import SystemClock
    from daemon.health.doctor.checks import examine
    from daemon.health.doctor.findings import Level, document, in_words

    settings = load(config_file)
    configure(service=False)
    if adopt:
        from daemon.service.state import adopt_folders

        adopt_folders(settings)
    clock = SystemClock.of(settings)
    found: list[Finding] = []
    for finding in chain(examine(settings, clock), _tried(settings) if send else ()):
        found.append(finding)
        if not as_json:
            click.echo(in_words(finding))
    if as_json:
        print_json(document(found, clock.now()))
    if any(finding.level is Level.WRONG for finding in found):
        sys.exit(EXIT_FAILED)


def _tried(settings: Settings) -> Iterator[Finding]:
    """What became of a test alert, target by target."""
    from daemon.cli.alerts import sent
    from daemon.health.doctor.findings import of_target

    for one in sent(settings).targets:
        yield of_target(one)


@click.command()
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
    from daemon.health.units import drop_ins

    os.umask(0o022)  # the doctor reads them as the service's user, whatever root's own umask is
    for path, text in drop_ins(load(config_file)).items():
        if not write:
            click.echo(f"# {path}\n{text}")
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", errors="surrogateescape")
        except OSError as exc:
            fail(f"{path}: cannot be written ({exc.strerror}); run it as root", EXIT_FAILED)
        click.echo(f"{path} is written", err=True)
    if write:
        click.echo("now: systemctl daemon-reload", err=True)


@click.command()
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
    from daemon.domain.clock import SystemClock
    from daemon.domain.status_words import problem
    from daemon.health.outside_check import OutsideCheck, look

    configure(service=True, stream=sys.stderr)
    refusal: ConfigError | None = None
    try:
        settings = load(config_file)
    except ConfigError as exc:
        refusal, settings = exc, salvage(config_file)
    clock = SystemClock.of(settings)
    seen = look(settings.state_dir, os.environ)
    if refusal is not None:
        first = str(refusal).splitlines()[0]
        seen = seen.because(problem("settings_refused", settings=first))
    OutsideCheck(settings, clock, targets_of(settings), os.environ).tell(seen)
    if refusal is not None:
        raise refusal
    if not seen.is_alive:
        sys.exit(EXIT_FAILED)
