"""Sample photos to try the search with, from two packages of a package registry.

They come out of two Python packages and are never copied into this project's repository or wheel:

- `face_recognition` 1.3.0 (MIT, Adam Geitgey), ``tests/test_images/``: photos named after Barack
  Obama and Joe Biden. As far as known, portraits and press photos of the US government, whose works
  are in the public domain in the United States; the package itself says nothing about who took them
  or on what terms.
- `insightface` 2.1 (MIT for its code), ``data/images/``: a small photo named after Tom Hanks, a
  group photo of six people, a person with a mask. The package names neither photographers nor terms
  for them, so take them as all rights reserved: for trying out and testing, not for publication.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gallery.client.atomic_file import atomic_write
from gallery.client.photos.deepface_runtime import require_modules
from gallery.client.photos.folders import LabelledPhoto, find_photos
from gallery.client.progress import Progress
from gallery.demo.sample_files import PACKAGES, SAMPLE_FILES, SampleFile, SamplePackage
from gallery.errors import SourceError
from gallery.home_folder import require_home_folder

_FETCHER: Final = Path(__file__).with_name("archive_fetcher.py")
_PIP_SECONDS: Final = 300
_PIP_VARIABLES: Final = frozenset(
    {
        "ALL_PROXY",
        "APPDATA",
        "CURL_CA_BUNDLE",
        "HOME",
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "LANG",
        "LD_LIBRARY_PATH",
        "LOCALAPPDATA",
        "NETRC",
        "NO_PROXY",
        "PATH",
        "REQUESTS_CA_BUNDLE",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "SYSTEMROOT",
        "TEMP",
        "TMP",
        "TMPDIR",
        "USERPROFILE",
    }
)
_PIP_PREFIXES: Final = ("PIP_", "LC_", "XDG_")
_LARGEST_MEMBER: Final = 4 * 1024**2


@dataclass(frozen=True)
class Samples:
    """The samples folder.

    Attributes
    ----------
    root
        The folder itself, with the sub-folders below and ``formats``.
    """

    root: Path

    @property
    def enroll(self) -> Path:
        """Photos to enroll, one folder per person: ``obama`` (two) and ``biden`` (one)."""
        return self.root / "enroll"

    @property
    def mated(self) -> tuple[LabelledPhoto, ...]:
        """Other photos of enrolled people, with the label to be found."""
        return tuple(photo for photo in self._probes() if photo.label != "strangers")

    @property
    def strangers(self) -> tuple[Path, ...]:
        """Photos of people who are not enrolled: they must not match."""
        return tuple(photo.path for photo in self._probes() if photo.label == "strangers")

    @property
    def several_faces(self) -> Path:
        """A group photo, which cannot be enrolled or searched with."""
        return self.root / "failures" / "several_faces.jpg"

    @property
    def no_face(self) -> Path:
        """A photo in which the detector dlib finds no face, because of a mask."""
        return self.root / "failures" / "no_face.jpg"

    @property
    def png_32bit(self) -> Path:
        """``obama2.jpg`` of `enroll` once more, with 32 bits a pixel."""
        return self.root / "formats" / "obama2_32bit.png"

    def _probes(self) -> Sequence[LabelledPhoto]:
        return find_photos(self.root / "probes")


def default_cache_dir() -> Path:
    """Return the user's cache folder for samples, as the operating system has it.

    Raises
    ------
    MachineError
        If there is none.
    """
    require_modules(("platformdirs",), "The samples' cache folder")
    import platformdirs

    if not os.environ.get("XDG_CACHE_HOME"):
        require_home_folder("the folder of the sample photos", "XDG_CACHE_HOME")
    return platformdirs.user_cache_path("encrypted-face-gallery") / "samples"


def fetch_samples(
    folder: str | os.PathLike[str] | None = None,
    *,
    repair: bool = True,
    progress: Progress | None = None,
) -> Samples:
    """Have the sample photos in a folder, downloading them where they are not there yet.

    Two archives of together 4.4 MB are fetched by their hashes, as files, from whatever registry
    pip is set up for; nothing in them is run, and pip is given no variable of the environment that
    it does not need. Only the listed photos are taken out, each checked by its hash. After an
    interruption only what is lacking is fetched.

    Parameters
    ----------
    folder
        The folder to hold the samples; None for `default_cache_dir`.
    repair
        Whether a file of a sample's name that holds anything else is replaced, as in a cache. If
        not, it is refused before anything is fetched.
    progress
        Called with the number of photos that were just found or fetched.

    Raises
    ------
    SourceError
        The packages cannot be downloaded, are not the pinned ones, the folder cannot be written, or
        it holds another file where a sample is to be.
    """
    root = (Path(folder) if folder is not None else default_cache_dir()).absolute()
    lacking = [file for file in SAMPLE_FILES if not _good(root / file.target, file.sha256)]
    if not repair:
        _refuse_others(root, lacking)
    advance = progress or (lambda done: None)
    advance(len(SAMPLE_FILES) - len(lacking))
    if lacking:
        try:
            root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=root, prefix=".download-") as aside:
                for package in PACKAGES:
                    _fetch(package, lacking, root, Path(aside), advance)
        except (OSError, tarfile.TarError, zipfile.BadZipFile, KeyError) as error:
            raise SourceError(f"The sample photos cannot be put into {root}: {error}") from error
    return Samples(root)


def _refuse_others(root: Path, lacking: Sequence[SampleFile]) -> None:
    for path in (root / file.target for file in lacking):
        if os.path.lexists(path):
            raise SourceError(
                f"there is {path} already, and it is not the sample photo; it is left as it is"
            )


def _fetch(
    package: SamplePackage,
    lacking: Sequence[SampleFile],
    root: Path,
    aside: Path,
    progress: Progress,
) -> None:
    """Download one package, if any of its photos is lacking, and put those into the folder."""
    wanted = [file for file in lacking if file.archive == package.archive]
    if not wanted:
        return
    _pip_fetch(package, aside)
    for file in wanted:
        extract(file, aside, root)
        progress(1)


def _pip_fetch(package: SamplePackage, folder: Path) -> None:
    """Have pip fetch the archive as a file, in a process of its own that is given no secret."""
    target = folder / package.archive
    command = [sys.executable, "-P", str(_FETCHER), "--quiet", "--disable-pip-version-check"]
    command += ["--no-input", "--retries", "1", "--timeout", "15", "--"]
    command += [package.project, package.archive, package.sha256, str(target)]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=_PIP_SECONDS,
            check=False,
            cwd=folder,
            env=_pip_environment(),
        )
    except subprocess.TimeoutExpired:
        reason = f"pip did not finish within {_PIP_SECONDS} seconds"
    else:
        if done.returncode == 0 and _good(target, package.sha256):
            return
        reason = _last_error(done.stderr)
    raise SourceError(
        f"Sample photos come in the package {package.name}, which pip could not download: {reason}."
        " Try again where a package registry can be reached; the photos that are there are kept."
    )


def _pip_environment() -> dict[str, str]:
    """Return the variables that pip needs: any other may hold a secret."""
    return {
        name: value
        for name, value in os.environ.items()
        if name.upper() in _PIP_VARIABLES or name.upper().startswith(_PIP_PREFIXES)
    }


def _last_error(text: str) -> str:
    if "No module named 'pip'" in text:
        return "pip is not installed in this environment (python -m ensurepip installs it)"
    if "Traceback" in text:
        return f"this version of pip is not known here ({text.strip().splitlines()[-1][:200]})"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    return (errors or lines or ["no reason given"])[-1].removeprefix("ERROR: ")[:300].rstrip(".")


def extract(file: SampleFile, archives: Path, root: Path) -> None:
    """Write a photo out of its archive (`SourceError` if it is not the one that is expected)."""
    data = _member(archives / file.archive, file.member)
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise SourceError(f"{file.member} in {file.archive} is not the photo that it should be")
    target = root / file.target
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(target, overwrite=True) as photo:
        photo.write(data)


def _member(archive: Path, name: str) -> bytes:
    """Read one named member into memory: no path of an archive ever reaches the file system."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel, wheel.open(name) as member:
            return member.read(_LARGEST_MEMBER)
    with tarfile.open(archive, "r:gz") as sdist:
        stream = sdist.extractfile(name)
        if stream is None:
            raise SourceError(f"{name} in {archive.name} is not a file")
        with stream:
            return stream.read(_LARGEST_MEMBER)


def _good(path: Path, sha256: str) -> bool:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    except OSError:
        return False
