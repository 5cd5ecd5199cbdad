"""Output to the terminal: all that a command prints or asks passes `printable`.

It holds text of others: names of files and columns, labels, answers of servers. A terminal obeys
some characters (escape sequences, C1 controls); others reverse the reading order (bidirectional
controls) or begin a line that seems to be ours. They are shown as escapes.
"""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Sequence
from typing import Any, Final

import click

_ESCAPED: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f"  # C0 and C1 controls, DEL
    r"\xad\u180e\u200b\u2060-\u2064\ufeff"  # nothing to be seen; joiners stay, scripts need them
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f"  # the order of what is read
    r"\u2028\u2029\ufff9-\ufffb\U000e0000-\U000e007f"  # lines, annotations, tags
    r"\ud800-\udfff]"  # bytes that are no text
)


def printable(text: str, *, lines: bool = False) -> str:
    r"""Return a text with escapes such as ``\x1b`` for all that is not shown but obeyed.

    Parameters
    ----------
    text
        The text: one line, which stays one.
    lines
        Whether line feeds stay, for a text of our own.
    """
    if lines:
        return "\n".join(map(printable, text.split("\n")))
    return _ESCAPED.sub(_escape, text)


def is_interactive() -> bool:
    """Whether there is somebody to ask: standard input is open, and a terminal."""
    return sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()


def say(text: str, *, lines: bool = False) -> None:
    """Print to standard error; ``lines`` as for `printable`."""
    # Named, here and below: click takes another stream in the place of one whose encoding is ASCII.
    click.echo(printable(text, lines=lines), file=sys.stderr)


def print_result(text: str) -> None:
    """Print a line to standard output."""
    click.echo(printable(text), file=sys.stdout)


def print_json(value: Any) -> None:
    """Print a value to standard output as JSON, on one line, in UTF-8 whatever its encoding."""
    text = json.dumps(value, ensure_ascii=False)
    # In JSON such characters stand inside of strings alone, where an escape means the same. The
    # bytes of a name that is no UTF-8 become lone surrogates, as Python has them.
    click.echo(_ESCAPED.sub(_json_escape, text).encode("utf-8"))


def print_csv(cells: Sequence[str]) -> None:
    """Print a line of CSV to standard output, in UTF-8 whatever its encoding."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(map(printable, cells))
    click.echo(line.getvalue().encode("utf-8"))


def ask_yes_or_no(question: str) -> bool:
    """Ask a question at the terminal, on standard error."""
    return click.confirm(printable(question), err=True)


def ask_hidden(question: str, *, twice: bool = False) -> str:
    """Ask for something that is not shown while it is typed."""
    answer: str = click.prompt(
        printable(question), hide_input=True, confirmation_prompt=twice, err=True
    )
    return answer


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if 0xDC80 <= code < 0xDD00:  # a byte of a name that is no UTF-8 (PEP 383)
        code -= 0xDC00
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_escape(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1]
