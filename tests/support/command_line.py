"""The commands and options of the command line, as click knows them."""

from __future__ import annotations

from collections.abc import Iterator

import click

from gallery.commands.main import cli


def command_named(name: str) -> click.Command:
    found: click.Command = cli
    for word in name.split():
        assert isinstance(found, click.Group), f"gallery {name} has no commands"
        inner = found.get_command(click.Context(found), word)
        assert inner is not None, f"there is no command gallery {name}"
        found = inner
    return found


def command_names() -> Iterator[str]:
    """Yield the names of all commands; of a group, those of the commands in it."""
    for name in cli.list_commands(click.Context(cli)):
        command = command_named(name)
        if isinstance(command, click.Group):
            yield from (
                f"{name} {inner}" for inner in command.list_commands(click.Context(command))
            )
        else:
            yield name


def check_words(words: list[str]) -> None:
    """Check that a command and its options exist, and that values are of the options' types."""
    command = command_named(words[0])
    if isinstance(command, click.Group) and len(words) > 1:
        command, words = command_named(f"{words[0]} {words[1]}"), words[1:]
    context = click.Context(command, info_name=words[0])
    values, _, _ = command.make_parser(context).parse_args(words[1:])
    for parameter in command.params:
        value = values.get(parameter.name)
        is_text = isinstance(parameter.type, click.Path | click.types.StringParamType)
        if isinstance(value, str) and not is_text:
            parameter.type.convert(value, parameter, context)


def shown_options(name: str) -> list[click.Parameter]:
    """Return the options of a command without former spellings, which no document names."""
    found = command_named(name).params
    return [item for item in found if not (isinstance(item, click.Option) and item.hidden)]


def former_spellings() -> set[str]:
    """Return the options and environment variables that are understood but hidden."""
    hidden = [
        item
        for name in command_names()
        for item in command_named(name).params
        if item not in shown_options(name)
    ]
    return {name for item in hidden for name in (*item.opts, item.envvar) if isinstance(name, str)}
