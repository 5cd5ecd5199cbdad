"""``gallery desk`` and ``desk-token`` where something is wrong: one line says what."""

from __future__ import annotations

import pwd
import shutil
import socket
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from gallery.errors import (
    DatabaseError,
    GalleryNotFoundError,
    KeyFileNotFoundError,
    KeyMismatchError,
    MachineError,
    ServeError,
    WrongPassphraseError,
)
from tests.support.certificates import make_certificate
from tests.support.forked_commands import CLOSED, ForkingProcess
from tests.unit.commands.conftest import Command

LOCALHOST = "127.0.0.1"
FULL = "/dev/full"


@pytest.fixture(scope="module")
def made(warm: ForkingProcess, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a key that has a passphrase, another without, a gallery, and a certificate."""
    folder = tmp_path_factory.mktemp("made")
    np.save(folder / "none.npy", np.eye(4))
    (folder / "right").write_text("correct horse")
    (folder / "wrong").write_text("battery staple")
    for words in (
        ["key", "new", "--passphrase-file", "right"],
        ["key", "new", "--key", "open.key", "--no-passphrase"],
        ["init", "--dimension", "8", "--threshold", "0.3", "--passphrase-file", "right"],
    ):
        done = warm.run(folder, words)
        assert done.code == 0, done.err
    make_certificate(folder)
    return folder


def refused(warm: ForkingProcess, folder: Path, *words: str) -> tuple[int, str]:
    """Run a desk that cannot start; return its exit code and the one line that it says."""
    done = warm.run(folder, ["desk", "--port", "0", *words])
    assert done.out == b""
    (line,) = done.err.decode().splitlines()
    return done.code, line


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--gallery", "nowhere"], GalleryNotFoundError.exit_code, "no gallery named 'nowhere'"),
        (["--also", "nowhere"], GalleryNotFoundError.exit_code, "no gallery named 'nowhere'"),
        (["--key", "no.key"], KeyFileNotFoundError.exit_code, "no key file at no.key"),
        (["--key", "open.key"], KeyMismatchError.exit_code, "was made with another key"),
        (["--passphrase-file", "wrong"], WrongPassphraseError.exit_code, "does not open owner.key"),
        (["--database", "sqlite:///no.db"], DatabaseError.exit_code, "no database at no.db"),
        (["--tls-cert", "none.npy", "--tls-key", "none.npy"], ServeError.exit_code, "PEM files"),
        (["--tls-cert", "cert.pem", "--tls-key", "none.npy"], ServeError.exit_code, "PEM files"),
        (["--host", "192.0.2.1", "--tls-cert", "cert.pem", "--tls-key", "key.pem"],
         ServeError.exit_code, "cannot listen on 192.0.2.1"),
    ],
)  # fmt: skip
def test_what_keeps_a_desk_from_starting_is_said_in_one_line(
    warm: ForkingProcess, made: Path, words: list[str], code: int, said: str
) -> None:
    ended, line = refused(warm, made, *words)

    assert (ended, said in line) == (code, True), line
    assert line.startswith("error: ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--host", "0.0.0.0"], "can be reached by other machines"),
        (["--tls-cert", "cert.pem"], "belong together"),
        (["--idle-lock", "0m"], "give a time like"),
        (["--idle-lock", "soon"], "give a time like"),
        (["--identify-rate", "often"], "give a number and a time"),
        (["--name", "https://desk.example.org"], "without scheme, port and path"),
        (["--name", "desk.example.org:8480"], "without scheme, port and path"),
        (["--name", "the desk"], "is not the name of a machine"),
    ],
)
def test_words_that_make_no_sense_are_refused(
    warm: ForkingProcess, made: Path, words: list[str], said: str
) -> None:
    done = warm.run(made, ["desk", *words])

    assert done.code == 2
    assert said in done.err.decode()


def test_a_port_that_is_taken_is_said(warm: ForkingProcess, made: Path) -> None:
    with closing(socket.create_server((LOCALHOST, 0))) as other:
        port = str(other.getsockname()[1])
        code, line = refused(warm, made, "--port", port)

    assert code == ServeError.exit_code
    assert f"cannot listen on {LOCALHOST} port {port}: Address already in use" in line


def test_a_certificate_that_no_browser_takes_is_said(
    warm: ForkingProcess, made: Path, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    for name, start, said in (
        ("old", now - timedelta(days=9), "expired on"),
        ("early", now + timedelta(days=9), "is valid from"),
    ):
        folder = tmp_path / name
        folder.mkdir()
        files = make_certificate(folder, start=start)
        words = ["--tls-cert", str(files.certificate), "--tls-key", str(files.key)]
        code, line = refused(warm, made, *words)
        assert (code, said in line) == (ServeError.exit_code, True), line


def test_a_certificates_key_with_a_passphrase_is_said_and_not_waited_for(
    warm: ForkingProcess, made: Path, tmp_path: Path
) -> None:
    files = make_certificate(tmp_path, passphrase=b"secret")

    code, line = refused(
        warm, made, "--tls-cert", str(files.certificate), "--tls-key", str(files.key)
    )

    assert (code, "sealed with a passphrase" in line) == (ServeError.exit_code, True)


@pytest.mark.parametrize("lost", [CLOSED, FULL])
def test_a_desk_whose_address_nobody_sees_does_not_start(
    warm: ForkingProcess, made: Path, lost: str
) -> None:
    done = warm.run(made, ["desk", "--port", "0"], stdout=lost)
    unheard = warm.run(made, ["desk", "--port", "0"], stdin=CLOSED, stdout=lost, stderr=CLOSED)

    assert (done.code, unheard.code) == (1, 1)
    assert done.err.decode().startswith("the output could not be written: ")
    assert done.err.decode().endswith("the desk was not started\n")


def test_a_desk_that_is_unlocked_at_its_start_says_there_what_is_wrong_with_a_gallery(
    warm: ForkingProcess, made: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(made, folder)
    words = ["--passphrase-file", "right"]
    shutil.copy(folder / "gallery.db", folder / "yesterday.db")
    np.save(folder / "ada.npy", np.eye(8)[0])
    enrolled = warm.run(folder, ["enroll", "ada.npy", "--label", "Ada", *words])
    assert enrolled.code == 0, enrolled.err
    shutil.copy(folder / "yesterday.db", folder / "gallery.db")

    done = warm.run(folder, ["desk", "--port", "0", *words], stdout=CLOSED)

    assert "warning: do not rely on the gallery default: " in done.err.decode()
    assert "an older state was put back" in done.err.decode()


@pytest.mark.parametrize(
    "words",
    [
        ["desk"],
        ["desk-token", "list"],
        ["desk-token", "create", "--name", "door", "--scope", "identify"],
    ],
)
def test_an_unknown_user_without_a_home_is_told_to_name_the_key(
    command: Command, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    def unknown(number: int) -> object:
        raise KeyError(f"getpwuid(): uid not found: {number}")

    for name in ("HOME", "GALLERY_KEY", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)

    done = command(*words)

    assert done.code == MachineError.exit_code
    (line,) = done.err.splitlines()
    assert "GALLERY_KEY" in line
