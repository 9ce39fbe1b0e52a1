"""The manual says what the commands say, and every command teaches by an example that works."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import click
import pytest

from daemon.cli.main import cli
from tools import manual

DOCS = Path(manual.__file__).parents[1] / "docs"


def every_command(group: click.Group = cli, path: str = "") -> dict[str, click.Command]:
    """All commands by their words, those in groups too."""
    found: dict[str, click.Command] = {}
    for name in sorted(group.list_commands(click.Context(group))):
        command, words = command_of(group, name), f"{path} {name}".strip()
        if command.hidden:
            continue
        if not isinstance(command, click.Group) or command.invoke_without_command:
            found[words] = command
        if isinstance(command, click.Group):
            found |= every_command(command, words)
    return found


def command_of(group: click.Group, name: str) -> click.Command:
    command = group.get_command(click.Context(group), name)
    assert command is not None, name
    return command


COMMANDS = every_command()
TOPICS = {topic.usage.split(" [")[0]: topic for topic in manual.topics()}


@pytest.mark.parametrize(
    ("file", "rendered"),
    [("commands.md", manual.markdown), ("nightsort.1", manual.man)],
)
def test_pages_are_what_the_commands_render(file: str, rendered: object) -> None:
    assert callable(rendered)
    assert (DOCS / file).read_text(encoding="utf-8") == rendered(), (
        "run: python -m tools.manual markdown > docs/commands.md; "
        "python -m tools.manual man > docs/nightsort.1"
    )


def test_every_command_is_in_the_manual() -> None:
    assert [*TOPICS] == ["nightsort", *(f"nightsort {name}" for name in COMMANDS)]


# A process that logs, what is read on a terminal alone, and what prints another format.
WITHOUT_JSON = {
    "alerts ack", "demo", "lookout", "mirror schema", "report", "restore",
    "results rebuild", "run", "unit", "web",
}  # fmt: skip


def test_every_command_but_these_has_its_answer_as_json() -> None:
    lacking = {
        words
        for words, command in COMMANDS.items()
        if not any("--json" in param.opts for param in command.params)
    }
    assert lacking == WITHOUT_JSON


@pytest.mark.parametrize("name", TOPICS)
def test_every_command_has_a_summary_and_an_example(name: str) -> None:
    topic, own_name = TOPICS[name], name.rpartition(" ")[2]
    assert topic.paragraphs
    assert topic.paragraphs[0].endswith(".")
    assert any(own_name in line.split() for line in topic.example), "add an Example: to it"


@pytest.mark.parametrize("name", TOPICS)
def test_every_example_can_be_typed_as_it_stands(name: str) -> None:
    for line in TOPICS[name].example:
        words = shlex.split(line, comments=True)
        command, *arguments = words[: words.index("|")] if "|" in words else words
        assert command == "nightsort"
        known = cli.list_commands(click.Context(cli))
        at = next(i for i, word in enumerate(arguments) if word in known)
        context = cli.make_context("nightsort", arguments[: at + 1])
        part = command_of(cli, arguments[at])
        while isinstance(part, click.Group) and at + 1 < len(arguments):
            if part.invoke_without_command and arguments[at + 1] not in part.commands:
                break  # it takes that word itself
            at += 1
            context = click.Context(part, info_name=arguments[at - 1], parent=context)
            part = command_of(part, arguments[at])
        part.make_context(arguments[at], arguments[at + 1 :], parent=context)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_the_example_line_by_line(name: str) -> None:
    command = COMMANDS[name]
    text = command.get_help(click.Context(command, info_name=name))
    assert "Example:\n" in text
    for line in TOPICS[f"nightsort {name}"].example:
        assert f"    {line}\n" in text


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_does(name: str) -> None:
    options = [p for p in COMMANDS[name].params if isinstance(p, click.Option)]
    assert all(option.help for option in options)


def test_man_page_is_clean_roff() -> None:
    if shutil.which("groff") is None:
        pytest.skip("groff, which formats manual pages, is not installed")
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww"],
        input=manual.man(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert "sort product photos into category folders" in " ".join(done.stdout.split())


def test_nothing_in_a_text_is_a_command_to_roff() -> None:
    assert manual._roff(".so /etc/passwd") == "\\&.so /etc/passwd"
    assert manual._roff("a\\b --c 'd'") == "a\\eb \\-\\-c \\(aqd\\(aq"
