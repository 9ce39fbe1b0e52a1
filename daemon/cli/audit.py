"""The commands about the audit chain: audit export and verify.

Like `daemon.cli.main`, which names them, they parse, call and print.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from config.errors import RefusedError, TransientError
from config.readable import plain
from daemon.cli.common import EXIT_FAILED, any_path, json_option, load, print_json
from daemon.cli.progress import progress

if TYPE_CHECKING:
    from config.settings import Settings
    from daemon.maintenance.audit import Looked

_ROWS_AT_ONCE = 1000


@click.group()
def audit() -> None:
    """Every verdict, decision, undo, adoption, sign-in and who may, bound in a chain."""


@audit.command()
@click.argument("file", type=any_path)
@json_option
@click.pass_obj
def export(config_file: Path | None, file: Path, as_json: bool) -> None:
    """Write the chain to a CSV that can be verified without this machine.

    Note the last link that is shown, on paper or elsewhere: it binds all rows up to it, also
    against whoever could write the whole chain anew. Exits 1, and says which, when a row does not
    fit; the file has all rows even so. What is forgotten later stays in exports of before, which
    its receipt says.

    \b
    Example:
      nightsort audit export audit-2026-11.csv
    """  # noqa: D301
    from daemon.maintenance import audit as chain
    from daemon.store import Store

    settings = load(config_file)
    with closing(Store(settings.state_dir, reading=True)) as store, _looking() as advance:
        looked = chain.export(store, file, advance)
    _note(settings, file)
    _show(looked, as_json=as_json)


@audit.command()
@click.argument("file", type=any_path, required=False)
@json_option
@click.pass_obj
def verify(config_file: Path | None, file: Path | None, as_json: bool) -> None:
    """Look through this machine's chain, or an export: exit 1 names the first row that is wrong.

    Of a photo that was forgotten only the digests are there, and they still hold. An export needs
    no settings. Rows cut off at the end show by the last link alone: compare it with the one that
    was noted.

    \b
    Example:
      nightsort audit verify
      nightsort audit verify audit-2026-11.csv --json | jq .head
    """  # noqa: D301
    from daemon.maintenance import audit as chain
    from daemon.store import Store

    if file is not None:
        with _looking() as advance:
            looked = chain.look_through(chain.exported(file), advance)
        _show(looked, as_json=as_json)
        return
    with closing(Store(load(config_file).state_dir, reading=True)) as store, _looking() as advance:
        looked = chain.look_through_store(store, advance)
    _show(looked, as_json=as_json)


def _note(settings: Settings, file: Path) -> None:
    """For the receipts of what is forgotten later; who may only read cannot note anything."""
    from daemon.domain.clock import zone_of
    from daemon.folders.locks import prepare
    from daemon.store import Store

    now = datetime.now(zone_of(settings))
    try:
        prepare(settings.state_dir)
        with closing(Store(settings.state_dir)) as store:
            store.facts.note_export(plain(str(file.resolve())), now)
    except (RefusedError, TransientError) as exc:
        click.echo(f"No receipt of a forgetting will name this file: {plain(str(exc))}", err=True)


@contextmanager
def _looking() -> Iterator[Callable[[int], None]]:
    """How many rows were looked at, on stderr; now and then, as there may be millions."""
    with progress("rows looked at") as advance:
        yield lambda rows: advance(rows, 0) if rows % _ROWS_AT_ONCE == 0 else None


def _show(looked: Looked, *, as_json: bool) -> None:
    if as_json:
        print_json({"holds": looked.bad_row is None, **asdict(looked)})
    elif looked.bad_row is None:
        rows = f"{looked.rows:,} rows fit"
        gone = f", {looked.forgotten:,} of them forgotten" if looked.forgotten else ""
        click.echo(f"{rows}{gone}. Last link: {looked.head}")
    if looked.bad_row is not None:
        click.echo(f"nightsort: row {looked.bad_row}: {plain(looked.why)}", err=True)
        sys.exit(EXIT_FAILED)
