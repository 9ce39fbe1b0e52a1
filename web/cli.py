"""The commands `nightsort web …`: parse, call, print. Loaded by name, as they stand above daemon's.

Nothing heavy is imported before a command needs it: every `nightsort --help` passes here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from config.errors import ConfigError, RefusedError
from daemon.cli.common import EXIT_DO_NOT_RESTART, json_option, load, print_json
from web.roles import Role

if TYPE_CHECKING:
    from config.settings import Settings
    from web.database import Account, WebStore

role_option = click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    default=Role.READER.value,
    show_default=True,
    help="reader looks and predicts, clerk decides, lead teaches, admin administers.",
)


class NotStarted(click.ClickException):
    """Settings with which the page must not start; systemd shall not try again."""

    exit_code = EXIT_DO_NOT_RESTART


@click.group(invoke_without_command=True)
@click.pass_context
def web(context: click.Context) -> None:
    """Serve page and API, in the foreground, until Ctrl-C or SIGTERM.

    Beside the daemon, as a process of its own. Its log goes to stdout. On a terminal, while nobody
    can sign in yet, it shows a link for the first person, good once and for 15 minutes. Wrong
    settings end it with exit code 78.

    \b
    Example:
      nightsort web
      nightsort web user add anna --role admin
      nightsort web key add shop
    """  # noqa: D301 - \b keeps click from filling the lines below it
    if context.invoked_subcommand is None:
        try:
            _serve(context.obj)
        except ConfigError as exc:
            raise NotStarted(str(exc)) from exc


@web.group()
def user() -> None:
    """People who may sign in."""


@user.command("add")
@click.argument("name")
@role_option
@click.option("--password-stdin", is_flag=True, help="Read the password from stdin, one line.")
@click.pass_obj
def add_user(config_file: Path | None, name: str, role: str, password_stdin: bool) -> None:
    """Let somebody sign in; asks for the password.

    \b
    Example:
      nightsort web user add anna --role admin
      nightsort web user add carl --role clerk --password-stdin
    """  # noqa: D301
    from web import passwords
    from web.database import NameTaken

    _require_name(name)
    with _store(load(config_file)) as store:
        if store.accounts.named(name) is not None:
            raise RefusedError(_taken(name))
        kept = passwords.hashed(_new_password(name, from_stdin=password_stdin))
        try:
            store.accounts.add(name, Role(role), kept)
        except NameTaken:  # by somebody who was quicker
            raise RefusedError(_taken(name)) from None
    click.echo(f"{name} may sign in, as {role}", err=True)


@user.command("list")
@json_option
@click.pass_obj
def list_users(config_file: Path | None, as_json: bool) -> None:
    """Who may sign in, and as what.

    \b
    Example:
      nightsort web user list
    """  # noqa: D301
    with _store(load(config_file)) as store:
        people = store.accounts.everybody()
    if as_json:
        print_json({"users": [_user(one) for one in people]})
        return
    for one in people:
        click.echo(f"{one.name:<24} {one.role:<8} last signed in {_day(one.signed_in_at)}")


@user.command("passwd")
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the password from stdin, one line.")
@click.option("--link", is_flag=True, help="Print a link by which they set it themselves.")
@click.pass_obj
def set_password(config_file: Path | None, name: str, password_stdin: bool, link: bool) -> None:
    """Set somebody's password, and sign them out everywhere.

    With --link, nothing changes until they open it: it works once, within a day.

    \b
    Example:
      nightsort web user passwd anna
      nightsort web user passwd anna --link
    """  # noqa: D301
    from web import passwords

    settings = load(config_file)
    with _store(settings) as store:
        account = _require_account(store, name)
        if link:
            base = settings.web.public_url or f"http://{settings.web.listen}"
            click.echo(f"{base}/page/link/{store.links.make_reset(account.id)}")
            return
        kept = passwords.hashed(_new_password(account.name, from_stdin=password_stdin))
        store.accounts.set_password(account.id, kept)
    click.echo(f"{account.name} has a new password, and is signed out everywhere", err=True)


@user.command("role")
@click.argument("name")
@click.argument("role", type=click.Choice([role.value for role in Role]))
@click.pass_obj
def set_role(config_file: Path | None, name: str, role: str) -> None:
    """Give somebody another role, and sign them out everywhere.

    \b
    Example:
      nightsort web user role carl lead
    """  # noqa: D301
    with _store(load(config_file)) as store:
        account = _require_account(store, name)
        store.accounts.set_role(account.id, Role(role))
    click.echo(f"{account.name} may sign in, as {role}, and is signed out everywhere", err=True)


@user.command("remove")
@click.argument("name")
@click.pass_obj
def remove_user(config_file: Path | None, name: str) -> None:
    """Let somebody in no more, from this moment on; what they did keeps their name.

    \b
    Example:
      nightsort web user remove anna
    """  # noqa: D301
    with _store(load(config_file)) as store:
        account = _require_account(store, name)
        store.accounts.remove(account.id)
    click.echo(f"{account.name} can sign in no more", err=True)


@web.group()
def key() -> None:
    """Keys of programs, for the API."""


@key.command("add")
@click.argument("name")
@role_option
@click.pass_obj
def add_key(config_file: Path | None, name: str, role: str) -> None:
    """Make a key, and print it, this once, alone on stdout.

    \b
    Example:
      nightsort web key add shop
      nightsort web key add station --role clerk
    """  # noqa: D301
    from web.database import NameTaken

    _require_name(name)
    with _store(load(config_file)) as store:
        try:
            made = store.keys.add(name, Role(role))
        except NameTaken:
            raise RefusedError(
                f"there is a key {name} already; revoke it first (nightsort web key revoke {name}),"
                " or take another name"
            ) from None
    click.echo(made)
    click.echo(f"the key of {name}, as {role}; it is not shown again", err=True)


@key.command("list")
@json_option
@click.pass_obj
def list_keys(config_file: Path | None, as_json: bool) -> None:
    """Which keys there are, and were.

    \b
    Example:
      nightsort web key list
    """  # noqa: D301
    with _store(load(config_file)) as store:
        keys = store.keys.all()
    if as_json:
        rows = [
            {"name": one.name, "role": one.role, "made": _iso(one.made_at),
             "revoked": _iso(one.revoked_at)}
            for one in keys
        ]  # fmt: skip
        print_json({"keys": rows})
        return
    for one in keys:
        over = f", revoked {_day(one.revoked_at)}" if one.revoked_at else ""
        click.echo(f"{one.name:<24} {one.role:<8} made {_day(one.made_at)}{over}")


@key.command("revoke")
@click.argument("name")
@click.pass_obj
def revoke_key(config_file: Path | None, name: str) -> None:
    """End a key: from this moment on it opens nothing.

    \b
    Example:
      nightsort web key revoke shop
    """  # noqa: D301
    with _store(load(config_file)) as store:
        if not store.keys.revoke(name):
            raise RefusedError(f"there is no valid key {name}; see: nightsort web key list")
    click.echo(f"the key of {name} opens nothing any more", err=True)


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


def _serve(config_file: Path | None) -> None:
    from config.logs import configure
    from web.serving import is_terminal, serve

    settings = load(config_file)
    configure(service=True)
    serve(settings, _show if is_terminal() else None)


def _show(url: str, link: str) -> None:
    said = f"nightsort: the page is at {url}"
    if link:
        said += (
            f"\nnightsort: nobody can sign in yet; the first may, here: {link}"
            "\nnightsort: (once, within 15 minutes)"
        )
    click.echo(said, err=True)


@contextmanager
def _store(settings: Settings) -> Iterator[WebStore]:
    from web.database import WebStore
    from web.folder import own_folder

    store = WebStore.open(own_folder(settings.state_dir))
    try:
        store.take_back(settings.state_dir)
        yield store
    finally:
        store.close()


def _new_password(name: str, *, from_stdin: bool) -> str:
    from web import passwords

    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    elif os.isatty(sys.stdin.fileno()):
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        raise click.UsageError("there is no terminal to ask for the password: --password-stdin")
    complaint = passwords.complaint(password, name)
    if complaint is not None:
        raise RefusedError(f"this password will not do: {_COMPLAINTS[complaint]}")
    return password


_COMPLAINTS = {
    "too_short": "take at least 8 characters",
    "too_long": "take at most 200 characters",
    "too_simple": "not the name, and more than a few different characters",
}


def _require_name(name: str) -> None:
    from web.roles import NAME

    if not NAME.fullmatch(name):
        raise click.BadParameter(
            f"{name!r}: a name is made of letters, digits, spaces and . _ @ - only",
            param_hint="NAME",
        )


def _require_host(name: str) -> None:
    import re

    if not re.fullmatch(r"[A-Za-z0-9.-]+|[0-9A-Fa-f:]+", name):
        raise click.BadParameter(f"{name!r} is no name or address", param_hint="NAMES")


def _require_account(store: WebStore, name: str) -> Account:
    account = store.accounts.named(name)
    if account is None:
        raise RefusedError(f"there is nobody called {name}; see: nightsort web user list")
    return account


def _taken(name: str) -> str:
    return f"somebody is called {name} already; take another name"


def _user(one: Account) -> dict[str, str | None]:
    return {
        "name": one.name, "role": one.role, "added": _iso(one.made_at),
        "signed_in": _iso(one.signed_in_at),
    }  # fmt: skip


def _iso(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at).astimezone().isoformat("T", "seconds")


def _day(at: float | None) -> str:
    return "never" if at is None else f"{datetime.fromtimestamp(at).astimezone():%Y-%m-%d}"
