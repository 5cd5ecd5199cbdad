"""Commands with the standard streams that a test chooses, forked from one process that is warm.

A process of its own for each would take most of its time to import what all of them need. A child
gets its descriptors as a shell gives them, and Python's streams on them as the interpreter makes
them: none where a descriptor is closed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]

CLOSED = "closed"
"""A stream that is not there."""

NO_READER = "no reader"
"""A pipe whose reader has gone."""

AS_OUTPUT = "as output"
"""Where standard output goes."""


@dataclass(frozen=True)
class Ended:
    """What became of a command: its exit code, and what is in the files of its streams."""

    code: int
    out: bytes
    err: bytes


class ForkingProcess:
    """A warm process that runs commands in children of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(
        self,
        folder: Path,
        arguments: Sequence[str],
        *,
        stdin: str = os.devnull,
        stdout: str | None = None,
        stderr: str | None = None,
        environment: Mapping[str, str] | None = None,
        without: Sequence[str] = (),
        user: int | None = None,
    ) -> Ended:
        """Run a command in a folder.

        Parameters
        ----------
        folder
            Where it runs.
        arguments
            Its words after ``gallery``.
        stdin, stdout, stderr
            A file, `CLOSED`, or `NO_READER`; None for a file that is read for the result. Standard
            error may be `AS_OUTPUT`, the same as standard output.
        environment, without
            Variables to set, and to take away.
        user
            The number of the user to become.
        """
        out, err = folder / ".out", folder / ".err"
        for file in (out, err):
            file.write_bytes(b"")
        output = stdout or str(out)
        request = {
            "folder": str(folder),
            "arguments": [os.fsencode(word).hex() for word in arguments],
            "streams": [stdin, output, output if stderr == AS_OUTPUT else stderr or str(err)],
            "environment": dict(environment or {}),
            "without": list(without),
            "user": user,
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        return Ended(code, out.read_bytes(), err.read_bytes())


@contextmanager
def forking_process(environment: Mapping[str, str]) -> Iterator[ForkingProcess]:
    """Start a warm process; end it at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.forked_commands"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=CHECKOUT,
        env={**os.environ, **environment},
    )
    try:
        yield ForkingProcess(process)
    finally:
        process.communicate()


# --- in the other process -------------------------------------------------------------------------


def _serve() -> None:
    _warm_up()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            os._exit(_run(json.loads(line)))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _warm_up() -> None:
    """Have modules imported and kernels compiled that children need."""
    import numpy as np

    from gallery.commands.main import run

    with tempfile.TemporaryDirectory() as folder, open(os.devnull, "w") as nowhere:
        with redirect_stdout(nowhere), redirect_stderr(nowhere):
            common = ["--key", f"{folder}/key", "--database", f"sqlite:///{folder}/db"]
            np.savez(f"{folder}/one.npz", embeddings=np.eye(2, 16), labels=np.array(["a", "b"]))
            for words in (
                ["key", "new", "--no-passphrase"],
                ["init", "--dimension", "16"],
                ["enroll", f"{folder}/one.npz"],
                ["identify", f"{folder}/one.npz", "--threshold", "1"],
            ):
                assert run([*words, *common]) == 0


def _run(request: dict[str, Any]) -> int:
    from gallery.commands import main

    os.chdir(request["folder"])
    for name in request["without"]:
        os.environ.pop(name, None)
    os.environ.update(request["environment"])
    sys.argv = ["gallery", *(os.fsdecode(bytes.fromhex(word)) for word in request["arguments"])]
    if request["user"] is not None:
        os.setgroups([])
        os.setgid(request["user"])
        os.setuid(request["user"])
    for number, wanted in enumerate(request["streams"]):
        _give(number, wanted)
    sys.stdin, sys.stdout, sys.stderr = map(_stream, range(3), "rww")
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except Exception:
        return 120  # as the interpreter does
    return code


def _give(number: int, wanted: str) -> None:
    if wanted == CLOSED:
        os.close(number)
        return
    if wanted == NO_READER:
        reader, opened = os.pipe()
        os.close(reader)
    else:
        # Two streams may go into one file.
        opened = os.open(wanted, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_APPEND)
    os.dup2(opened, number)
    os.close(opened)


def _stream(number: int, mode: str) -> Any:
    try:
        os.fstat(number)
    except OSError:
        return None
    encoding, lines = os.environ.get("PYTHONIOENCODING", "utf-8"), 1 if number == 2 else -1
    return open(number, mode, buffering=lines, encoding=encoding, closefd=False)


if __name__ == "__main__":
    _serve()
