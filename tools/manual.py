"""The manual of the command line, rendered from the commands so that it cannot drift.

python -m tools.manual markdown > docs/commands.md
python -m tools.manual man > docs/nightsort.1
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import click

from daemon.cli.main import cli

_EXAMPLE = "\b\nExample:\n"

_EXIT_CODES = (
    ("0", "It worked. For status: healthy."),
    ("1", "It failed: one line on stderr says what and what to do. For status: degraded."),
    ("2", "Wrong use or wrong settings."),
    ("3", "For status: nightsort is not running."),
    ("78", "For run and web: wrong settings or a bad model; systemd does not start it again."),
    ("130", "Interrupted with Ctrl-C."),
)
_FILES = (
    ("/etc/nightsort/nightsort.toml", "Settings, unless --config or NIGHTSORT_CONFIG say another."),
    ("./nightsort-data", "Everything, where there is no settings file."),
)
_ENVIRONMENT = (
    ("NIGHTSORT_CONFIG", "The settings file."),
    ("NIGHTSORT_KEY, NIGHTSORT_TABLE__KEY", "Any setting; wins over the file."),
)
_COMPLETION = (
    ("bash", 'eval "$(_NIGHTSORT_COMPLETE=bash_source nightsort)"', "~/.bashrc"),
    ("zsh", 'eval "$(_NIGHTSORT_COMPLETE=zsh_source nightsort)"', "~/.zshrc"),
    ("fish", "_NIGHTSORT_COMPLETE=fish_source nightsort | source", "~/.config/fish/config.fish"),
)


@dataclass(frozen=True, slots=True)
class Topic:
    """What there is to say of one command."""

    usage: str
    paragraphs: tuple[str, ...]  # the first is the summary
    example: tuple[str, ...]  # lines to type
    options: tuple[tuple[str, str], ...]  # how it is written, what it does


def topics() -> list[Topic]:
    """The whole command, then its parts by name."""
    context = click.Context(cli, info_name="nightsort", **cli.context_settings)
    return [_topic(cli, context), *_parts(cli, context)]


def _parts(group: click.Group, context: click.Context) -> Iterator[Topic]:
    """The commands of a group, those of groups in it too; most groups themselves do nothing."""
    for name in sorted(group.list_commands(context)):
        command = group.get_command(context, name)
        assert command is not None
        inner = click.Context(command, info_name=name, parent=context)
        does_something = not isinstance(command, click.Group) or command.invoke_without_command
        if does_something and not command.hidden:
            yield _topic(command, inner)
        if isinstance(command, click.Group):
            yield from _parts(command, inner)


def _topic(command: click.Command, context: click.Context) -> Topic:
    text, _, example = inspect.cleandoc(command.help or "").partition(_EXAMPLE)
    params = command.params if context.parent else command.get_params(context)  # --help once
    records = [param.get_help_record(context) for param in params]
    return Topic(
        usage=" ".join([context.command_path, *command.collect_usage_pieces(context)]),
        paragraphs=tuple(" ".join(part.split()) for part in text.split("\n\n") if part.strip()),
        example=tuple(line.strip() for line in example.splitlines() if line.strip()),
        options=tuple(record for record in records if record and record[1]),
    )


def markdown() -> str:
    """docs/commands.md."""
    return "\n".join(_markdown()) + "\n"


def _markdown() -> Iterator[str]:
    yield "# The commands of nightsort"
    yield ""
    yield "This page and `man nightsort` are rendered from the commands: `python -m tools.manual`."
    for topic in topics():
        yield f"\n## `{topic.usage}`\n"
        yield "\n\n".join(topic.paragraphs)
        yield "\n```sh"
        yield from topic.example
        yield "```"
        if topic.options:
            yield ""
            yield from _table("Option", topic.options)
    yield "\n## Exit codes\n"
    yield from _table("Code", _EXIT_CODES)
    yield "\n## Files\n"
    yield from _table("File", _FILES)
    yield "\n## Environment\n"
    yield from _table("Variable", _ENVIRONMENT)
    yield "\n## Completion\n"
    yield "The shell completes commands and options after this line in its start-up file:\n"
    yield from _table(
        "Shell", [(shell, f"`{line}` in `{file}`") for shell, line, file in _COMPLETION]
    )


def _table(title: str, rows: Sequence[tuple[str, str]]) -> Iterator[str]:
    yield f"| {title} | |"
    yield "|---|---|"
    for name, text in rows:
        yield f"| `{name}` | {text.replace('|', '&#124;')} |"


def man() -> str:
    """docs/nightsort.1."""
    return "\n".join(_man()) + "\n"


def _man() -> Iterator[str]:
    itself, *commands = topics()
    yield '.\\" Rendered by: python -m tools.manual man'
    yield '.TH NIGHTSORT 1 "" nightsort "User Commands"'
    yield ".SH NAME"
    yield f"nightsort \\- {_roff(_as_phrase(itself.paragraphs[0]))}"
    yield ".SH SYNOPSIS"
    yield f".B {_roff(itself.usage)}"
    yield ".SH OPTIONS"
    yield from _definitions(itself.options)
    yield ".SH COMMANDS"
    for topic in commands:
        yield f".SS {_roff(topic.usage)}"
        yield "\n.PP\n".join(map(_roff, topic.paragraphs))
        yield from _definitions(topic.options)
        yield from _literally(topic.example)
    yield ".SH EXAMPLES"
    yield from _literally(itself.example)
    for title, rows in (
        ("EXIT STATUS", _EXIT_CODES),
        ("FILES", _FILES),
        ("ENVIRONMENT", _ENVIRONMENT),
    ):
        yield f".SH {title}"
        yield from _definitions(rows)
    yield ".SH COMPLETION"
    yield "The shell completes commands and options after this line in its start\\-up file:"
    yield from _definitions([(file, line) for _, line, file in _COMPLETION])


def _definitions(rows: Sequence[tuple[str, str]]) -> Iterator[str]:
    for name, text in rows:
        yield f".TP\n.B {_roff(name)}\n{_roff(text)}"


def _literally(lines: tuple[str, ...]) -> Iterator[str]:
    yield ".PP\n.RS 4\n.nf"
    yield from map(_roff, lines)
    yield ".fi\n.RE"


def _as_phrase(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:].rstrip(".")


def _roff(text: str) -> str:
    """Text of which roff obeys nothing; its hyphens can be copied into a shell."""
    safe = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("~", "\\(ti")
    return f"\\&{safe}" if safe.startswith(".") else safe


if __name__ == "__main__":
    sys.stdout.write({"markdown": markdown, "man": man}[sys.argv[1]]())
