"""The commands `nightsort web user …` and `web key …`: who may sign in, and which programs may ask.

Like `web.cli`, which registers them, they parse, call and print.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from config.errors import RefusedError
from daemon.cli.common import json_option, load, print_json
from web.roles import Role

if TYPE_CHECKING:
    from config.settings import Settings
    from web.database import Account, Key, WebStore

role_option = click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    default=Role.READER.value,
    show_default=True,
    help="reader looks and predicts, clerk decides, lead teaches, admin administers.",
)
stdin_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password from stdin, one line."
)


@click.group()
def user() -> None:
    """People who may sign in."""


@user.command("add")
@click.argument("name")
@role_option
@stdin_option
@json_option
@click.pass_obj
def add_user(
    config_file: Path | None, name: str, role: str, password_stdin: bool, as_json: bool
) -> None:
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
        _print_user(store, name, as_json=as_json)
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
    if not people:
        click.echo("Nobody may sign in yet; see: nightsort web user add --help", err=True)
    for one in people:
        click.echo(f"{one.name:<24} {one.role:<8} last signed in {_day(one.signed_in_at)}")


@user.command("passwd")
@click.argument("name")
@stdin_option
@click.option("--link", is_flag=True, help="Print a link by which they set it themselves.")
@json_option
@click.pass_obj
def set_password(
    config_file: Path | None, name: str, password_stdin: bool, link: bool, as_json: bool
) -> None:
    """Set somebody's password, and sign them out everywhere.

    With --link, nothing changes until they open it: it works once, within a day.

    \b
    Example:
      nightsort web user passwd anna
      nightsort web user passwd anna --link
    """  # noqa: D301
    from web import passwords

    if link and password_stdin:
        raise click.UsageError("--link or --password-stdin, not both")
    settings = load(config_file)
    with _store(settings) as store:
        account = _require_account(store, name)
        if link:
            base = settings.web.public_url or f"http://{settings.web.listen}"
            made = f"{base}/page/link/{store.links.make_reset(account.id)}"
            if as_json:
                print_json(_user(account) | {"link": made})
            else:
                click.echo(made)
            return
        kept = passwords.hashed(_new_password(account.name, from_stdin=password_stdin))
        store.accounts.set_password(account.id, kept)
        _print_user(store, name, as_json=as_json)
    click.echo(f"{account.name} has a new password, and is signed out everywhere", err=True)


@user.command("role")
@click.argument("name")
@click.argument("role", type=click.Choice([role.value for role in Role]))
@json_option
@click.pass_obj
def set_role(config_file: Path | None, name: str, role: str, as_json: bool) -> None:
    """Give somebody another role, and sign them out everywhere.

    \b
    Example:
      nightsort web user role carl lead
    """  # noqa: D301
    with _store(load(config_file)) as store:
        account = _require_account(store, name)
        store.accounts.set_role(account.id, Role(role))
        _print_user(store, name, as_json=as_json)
    click.echo(f"{account.name} may sign in, as {role}, and is signed out everywhere", err=True)


@user.command("remove")
@click.argument("name")
@json_option
@click.pass_obj
def remove_user(config_file: Path | None, name: str, as_json: bool) -> None:
    """Let somebody in no more, from this moment on; what they did keeps their name.

    \b
    Example:
      nightsort web user remove anna
    """  # noqa: D301
    with _store(load(config_file)) as store:
        account = _require_account(store, name)
        store.accounts.remove(account.id)
    if as_json:
        print_json({"removed": account.name})
    click.echo(f"{account.name} can sign in no more", err=True)


@click.group()
def key() -> None:
    """Keys of programs, for the API."""


@key.command("add")
@click.argument("name")
@role_option
@json_option
@click.pass_obj
def add_key(config_file: Path | None, name: str, role: str, as_json: bool) -> None:
    """Make a key, and print it, this once, alone on stdout.

    With --json it is `key` of the one document there.

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
        row = _key_named(store, name)
    if as_json:
        print_json(row | {"key": made})
    else:
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
        print_json({"keys": [_key(one) for one in keys]})
        return
    if not keys:
        click.echo("There is no key yet; see: nightsort web key add --help", err=True)
    for one in keys:
        over = f", revoked {_day(one.revoked_at)}" if one.revoked_at else ""
        click.echo(f"{one.name:<24} {one.role:<8} made {_day(one.made_at)}{over}")


@key.command("revoke")
@click.argument("name")
@json_option
@click.pass_obj
def revoke_key(config_file: Path | None, name: str, as_json: bool) -> None:
    """End a key: from this moment on it opens nothing.

    \b
    Example:
      nightsort web key revoke shop
    """  # noqa: D301
    from web.roles import NAME

    with _store(load(config_file)) as store:
        if not NAME.fullmatch(name) or not store.keys.revoke(name):
            raise RefusedError(f"there is no valid key {name}; see: nightsort web key list")
        row = _key_named(store, name)
    if as_json:
        print_json(row)
    click.echo(f"the key of {name} opens nothing any more", err=True)


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


def _require_account(store: WebStore, name: str) -> Account:
    from web.roles import NAME

    account = store.accounts.named(name) if NAME.fullmatch(name) else None
    if account is None:
        raise RefusedError(f"there is nobody called {name}; see: nightsort web user list")
    return account


def _taken(name: str) -> str:
    return f"somebody is called {name} already; take another name"


def _print_user(store: WebStore, name: str, *, as_json: bool) -> None:
    if as_json:
        print_json(_user(_require_account(store, name)))


def _user(one: Account) -> dict[str, str | None]:
    return {
        "name": one.name, "role": one.role, "added": _iso(one.made_at),
        "signed_in": _iso(one.signed_in_at),
    }  # fmt: skip


def _key(one: Key) -> dict[str, str | None]:
    return {
        "name": one.name, "role": one.role, "made": _iso(one.made_at),
        "revoked": _iso(one.revoked_at),
    }  # fmt: skip


def _key_named(store: WebStore, name: str) -> dict[str, str | None]:
    """The newest of that name, which is the one that counts."""
    return next(_key(one) for one in store.keys.all() if one.name == name)


def _iso(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at).astimezone().isoformat("T", "seconds")


def _day(at: float | None) -> str:
    return "never" if at is None else f"{datetime.fromtimestamp(at).astimezone():%Y-%m-%d}"
