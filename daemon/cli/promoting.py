"""The command `nightsort models promote`: a version is offered to all stations.

Like `daemon.cli.main`, which registers it, it parses, calls and prints.
"""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import click

from config.errors import RefusedError
from config.readable import plain
from daemon.cli.common import json_option, load, print_json


@click.command()
@click.argument("version", required=False)
@click.option("--station", help="Which learnt it. Default: this one, [mirror] station.")
@click.option("--none", "withdrawn", is_flag=True, help="Offer none any more.")
@json_option
@click.pass_obj
def promote(
    config_file: Path | None,
    version: str | None,
    station: str | None,
    withdrawn: bool,
    as_json: bool,
) -> None:
    """Offer a version to all stations that fetch such ([mirror] fetch_versions).

    Each compares it on its own photos before anything judges with it. The connection string is
    that of [fleet], else of [mirror]; its role needs nightsort_promoter. On the page of
    `nightsort web --fleet` an admin does the same.

    \b
    Example:
      nightsort models promote 2026-11-26.1 --station hamburg
      nightsort models promote --none
    """  # noqa: D301
    from daemon.folders.locks import user_name
    from daemon.mirror import promotions, tables
    from daemon.mirror.postgres import connect
    from daemon.mirror.thread import address_of

    if (version is None) is not withdrawn:
        raise click.UsageError("name a version, or say --none")
    settings = load(config_file)
    source = settings.fleet if settings.fleet.has_postgres else settings.mirror
    if not source.has_postgres:
        raise RefusedError("there is no mirror; set [fleet] or [mirror] postgres_credential")
    whose, person = station or settings.mirror.station, user_name(os.getuid())
    if version is not None and whose is None:
        raise click.UsageError("say whose it is: --station NAME")
    with closing(connect(address_of(source))) as postgres:
        tables.require_readable(postgres)
        if version is None or whose is None:
            promotions.withdraw(postgres, person)
        else:
            promotions.promote(postgres, whose, version, person)
    if as_json:
        print_json({"version": version, "station": whose if version else None})
    said = f"{version} of {whose} is offered to all stations" if version else "none is offered"
    click.echo(plain(said), err=True)
