"""The commands `nightsort web …`: parse, call, print. Loaded by name, as they stand above daemon's.

Nothing heavy is imported before a command needs it: every `nightsort --help` passes here.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from config.errors import ConfigError
from daemon.cli.common import EXIT_DO_NOT_RESTART, json_option, load, print_json
from web.people_cli import key, user


class NotStarted(click.ClickException):
    """Settings with which the page must not start; systemd shall not try again."""

    exit_code = EXIT_DO_NOT_RESTART


@click.group(invoke_without_command=True)
@click.option("--fleet", is_flag=True, help="Show all stations, out of the mirror in PostgreSQL.")
@click.pass_context
def web(context: click.Context, *, fleet: bool) -> None:
    """Serve page and API, in the foreground, until Ctrl-C or SIGTERM.

    Beside the daemon, as a process of its own. Its log goes to stdout. On a terminal, while nobody
    can sign in yet, it shows a link for the first person, good once and for 15 minutes. Wrong
    settings end it with exit code 78. With --fleet it needs no daemon, but a mirror to read
    ([fleet] postgres, see docs/fleet.md).

    \b
    Example:
      nightsort web
      nightsort web --fleet
      nightsort web user add anna --role admin
      nightsort web key add shop
    """  # noqa: D301 - \b keeps click from filling the lines below it
    if context.invoked_subcommand is None:
        try:
            _serve(context.obj, of_fleet=fleet)
        except ConfigError as exc:
            raise NotStarted(str(exc)) from exc


web.add_command(user)
web.add_command(key)


@web.command("certificate")
@click.argument("names", nargs=-1)
@json_option
@click.pass_obj
def make_certificate(config_file: Path | None, names: tuple[str, ...], as_json: bool) -> None:
    """Make a certificate for this machine, by an authority of its own.

    For its own names and addresses, those of [web] public_url and hosts, and NAMES. The page takes
    it where it listens for others than this machine, and renews it by itself. People trust the
    authority once: docs/install.md says how, on Windows and tablets.

    \b
    Example:
      nightsort web certificate
      nightsort web certificate box.warehouse.lan 192.168.1.20
    """  # noqa: D301
    from urllib.parse import urlsplit

    from web import certificate
    from web.folder import own_folder

    settings = load(config_file)
    public = urlsplit(settings.web.public_url or "").hostname or ""
    for name in names:
        _require_host(name)
    wanted = certificate.of_this_machine((public, *settings.web.hosts, *names))
    made, is_new = certificate.make(own_folder(settings.state_dir), wanted, datetime.now(UTC))
    if as_json:
        print_json(
            {"certificate": str(made.files.certificate), "key": str(made.files.key),
             "authority": str(made.authority), "authority_is_new": is_new,
             "names": list(made.names), "ends": made.ends.isoformat()}
        )  # fmt: skip
        return
    click.echo(f"for {', '.join(made.names)}; until {made.ends:%Y-%m-%d}, renewed by itself")
    trust = "each device must trust it, once" if is_new else "as before: devices trust it already"
    click.echo(f"authority: {made.authority} ({trust}; see docs/install.md)")
    click.echo("now restart the page: systemctl restart nightsort-web", err=True)


def _serve(config_file: Path | None, *, of_fleet: bool) -> None:
    from config.logs import configure
    from web.reading.fleet import Fleet
    from web.serving import is_terminal, serve

    settings = load(config_file)
    if of_fleet and not settings.fleet.has_postgres:
        raise ConfigError("there is no mirror to read; set [fleet] postgres_credential")
    configure(service=True)
    serve(settings, _show if is_terminal() else None, Fleet(settings) if of_fleet else None)


def _show(url: str, link: str) -> None:
    said = f"nightsort: the page is at {url}"
    if link:
        said += (
            f"\nnightsort: nobody can sign in yet; the first may, here: {link}"
            "\nnightsort: (once, within 15 minutes)"
        )
    click.echo(said, err=True)


def _require_host(name: str) -> None:
    import re

    if not re.fullmatch(r"[A-Za-z0-9.-]+|[0-9A-Fa-f:]+", name):
        raise click.BadParameter(f"{name!r} is no name or address", param_hint="NAMES")
