"""The reference of the command line, docs/cli.md: written from the commands themselves."""

from __future__ import annotations

import inspect
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from gallery.commands.main import cli

PAGE: Final = Path(__file__).resolve().parents[1] / "cli.md"

# An option that so many commands take with the same words is explained once.
_COMMON_FROM: Final = 16

_INTRODUCTION = """\
# Command line

<!-- Written by docs/tools/generate_cli.py (`make docs`) from the commands: change their help. -->

Results go to standard output, everything else to standard error. `gallery COMMAND --help` shows
what is here. `python -m gallery`, and `python cli.py` in a checkout, are the same as `gallery`.
Other pages say what the [exit codes](exit-codes.md) mean, and list the [environment
variables](environment.md).

`migrate`, `serve`, `token` and `audit` work on a database and need no key. The others but
`evaluate`, `samples` and `demo` open the key file, and talk to a database or to a server. All
properties of a gallery are fixed by `init`, but key and parameter set, which `rekey` changes.
"""


@dataclass(frozen=True)
class Command:
    """A command with its name after `gallery`, and the context that its help is written in."""

    name: str
    context: click.Context

    @property
    def click_command(self) -> click.Command:
        """The command itself."""
        return self.context.command

    @property
    def options(self) -> list[tuple[str, str]]:
        """Its options as the help has them, but hidden ones and `--help`: declaration and words."""
        return [
            record
            for item in self.click_command.params
            if isinstance(item, click.Option) and (record := item.get_help_record(self.context))
        ]


def commands(group: click.Group, parent: click.Context) -> Iterator[Command]:
    """Yield all commands that are not hidden; of a group, those in it."""
    for name in group.list_commands(parent):
        command = group.get_command(parent, name)
        if command is None or command.hidden:
            continue
        context = click.Context(command, info_name=name, parent=parent)
        if isinstance(command, click.Group):
            yield from commands(command, context)
        else:
            yield Command(context.command_path.removeprefix("gallery "), context)


COMMANDS: Final = tuple(commands(cli, click.Context(cli, info_name="gallery")))
GROUPS: Final = {command.name.split()[0] for command in COMMANDS}


def page() -> str:
    """Return the whole page."""
    counts = Counter(option for command in COMMANDS for option in command.options)
    common = [option for option, count in counts.items() if count >= _COMMON_FROM]
    return "\n".join(
        [
            _INTRODUCTION,
            "## Commands\n",
            "| command | does |\n|---|---|",
            *(f"| {_link(command)} | {_cell(_first_sentence(command))} |" for command in COMMANDS),
            "\n## Common options\n",
            "Most commands take these; each says below which of them.\n",
            *map(_item, common),
            "",
            *(_section(command, common) for command in COMMANDS),
        ]
    )


def _section(command: Command, common: list[tuple[str, str]]) -> str:
    """Return the section of one command: usage, help, options, examples."""
    usage = " ".join(command.click_command.collect_usage_pieces(command.context))
    own = [option for option in command.options if option not in common]
    shared = [option for option in command.options if option in common]
    parts = [
        f"## gallery {command.name}",
        f"```text\ngallery {command.name} {usage}\n```",
        _prose(command.click_command.help or ""),
        "\n".join(map(_item, own)),
        _shared(shared, common),
        _blocks(command.click_command.epilog or ""),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _shared(shared: list[tuple[str, str]], common: list[tuple[str, str]]) -> str:
    if not shared:
        return ""
    if len(shared) == len(common):
        return "It takes all [common options](#common-options)."
    return f"Of the [common options](#common-options) it takes {_joined(map(_name, shared))}."


def _link(command: Command) -> str:
    heading = f"gallery {command.name}"
    return f"[`{heading}`](#{heading.replace(' ', '-')})"


def _first_sentence(command: Command) -> str:
    text = _prose(command.click_command.help or "").partition("\n\n")[0]
    return re.split(r"(?<=\w)\. ", text)[0].removesuffix(".")


def _prose(text: str) -> str:
    """Return a help text with options, files and commands as code."""
    text = inspect.cleandoc(text).replace("\b\n", "")
    text = "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))
    return _code(text)


def _code(text: str) -> str:
    """Mark options, commands, files and variables in words of the help."""
    names = "|".join(sorted({command.name for command in COMMANDS} | GROUPS, reverse=True))
    pattern = (
        r"(?<![\w`-])("
        r"--[a-z][a-z-]*"
        rf"|gallery (?:{names})(?![\w-])(?: --[a-z][a-z-]*)*"
        r"|[\w-]*\.(?:npz|npy|parquet|html|jsonl?|galleryignore|gitignore)(?!\w)"
        r"|(?:GALLERY|DEEPFACE)_[A-Z_]+"
        r")"
    )
    return re.sub(pattern, lambda match: f"`{match[1]}`", _escaped(text))


def _escaped(text: str) -> str:
    return text.replace("<", "&lt;").replace("*", r"\*")


# Notes of click and of help texts, such as [env: GALLERY_KEY], [default: 5; x>=2] and [required].
_NOTE = re.compile(r"\[((?:env|default): [^\[\]]*|required|[\d.<=]*x[\d.<>=]*)\]")


def _item(option: tuple[str, str]) -> str:
    """Return an option as an item of a list: its declaration, its help, and what click adds."""
    declaration, words = option
    notes = []
    for note in _NOTE.findall(words):
        for part in note.split("; "):
            name, _, value = part.partition(": ")
            if name == "env":
                notes.append(f"Environment: {_code(value)}.")
            elif name == "default":
                value = value.removeprefix("(").removesuffix(")")
                notes.append(f"Default: {_code(value) if ' ' in value else f'`{value}`'}.")
            elif part == "required":
                notes.append("Required.")
            else:
                notes.append(f"Range: `{part}`.")
    text = " ".join(_NOTE.sub("", words).split())
    return f"- `{declaration}`: {' '.join([_code(text), *notes])}"


def _name(option: tuple[str, str]) -> str:
    return f"`{option[0].split()[0].rstrip(',')}`"


def _joined(names: Iterator[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _blocks(epilog: str) -> str:
    """Return what a command's help ends with: titles, each with a block of lines."""
    parts: list[str] = []
    lines = inspect.cleandoc(epilog.replace("\b\n", "")).splitlines()
    for title, block in _titled(lines):
        is_example = title.startswith("Example")
        text = inspect.cleandoc("\n" + "\n".join(block))
        if is_example:
            text = re.sub(r"(?m)(?<=\S) {2,}(?=[^\s#])", "  # ", text)
        parts.append(f"{title}\n\n```{'sh' if is_example else 'text'}\n{text}\n```")
    return "\n\n".join(parts)


def _titled(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield each line that is not indented with the indented ones after it."""
    title, block = "", list[str]()
    for line in [*lines, "end"]:
        if line.startswith(" "):
            block.append(line)
        elif line:
            if block:
                yield title, block
            title, block = line, []


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def main() -> int:
    """Write the page; with `--check`, say whether it is as it would be written."""
    text = page()
    if "--check" in sys.argv[1:]:
        if PAGE.is_file() and PAGE.read_text("utf-8") == text:
            return 0
        print(f"{PAGE.name} is not what the commands say; run: make docs", file=sys.stderr)
        return 1
    PAGE.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
