"""Every command where standard streams are closed, full, unread, or of a narrow encoding."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.support.command_line import command_names
from tests.support.forked_commands import (
    CLOSED,
    NO_READER,
    Ended,
    ForkingProcess,
)

LABELS = ["Ana", "Žofia", "本田", "Eve", "Bob"]

LOST = [CLOSED, NO_READER, *(["/dev/full"] if os.path.exists("/dev/full") else [])]
"""What output can be sent to that takes none."""

ARGUMENTS: dict[str, list[str]] = {
    "key new": ["--key", "new.key", "--no-passphrase"],
    "key passphrase": ["--no-passphrase"],
    "init": ["--dimension", "4", "--gallery", "Žofia's"],
    "enroll": ["caf\udce9.npz", "--on-duplicate", "ask", "--json"],
    "sync": ["people.npz", "--json"],
    "cluster": [".", "--threshold", "1", "--json"],
    "identify": ["caf\udce9.npz", "--threshold", "1"],
    "info": [],
    "cache clear": [],
    "cache show": [],
    "list": [],
    "remove": ["Žofia", "--yes", "--json"],
    "compact": [],
    "rekey": ["--parameters", "compact", "--yes"],
    "verify": ["--json"],
    "export": ["caf\udce9.backup"],
    "import": ["made.backup", "--gallery", "本田"],
    "migrate": [],
    "desk": ["--tls-cert", "people.npz", "--tls-key", "people.npz"],
    "desk-token create": ["--name", "Žofia", "--scope", "identify"],
    "desk-token list": [],
    "desk-token revoke": ["made"],
    "models check": [],
    "models fetch": ["Facenet"],
    "models list": [],
    "serve": ["--tls-cert", "people.npz", "--tls-key", "people.npz"],
    "token create": ["--name", "Žofia", "--scope", "search"],
    "token list": [],
    "token revoke": ["made"],
    "audit": [],
    "galleries": [],
    "people": [],
    "rename": ["Žofia", "Zofia", "--yes"],
    "merge": ["Žofia", "本田", "--yes"],
    "assign": ["00" * 16, "Žofia"],
    "annotate": ["Žofia", "--attribute", "id=4711", "--json"],
    "match": ["caf\udce9.npz", "Žofia", "--threshold", "1"],
    "duplicates": ["--threshold", "1"],
    "refresh": [],
    "threshold show": [],
    "threshold set": ["0.4"],
    "threshold reset": [],
    "evaluate": ["caf\udce9.npz"],
    "calibrate": ["caf\udce9.npz"],
    "samples embeddings": ["caf\udce9", "--json"],
    "samples photos": ["people.npz"],
    "demo": ["--folder", "people.npz"],
}
"""Words by which each command does something, or comes as far as without photos."""


@pytest.fixture(scope="module")
def made(warm: ForkingProcess, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a key, a gallery, a token, a backup, and files of embeddings."""
    folder = tmp_path_factory.mktemp("made")
    embeddings = np.random.default_rng(0).normal(size=(5, 16))
    np.savez(folder / "people.npz", embeddings=embeddings, labels=np.array(LABELS))
    more = np.random.default_rng(1).normal(size=(5, 16))
    np.savez(folder / "caf\udce9.npz", embeddings=more, labels=np.array(LABELS))
    for words in (
        ["key", "new", "--no-passphrase"],
        ["init", "--dimension", "16", "--threshold", "0.3"],
        ["enroll", "people.npz"],
        ["export", "made.backup"],
        ["token", "create", "--name", "made", "--scope", "search"],
    ):
        done = warm.run(folder, words)
        assert done.code == 0, done.err
    return folder


@pytest.fixture
def fresh(made: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of that folder."""
    folder = tmp_path / "copy"
    shutil.copytree(made, folder)
    yield folder
    shutil.rmtree(folder)


def again(folder: Path, made: Path) -> Path:
    shutil.rmtree(folder)
    shutil.copytree(made, folder)
    return folder


def is_well_behaved(done: Ended) -> bool:
    return done.code not in (70, 120) and b"Traceback" not in done.err and done.code >= 0


def test_there_are_words_for_every_command() -> None:
    assert set(ARGUMENTS) == set(command_names())


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_command_does_its_work_whatever_its_streams_are(
    warm: ForkingProcess, made: Path, fresh: Path, name: str
) -> None:
    words = [*name.split(), *ARGUMENTS[name]]

    narrow = warm.run(fresh, words, stdin=CLOSED, environment={"PYTHONIOENCODING": "ascii"})
    closed = warm.run(again(fresh, made), words, stdin=CLOSED, stdout=CLOSED, stderr=CLOSED)

    assert is_well_behaved(narrow), narrow.err
    assert (narrow.out + narrow.err).decode("utf-8")
    assert closed.code == (1 if narrow.out and narrow.code == 0 else narrow.code)


@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize(
    "words", [["list", "--quiet"], ["list", "--json", "--quiet"], ["--help"], ["init", "-h"]]
)
def test_output_that_is_lost_is_told_of_in_one_line(
    warm: ForkingProcess, made: Path, lost: str, words: list[str]
) -> None:
    done = warm.run(made, words, stdout=lost)
    unheard = warm.run(made, words, stdout=lost, stderr=LOST[-1])

    assert (done.code, unheard.code) == (1, 1)
    (line,) = done.err.decode().splitlines()
    assert line.startswith("the output could not be written: ")


@pytest.mark.parametrize("lost", LOST)
def test_no_token_is_made_that_nobody_has(warm: ForkingProcess, fresh: Path, lost: str) -> None:
    words = ["token", "create", "--name", "kiosk", "--scope", "admin"]

    done = warm.run(fresh, words, stdout=lost)

    listed = warm.run(fresh, ["token", "list", "--json"])
    assert done.code == 1
    assert b"no token was made" in done.err
    assert [json.loads(line)["name"] for line in listed.out.splitlines()] == ["made"]
    assert warm.run(fresh, words).code == 0


def test_work_whose_report_is_lost_is_done(warm: ForkingProcess, fresh: Path) -> None:
    done = warm.run(fresh, ["enroll", "caf\udce9.npz", "--json"], stdout=LOST[-1])

    listed = warm.run(fresh, ["list", "--json"])
    assert done.code == 1
    assert b"its work is kept" in done.err
    assert len(listed.out.splitlines()) == 10


@pytest.mark.parametrize(
    "encoding",
    ["latin-1", "ascii", "cp1252", "utf-8", "utf-8-sig", "utf-16", "cp037", "idna", "undefined"],
)
def test_json_is_utf_8_and_tables_escape_what_they_cannot_show(
    warm: ForkingProcess, made: Path, encoding: str
) -> None:
    environment = {"PYTHONIOENCODING": encoding}
    as_json = warm.run(made, ["list", "--json"], environment=environment)
    as_csv = warm.run(made, ["list", "--csv"], environment=environment)
    table = warm.run(made, ["list"], environment=environment)

    assert [
        json.loads(line)["label"] for line in as_json.out.decode("utf-8").splitlines()
    ] == LABELS
    assert as_csv.out.decode("utf-8").startswith("label,")
    # What is none for a stream is UTF-8, and no signature comes first.
    used = {"utf-8-sig": "utf-8", "idna": "utf-8", "undefined": "utf-8"}.get(encoding, encoding)
    shown = table.out.decode(used)
    assert shown.startswith("label")
    assert ("本田" if used.startswith("utf") else r"\u672c\u7530") in shown


def test_names_that_are_not_utf_8_are_escaped(warm: ForkingProcess, fresh: Path) -> None:
    words = ["identify", "caf\udce9.npz", "--threshold", "1", "--output", "caf\udce9.jsonl"]

    written = warm.run(fresh, words)
    missing = warm.run(fresh, ["identify", "no-caf\udce9.npz", "--threshold", "1"])

    assert (written.code, missing.code) == (0, 2)
    assert rb"written to caf\xe9.jsonl" in written.err
    assert os.path.exists(fresh / "caf\udce9.jsonl")


SIGNALLED = """
import os, signal, sys, time
from gallery.commands.streams import open_streams
from gallery.commands.terminal import print_json

def interrupt(*_):
    raise KeyboardInterrupt

twice = 0
for _ in range(100):
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        os.dup2(theirs, 1)
        os.close(ours)
        os.close(theirs)
        open_streams()
        signal.signal(signal.SIGTERM, interrupt)
        try:
            print_json({"n": 1})
            while True:  # a signal that comes right before a pause would not end it
                time.sleep(0.001)
        except KeyboardInterrupt:
            sys.stdout.flush()
        os._exit(0)
    os.close(theirs)
    with open(ours, "rb", buffering=0) as file:
        first = file.read(100)
        os.kill(child, signal.SIGTERM)
        twice += file.read(100) != b""
    os.waitpid(child, 0)
print(first, twice)
"""


def test_what_is_printed_when_a_signal_comes_is_printed_once() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SIGNALLED], capture_output=True, text=True, check=True
    )

    assert done.stdout == """b'{"n": 1}\\n' 0\n"""
