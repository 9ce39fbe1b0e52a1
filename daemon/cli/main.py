"""The command line: parses, calls, prints, exits. What is decided, is decided elsewhere.

stdout carries what was asked for (and the log of `run`); everything else for people is on stderr.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import NoReturn

import click

from classifier.threads import ask_for_one_thread
from config.errors import ConfigError, NamedWrongly, NightsortError
from daemon.cli.common import (
    EXIT_DO_NOT_RESTART,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_WRONG_USE,
    any_path,
)
from daemon.cli.ending import fail, fail_unexpectedly
from daemon.cli.lazy import LazyGroup

COMMANDS = {
    "alerts": "daemon.cli.alerts:alerts",
    "archive": "daemon.cli.archive:archive",
    "audit": "daemon.cli.audit:audit",
    "backup": "daemon.cli.state:backup",
    "cards": "web.cards.cli:cards",
    "classify": "daemon.cli.photos:classify",
    "correct": "daemon.cli.history:correct",
    "demo": "daemon.cli.service:demo",
    "doctor": "daemon.cli.health:doctor",
    "evaluate": "daemon.cli.photos:evaluate",
    "export": "daemon.cli.export:export",
    "find": "daemon.cli.history:find",
    "forget": "daemon.cli.forget:forget",
    "history": "daemon.cli.history:history",
    "learn": "daemon.cli.learn:learn",
    "lookout": "daemon.cli.health:lookout",
    "mirror": "daemon.cli.mirror:mirror",
    "models": "daemon.cli.models:models",
    "now": "daemon.cli.service:now",
    "practice": "daemon.cli.practice:practice",
    "report": "daemon.cli.history:report",
    "restore": "daemon.cli.state:restore",
    "results": "daemon.cli.history:results",
    "run": "daemon.cli.service:run",
    "setup": "daemon.cli.setup:setup",
    "status": "daemon.cli.health:status",
    "undo": "daemon.cli.history:undo",
    "unit": "daemon.cli.health:unit",
    "value": "daemon.cli.value:value",
    "web": "web.cli:web",
}


@click.group(
    cls=LazyGroup,
    places=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
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


def main() -> NoReturn:
    """The `nightsort` command: every error is one line on stderr and an exit code."""
    ask_for_one_thread()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A name that the terminal's encoding lacks must not end the command.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        cli.main(prog_name="nightsort", standalone_mode=False)
    except click.exceptions.Abort:
        fail("interrupted", EXIT_INTERRUPTED)
    except click.exceptions.NoArgsIsHelpError as exc:
        click.echo(exc.format_message(), err=True)
        sys.exit(EXIT_WRONG_USE)
    except click.UsageError as exc:
        of_run = _command_path(exc) == "nightsort run"
        fail(
            f"{exc.format_message().rstrip('.')}; see {_command_path(exc)} --help",
            EXIT_DO_NOT_RESTART if of_run else EXIT_WRONG_USE,
        )
    except click.ClickException as exc:
        fail(exc.format_message(), exc.exit_code)
    except NightsortError as exc:
        fail(str(exc), _exit_code(exc))
    except Exception as exc:  # noqa: BLE001 - no traceback reaches people, whatever happened
        fail_unexpectedly(exc)
    sys.exit(0)


def _exit_code(error: NightsortError) -> int:
    return EXIT_WRONG_USE if isinstance(error, ConfigError | NamedWrongly) else EXIT_FAILED


def _command_path(error: click.UsageError) -> str:
    return error.ctx.command_path if error.ctx else "nightsort"
