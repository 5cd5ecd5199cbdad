"""The `gallery` command: lazy sub-commands, and errors as words and exit codes."""

from __future__ import annotations

import errno
import importlib
import io
import os
import signal
import sys
import traceback
from types import FrameType
from typing import NoReturn

import click

from gallery import __version__
from gallery.commands.command_guesses import guessed
from gallery.commands.environment import withheld_secrets
from gallery.commands.garbage_collection import leave_out_collections, put_off_collections
from gallery.commands.hints import told
from gallery.commands.prompts import DeclinedError
from gallery.commands.streams import OutputLostError, abandon_output, open_streams
from gallery.commands.terminal import printable, say
from gallery.commands.unusable_packages import package_refusal
from gallery.errors import GalleryError
from gallery.url_masking import masked_text

EXIT_PARTIAL = 1
EXIT_USAGE = 2
EXIT_NON_MATCH = 10
EXIT_INTERNAL = 70
EXIT_SYSTEM = 71
EXIT_HUNG_UP = 129
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143

_COMMANDS = {
    "key": "Make a key file, or change its passphrase.",
    "init": "Make an empty gallery.",
    "enroll": "Enroll photos or ready embeddings.",
    "sync": "Bring a gallery in step with a folder of photos.",
    "identify": "Search a gallery with photos or ready embeddings.",
    "cluster": "Group the faces of photos that match nobody.",
    "match": "Compare a photo or ready embeddings with one person.",
    "galleries": "List the galleries of a database or a server.",
    "info": "Show the properties of a gallery.",
    "list": "List the references of a gallery.",
    "people": "List the people of a gallery.",
    "duplicates": "Find people who may be one.",
    "rename": "Give a person another label.",
    "merge": "Make one person of two.",
    "assign": "Give single references another label.",
    "annotate": "Change attributes and expiry of people.",
    "remove": "Erase references.",
    "refresh": "Sign the state of a gallery with the date of today.",
    "compact": "Close the holes that removals left.",
    "rekey": "Move a gallery to a new key, or to another parameter set.",
    "verify": "Check that a gallery is what its owner wrote.",
    "export": "Write a backup of a gallery into a file.",
    "import": "Restore a gallery from a backup.",
    "migrate": "Bring a database to the schema version of this program.",
    "cache": "Show and clear the cache of this machine.",
    "desk": "Serve pages and an API on the machine that holds the key.",
    "desk-token": "Make, list and revoke the tokens of the owner's desk.",
    "serve": "Serve a database to key owners on other machines.",
    "token": "Make, list and revoke the tokens of a server.",
    "audit": "Show, check or prune the audit log of a server.",
    "evaluate": "Measure open-set accuracy on labelled photos or embeddings.",
    "threshold": "Show, set and reset the thresholds of a gallery.",
    "calibrate": "Find a gallery's threshold on labelled photos or embeddings.",
    "models": "Show which face models work here, and fetch their weights.",
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

\b
Or in a browser, which leads through all of it:
  gallery desk
"""


_HELP = getattr(click.exceptions, "NoArgsIsHelpError", ())
"""The error of click, from version 8.2 on, where a command needs words; its message is the help."""

_arguments: list[str] = []
"""The words of the command line that runs, since a message may repeat one."""


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

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        is_there = name in _COMMANDS or name in _ALIASES
        if not (is_there or name.startswith("-") or ctx.resilient_parsing):
            said = f"No such command {name!r}. {guessed(name, _COMMANDS)}"
            raise click.UsageError(said.rstrip(), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


def _module(name: str) -> str:
    named = {
        "list": "list_references",
        "people": "list_people",
        "import": "import_backup",
        "cluster": "group_faces",
    }
    return named.get(name, name.replace("-", "_"))


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
    put_off_collections()
    open_streams()
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        # Not where it is ignored, as nohup has it.
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)
    exit_code = run(sys.argv[1:])
    leave_out_collections()
    sys.exit(exit_code)


def run(arguments: list[str]) -> int:
    """Run the command line on the given arguments; return its exit code."""
    _arguments[:] = arguments
    try:
        with withheld_secrets():
            result = cli.main(args=arguments, prog_name="gallery", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except GalleryError as error:
        _say(f"error: {told(error)}")
        return error.exit_code
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        _show_usage(error)
        return EXIT_USAGE
    except DeclinedError as error:
        _say(str(error))
        return EXIT_PARTIAL
    except (click.Abort, KeyboardInterrupt) as error:
        _say("interrupted; what was finished before is kept")
        # click makes an Abort of what interrupts a command.
        ended = error.__cause__ if isinstance(error, click.Abort) else error
        return ended.exit_code if isinstance(ended, _EndedError) else EXIT_INTERRUPTED
    except OutputLostError as error:
        abandon_output()
        _say(str(error))
        return EXIT_PARTIAL
    except OSError as error:
        _say(f"error: {_refusal(error)}")
        return EXIT_SYSTEM
    except MemoryError:
        # Argon2 says the same of threads that it does not get.
        _say("error: this needs more memory, or more threads, than there are")
        return EXIT_SYSTEM
    except Exception as error:
        if _lacks_threads(error):
            _say("error: the system refuses another thread: this user or container has its most")
            return EXIT_SYSTEM
        if (refusal := package_refusal(error)) is None:
            return _internal(error)
        _say(f"error: {told(refusal)}")
        return refusal.exit_code


def _show_usage(error: click.ClickException) -> None:
    """Show what click says of wrong arguments: names of files that a shell found may be in it."""
    shown = io.StringIO()
    error.show(shown)
    text = shown.getvalue().rstrip("\n")
    if not isinstance(error, _HELP):
        text = text.replace(error.message, printable(error.message))
    _say(text, lines=True)


class _EndedError(KeyboardInterrupt):
    """The system, or the end of a terminal, wants this process to end."""

    def __init__(self, exit_code: int) -> None:
        super().__init__()
        self.exit_code = exit_code


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    """Let a command that is told to end write what is done, as an interrupted one does."""
    raise _EndedError(EXIT_TERMINATED if number == signal.SIGTERM else EXIT_HUNG_UP)


def _refusal(error: OSError) -> str:
    """Return the system's reason, without other words that a program put into the message."""
    reason = error.strerror or type(error).__name__
    names = [os.fsdecode(name) for name in (error.filename, error.filename2) if name is not None]
    if not names and error.errno == errno.ENOENT and not _is_somewhere():
        return "the current folder is not there any more: change to one that is"
    return f"{reason}: {', '.join(names)}" if names else f"the system refuses: {reason}"


def _lacks_threads(error: Exception) -> bool:
    """Whether this is how Python, or a library's threads, say that the system gives them none."""
    return isinstance(error, RuntimeError) and str(error).startswith(
        ("can't start new thread", os.strerror(errno.EAGAIN))
    )


def _is_somewhere() -> bool:
    try:
        os.getcwd()
    except OSError:
        return False
    return True


def _internal(error: Exception) -> int:
    """Report a mistake of ours without its message, which might hold what must stay secret."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    _say(
        f"internal error: {type(error).__name__} at {os.path.basename(frame.filename)}:"
        f"{frame.lineno}; this is a mistake in the program, please report it. "
        "GALLERY_TRACEBACK=1 shows more, which may hold private data"
    )
    if os.environ.get("GALLERY_TRACEBACK") == "1":
        _say("".join(traceback.format_exception(error)), lines=True)
    return EXIT_INTERNAL


def _say(text: str, *, lines: bool = False) -> None:
    """Print to standard error; what was given may be a URL with a password."""
    say(masked_text(text, _given_urls()), lines=lines)


def _given_urls() -> list[str]:
    """Return the URLs of the command line and the environment, which messages might repeat."""
    words = [word.partition("=")[2] if word.startswith("-") else word for word in _arguments]
    values = [value for name, value in os.environ.items() if name.startswith("GALLERY_")]
    return [text for text in (*words, *values) if "://" in text]
