"""A group whose commands are imported when they are asked for.

Start-up is paid by the command that needs it; and packages above this one can have commands in
it, though imports point down.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping

import click
from click.exceptions import NoSuchCommand


class LazyGroup(click.Group):
    """Commands by name, each found at `module:attribute`."""

    def __init__(self, *, places: Mapping[str, str], **arguments: object) -> None:
        """places: each command's name, and where it is."""
        super().__init__(**arguments)  # type: ignore[arg-type]
        self.places = places

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        """Names of all commands; none is imported for it."""
        return sorted(self.places)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's
        cmd_name: str,
    ) -> click.Command | None:
        """The command of that name, or None; its module is imported now."""
        if cmd_name not in self.places:
            return None
        module, _, attribute = self.places[cmd_name].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, which would look for what was meant among commands imported already."""
        try:
            return super().resolve_command(ctx, args)
        except NoSuchCommand as exc:
            raise NoSuchCommand(exc.command_name, possibilities=self.places, ctx=ctx) from exc
