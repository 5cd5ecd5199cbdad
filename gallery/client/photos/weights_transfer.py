"""The transfer of weights files: from a machine with internet to one without, by a folder.

The folder has the files by their names, and a list of their hashes in the form of ``sha256sum``,
which shows damage on the way. Whether a file is the right one says its known hash, or the owner of
the machine where it is used. Files are copied, and nothing in them is run or parsed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, unique
from pathlib import Path
from typing import Final

from gallery.client.atomic_file import atomic_write
from gallery.client.photos.detectors import DETECTORS, FaceDetector
from gallery.client.photos.download import DownloadError, fetch
from gallery.client.photos.face_model import FaceModel, Runtime, WeightsFile
from gallery.client.photos.inventory import weights_of
from gallery.client.photos.model_table import MODELS
from gallery.client.photos.trusted_weights import Trust, sha256_of
from gallery.client.photos.weights import (
    WeightsSource,
    make_weights_folder,
    packaged_file,
    weights_folder,
)
from gallery.client.regular_file import open_regular
from gallery.errors import WeightsError

SUMS: Final = "SHA256SUMS"
"""Name of the list of hashes in the folder."""

_CHUNK: Final = 1 << 20
_SUM: Final = re.compile(r"([0-9a-f]{64}) [ *](.+)")


@unique
class Transfer(Enum):
    """The outcome for a weights file."""

    COPIED = "copied"
    KEPT = "kept"


@dataclass(frozen=True)
class TransferredFile:
    """A weights file that is where it was to go.

    Attributes
    ----------
    name
        Path below the folder of weights.
    path
        Where it is.
    sha256
        Its hash in hex.
    done
        Whether it was copied, or was there already and right.
    """

    name: str
    path: Path
    sha256: str
    done: Transfer


def export_weights(
    parts: Iterable[FaceModel | FaceDetector],
    folder: Path,
    source: WeightsSource | None = None,
    *,
    runtime: Runtime = "onnx",
) -> tuple[TransferredFile, ...]:
    """Bring the weights files of models and detectors into a folder, to be carried elsewhere.

    They are taken from this machine, or downloaded into the folder. Files of which no hash is known
    are taken as they come: the machine that uses them asks for trust.

    Parameters
    ----------
    parts
        The models and detectors.
    folder
        The folder; it is made if it is not there. Right files in it are kept, others replaced.
    source
        Where files come from that are not on this machine.
    runtime
        DeepFace's runtime on the other machine.

    Returns
    -------
    tuple of TransferredFile
        One for each weights file.

    Raises
    ------
    WeightsError
        A file could not be fetched, is damaged, or cannot be written.
    """
    chosen = source or WeightsSource()
    make_weights_folder(folder)
    done = []
    for file in _files(parts, runtime):
        done.append(_export(file, folder, chosen))
        # After each, so that an interruption leaves a list of what is there.
        _write_sums(folder, {**_read_sums(folder), file.name: done[-1].sha256})
    return tuple(done)


def import_weights(
    folder: Path,
    parts: Iterable[FaceModel | FaceDetector] | None = None,
    source: WeightsSource | None = None,
    *,
    runtime: Runtime = "onnx",
) -> tuple[TransferredFile, ...]:
    """Copy weights files out of a folder to where DeepFace looks for them, checked.

    Files that are there already and have a hash that is known or trusted are kept.

    Parameters
    ----------
    folder
        A folder that `export_weights` filled, or one with files of the same names.
    parts
        The models and detectors whose files are wanted; None for all that the folder has.
    source
        Which files are trusted.
    runtime
        DeepFace's runtime here.

    Returns
    -------
    tuple of TransferredFile
        One for each weights file.

    Raises
    ------
    WeightsError
        The folder lacks a file, or one is damaged, not trusted, or cannot be copied.
    """
    chosen = source or WeightsSource()
    if not folder.is_dir():
        raise WeightsError(f"There is no folder {folder} to take weights from")
    sums = _read_sums(folder)
    if parts is None:
        every = _files((*MODELS.values(), *DETECTORS.values()), runtime)
        files = tuple(file for file in every if (folder / file.name).is_file())
        if not files:
            raise WeightsError(
                f"The folder {folder} has no weights file of a known model or detector for"
                f" DeepFace's runtime {runtime}"
            )
    else:
        files = _files(parts, runtime)
    return tuple(_import(file, folder, sums, chosen) for file in files)


def _files(parts: Iterable[FaceModel | FaceDetector], runtime: Runtime) -> tuple[WeightsFile, ...]:
    return tuple(dict.fromkeys(file for part in parts for file in weights_of(part, runtime)))


def _export(file: WeightsFile, folder: Path, source: WeightsSource) -> TransferredFile:
    target, own = folder / file.name, weights_folder() / file.name
    listed = _read_sums(folder).get(file.name)
    if target.is_file() and sha256_of(target) == (file.sha256 or listed):
        return TransferredFile(file.name, target, sha256_of(target), Transfer.KEPT)
    make_weights_folder(target.parent)
    if own.is_file() and source.trusted.judge(file, sha256_of(own)) is not Trust.WRONG:
        found = _copy(own, target)
    elif file.packaged:
        found = _copy(packaged_file(file), target)
    else:
        try:
            if not source.download:
                raise DownloadError("downloading was not allowed")
            fetch(file.urls, target, source.progress)
        except (DownloadError, OSError) as error:
            raise WeightsError(
                f"The weights file {file.name} could not be fetched ({error}): try again where the"
                " internet can be reached"
            ) from error
        found = sha256_of(target)
    if file.sha256 not in (None, found):
        target.unlink()
        raise WeightsError(
            f"The download of the weights file {file.name} is damaged or another version: its "
            f"SHA-256 is {found}, expected {file.sha256}. Try again"
        )
    return TransferredFile(file.name, target, found, Transfer.COPIED)


def _import(
    file: WeightsFile, folder: Path, sums: Mapping[str, str], source: WeightsSource
) -> TransferredFile:
    path, target = folder / file.name, weights_folder() / file.name
    if target.is_file():
        found = sha256_of(target)
        if source.trusted.judge(file, found) in (Trust.KNOWN, Trust.TRUSTED):
            return TransferredFile(file.name, target, found, Transfer.KEPT)
    if not path.is_file():
        raise WeightsError(f"The folder {folder} lacks the weights file {file.name}")
    make_weights_folder(target.parent)
    found = _copy(path, target, lambda sha256: _accept(file, path, sha256, sums, source))
    return TransferredFile(file.name, target, found, Transfer.COPIED)


def _accept(
    file: WeightsFile, path: Path, sha256: str, sums: Mapping[str, str], source: WeightsSource
) -> None:
    """Raise `WeightsError` unless a file in a folder is what was put there, and trusted."""
    listed = sums.get(file.name)
    if listed not in (None, sha256):
        raise WeightsError(
            f"The weights file {path} was damaged on the way: its SHA-256 is {sha256}, and {SUMS}"
            f" beside it says {listed}. Bring it again"
        )
    source.trusted.require(file, path, sha256)


def _copy(source: Path, target: Path, accept: Callable[[str], None] | None = None) -> str:
    """Copy a file, and return its SHA-256; the copy has its name only if it is accepted."""
    digest = hashlib.sha256()
    try:
        with open_regular(source) as read, atomic_write(target, overwrite=True) as out:
            while chunk := read.read(_CHUNK):
                digest.update(chunk)
                out.write(chunk)
            if accept is not None:
                accept(digest.hexdigest())
    except OSError as error:
        raise WeightsError(
            f"The weights file {source} cannot be copied to {target}:"
            f" {error.strerror or type(error).__name__}"
        ) from error
    return digest.hexdigest()


def _read_sums(folder: Path) -> dict[str, str]:
    try:
        with open_regular(folder / SUMS) as file:
            lines = file.read(_CHUNK).decode().splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise WeightsError(f"The list of hashes {folder / SUMS} cannot be read: {error}") from error
    found = [_SUM.fullmatch(line) for line in lines]
    if None in found:
        raise WeightsError(f"The list of hashes {folder / SUMS} is damaged: bring it again")
    return {match[2]: match[1] for match in found if match is not None}


def _write_sums(folder: Path, sums: Mapping[str, str]) -> None:
    try:
        with atomic_write(folder / SUMS, overwrite=True) as file:
            file.write("".join(f"{sums[name]}  {name}\n" for name in sorted(sums)).encode())
    except OSError as error:
        raise WeightsError(
            f"The list of hashes {folder / SUMS} cannot be written: {error.strerror}"
        ) from error
