"""The `gallery` command: lazy sub-commands, and errors as words and exit codes."""

from __future__ import annotations

import importlib
import io
import os
import sys
import traceback
from typing import NoReturn

import click

from gallery import __version__
from gallery.commands.environment import withheld_secrets
from gallery.commands.hints import told
from gallery.commands.terminal import printable, say
from gallery.errors import GalleryError

EXIT_PARTIAL = 1
EXIT_USAGE = 2
EXIT_INTERNAL = 70
EXIT_INTERRUPTED = 130

_COMMANDS = {
    "key": "Make a key file, or change its passphrase.",
    "init": "Make an empty gallery.",
    "enroll": "Enroll photos or ready embeddings.",
    "identify": "Search a gallery with photos or ready embeddings.",
    "info": "Show the properties of a gallery.",
    "list": "List the references of a gallery.",
    "remove": "Erase references.",
    "compact": "Close the holes that removals left.",
    "rekey": "Move a gallery to a new key, or to another parameter set.",
    "verify": "Check that a gallery is what its owner wrote.",
    "export": "Write a backup of a gallery into a file.",
    "import": "Restore a gallery from a backup.",
    "migrate": "Bring a database to the schema version of this program.",
    "serve": "Serve a database to key owners on other machines.",
    "token": "Make, list and revoke the tokens of a server.",
    "audit": "Show what was done with the galleries of a server.",
    "evaluate": "Measure open-set accuracy on labelled photos or embeddings.",
    "threshold": "Show, set and reset the threshold of a gallery.",
    "calibrate": "Find a gallery's threshold on labelled photos or embeddings.",
    "samples": "Get embeddings or photos to try the other commands with.",
    "demo": "Run the whole story on sample photos.",
}

_ALIASES = {"keygen": ("key", "new")}
"""Other names of commands in groups, which no help shows."""

_EPILOG = """
\b
A first session, with a folder of photos that has one sub-folder per person:
  gallery key new
  gallery init --model Facenet
  gallery enroll people/
  gallery identify someone.jpg
"""


class _LazyGroup(click.Group):
    """A group whose commands are imported when they run, so that help and errors are instant."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _ALIASES:
            group, inner = _ALIASES[cmd_name]
            found = self.get_command(ctx, group)
            return found.get_command(ctx, inner) if isinstance(found, click.Group) else None
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"gallery.commands.{_module(cmd_name)}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


def _module(name: str) -> str:
    return {"list": "list_references", "import": "import_backup"}.get(name, name)


@click.command(
    cls=_LazyGroup,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="gallery")
def cli() -> None:
    """Search an encrypted gallery of faces.

    Face embeddings are stored and compared as ciphertexts; only the key file opens the results.
    Nothing but results goes to standard output.
    """


def main() -> NoReturn:
    """Run the command line and exit with its code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run the command line on the given arguments; return its exit code."""
    try:
        with withheld_secrets():
            result = cli.main(args=arguments, prog_name="gallery", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except GalleryError as error:
        say(f"error: {told(error)}")
        return error.exit_code
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        _show_usage(error)
        return EXIT_USAGE
    except (click.Abort, KeyboardInterrupt):
        say("interrupted; what was finished before is kept")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone. Python would complain once more when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_PARTIAL
    except Exception as error:
        return _internal(error)


def _show_usage(error: click.ClickException) -> None:
    """Show what click says of wrong arguments: names of files that a shell found may be in it."""
    shown = io.StringIO()
    error.show(shown)
    text = shown.getvalue().rstrip("\n").replace(error.message, printable(error.message))
    say(text, lines=True)


def _internal(error: Exception) -> int:
    """Report a mistake of ours without its message, which might hold what must stay secret."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    say(
        f"internal error: {type(error).__name__} at {os.path.basename(frame.filename)}:"
        f"{frame.lineno}; this is a mistake in the program, please report it. "
        "GALLERY_TRACEBACK=1 shows more, which may hold private data"
    )
    if os.environ.get("GALLERY_TRACEBACK") == "1":
        say("".join(traceback.format_exception(error)), lines=True)
    return EXIT_INTERNAL
