"""The key file on disk: all of the owner's secrets, sealed with a passphrase."""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path

from gallery.client.atomic_file import atomic_write
from gallery.client.keys.keyfile_format import (
    Argon2Parameters,
    corrupted,
    decode_key,
    encode_key,
    needs_passphrase,
)
from gallery.client.keys.passphrase import Passphrase, check_strength, resolve_passphrase
from gallery.client.keys.secrets import GalleryKey
from gallery.client.regular_file import refuse_special
from gallery.errors import (
    KeyFileError,
    KeyFileExistsError,
    KeyFileNotFoundError,
    KeyFilePermissionsError,
)
from gallery.hints import Hint

MAX_FILE_SIZE = 16 * 1024 * 1024


def write_key_file(
    path: str | os.PathLike[str],
    key: GalleryKey,
    passphrase: str | None,
    hardness: Argon2Parameters | None = None,
    *,
    allow_weak: bool = False,
) -> None:
    """Write a key into a new file that only its owner can read.

    Parameters
    ----------
    path
        The file, which must not exist; its folder is created.
    key
        The key.
    passphrase
        The passphrase to seal it with; None leaves the key to anybody who can read the file.
    hardness
        Cost of one try of a passphrase.
    allow_weak
        Whether a passphrase of one character is taken.

    Raises
    ------
    KeyFileExistsError
        If there is such a file already. A key file is never overwritten: galleries made with a lost
        key are lost.
    PassphraseRequiredError
        If the passphrase is of one character, also repeated.
    KeyFilePermissionsError
        If the file system keeps no modes and lets others read the file; none is written then.
    KeyFileError
        If the file cannot be written.
    """
    if passphrase is not None and not allow_weak:
        check_strength(passphrase)
    path = Path(path)
    if os.path.lexists(path):
        raise _exists(path)
    data = encode_key(key, passphrase, hardness or Argon2Parameters())
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise KeyFileError(
            f"cannot make the folder {path.parent} for the key file: {error.strerror}",
            hint=Hint.OTHER_KEY_FILE,
        ) from error
    try:
        with atomic_write(path) as file:
            _check_privacy(path, os.fstat(file.fileno()))
            file.write(data)
    except FileExistsError as error:
        raise _exists(path) from error
    except OSError as error:
        raise KeyFileError(f"cannot write the key file {path}: {error.strerror}") from error


def read_key_file(path: str | os.PathLike[str], passphrase: Passphrase = None) -> GalleryKey:
    """Open a key file.

    Parameters
    ----------
    path
        The file.
    passphrase
        The passphrase that it is sealed with, or a function that returns it, such as a prompt; the
        function is called only if the file is sealed. An unprotected file needs none.

    Returns
    -------
    GalleryKey
        The key.

    Raises
    ------
    KeyFileNotFoundError, KeyFilePermissionsError, KeyFileCorruptedError
        If the file is not there, can be read by others, or is damaged.
    PassphraseRequiredError, WrongPassphraseError
        If the passphrase is missing or does not open the file.
    """
    return decode_key(_read(Path(path)), passphrase, str(path))


def change_passphrase(
    path: str | os.PathLike[str],
    old: Passphrase,
    new: Passphrase,
    hardness: Argon2Parameters | None = None,
    *,
    allow_weak: bool = False,
) -> None:
    """Seal a key file with another passphrase; the key in it stays the same.

    The file changes in one step: whatever happens, it is the old or the new one. Copies of the old
    file still open with the old passphrase.

    Parameters
    ----------
    path
        The file.
    old
        The present passphrase, as for `read_key_file`.
    new
        The new passphrase, or a function that returns it, which is called when the file is
        open; None leaves it unprotected: whoever reads the file has the key.
    hardness
        Cost of one try of the new passphrase.
    allow_weak
        Whether a new passphrase of one character is taken.

    Raises
    ------
    PassphraseRequiredError
        If the new passphrase is of one character, also repeated.
    KeyFileError
        What `read_key_file` raises, or if the file cannot be written or changed meanwhile.
    """
    path = Path(path)
    former = _read(path)
    key, chosen = decode_key(former, old, str(path)), resolve_passphrase(new)
    if chosen is not None and not allow_weak:
        check_strength(chosen)
    data = encode_key(key, chosen, hardness or Argon2Parameters())
    if decode_key(data, chosen, str(path)).reveal() != key.reveal():
        raise KeyFileError(f"the new content of {path} would not open; nothing was changed")
    # Somebody may have taken long to choose, and another key in this file would be lost.
    if _read(path) != former:
        raise KeyFileError(f"the key file {path} changed meanwhile; nothing was changed")
    try:
        # A link to the file is followed: else the old file would stay where it points to.
        with atomic_write(path.resolve(strict=True), overwrite=True) as file:
            file.write(data)
    except OSError as error:
        raise KeyFileError(f"cannot write the key file {path}: {error.strerror}") from error


def is_protected(path: str | os.PathLike[str]) -> bool:
    """Tell whether a key file is sealed with a passphrase; raises what `read_key_file` raises.

    Parameters
    ----------
    path
        The key file.

    Returns
    -------
    bool
        Whether it takes a passphrase to open it.
    """
    return needs_passphrase(_read(Path(path)), str(path))


def _read(path: Path) -> bytes:
    try:
        # A pipe may be a key file, as shells make them of what a program prints.
        if not stat.S_ISFIFO((found := os.stat(path)).st_mode):
            refuse_special(path, found.st_mode)
        with path.open("rb") as file:
            _check_permissions(path, os.fstat(file.fileno()))
            data = file.read(MAX_FILE_SIZE + 1)
    except FileNotFoundError as error:
        raise KeyFileNotFoundError(
            f"there is no key file at {path}", hint=Hint.MAKE_KEY_FILE
        ) from error
    except OSError as error:
        raise KeyFileError(f"cannot read the key file {path}: {error.strerror}") from error
    if len(data) > MAX_FILE_SIZE:
        raise corrupted(str(path), "it is far too large for a key file")
    return data


def _check_privacy(path: Path, status: os.stat_result) -> None:
    """Check that a new file, made for its owner alone, is that."""
    if os.name == "posix" and stat.S_IMODE(status.st_mode) & 0o077:
        raise KeyFilePermissionsError(
            f"other users could access a key file in {path.parent}: its file system keeps no "
            "modes, as on most USB sticks; have it mounted with umask=077, or make the key file "
            "elsewhere",
            hint=Hint.OTHER_KEY_FILE,
        )


def _check_permissions(path: Path, status: os.stat_result) -> None:
    mode = stat.S_IMODE(status.st_mode)
    if os.name == "posix" and mode & 0o077:
        raise KeyFilePermissionsError(
            f"other users can access the key file {path} (mode {mode:04o}); "
            f"{_closing(path, status)}"
        )


def _closing(path: Path, status: os.stat_result) -> str:
    """Return advice on shutting others out from a key file, in this place."""
    aside = f"or copy it to a folder of yours: install -m 600 {shlex.quote(str(path))} COPY"
    # os.ST_RDONLY is not there on every system that has modes.
    if os.statvfs(path).f_flag & getattr(os, "ST_RDONLY", 1):
        return (
            f"it is on a read-only file system: have it mounted with mode 0400, as secrets of "
            f"containers can be, {aside}"
        )
    if status.st_uid != os.geteuid():
        return f"it belongs to another user: have it made yours, {aside}"
    return (
        f"close it with: chmod 600 {shlex.quote(str(path))}; if that changes nothing, its file "
        f"system keeps no modes, as on most USB sticks: have it mounted with umask=077, {aside}"
    )


def _exists(path: Path) -> KeyFileExistsError:
    return KeyFileExistsError(
        f"there is a key file at {path} already; it is not overwritten, "
        "since galleries made with it could never be opened again",
        hint=Hint.OTHER_KEY_FILE,
    )
