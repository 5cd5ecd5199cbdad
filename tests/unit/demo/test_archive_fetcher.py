"""The fetch of an archive: pip finds it, it is the right one, and nothing in it runs."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from gallery.demo import archive_fetcher

ARCHIVE = "harmful-1.0.tar.gz"


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """A folder that pip takes for an index, with an sdist whose set-up code leaves a trace."""
    folder = tmp_path / "index"
    folder.mkdir()
    code = (
        f"open({str(tmp_path / 'has run')!r}, 'w').close()\nfrom setuptools import setup\nsetup()"
    )
    with tarfile.open(folder / ARCHIVE, "w:gz") as archive:
        for name, content in {
            "setup.py": code,
            "PKG-INFO": "Name: harmful\nVersion: 1.0\n",
        }.items():
            member = tarfile.TarInfo(f"harmful-1.0/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content.encode()))
    return folder


def fetch(index: Path, archive: str, sha256: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", archive_fetcher.__file__, "--quiet", "--no-index"]
    command += ["--disable-pip-version-check", "--find-links", str(index), "--"]
    command += ["harmful", archive, sha256, str(index.parent / "fetched")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_an_sdist_is_fetched_as_a_file_and_not_run(index: Path, tmp_path: Path) -> None:
    wanted = (index / ARCHIVE).read_bytes()

    done = fetch(index, ARCHIVE, hashlib.sha256(wanted).hexdigest())

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "fetched").read_bytes() == wanted
    assert not (tmp_path / "has run").exists()


def test_another_file_of_this_name_is_refused(index: Path, tmp_path: Path) -> None:
    done = fetch(index, ARCHIVE, "0" * 64)

    assert (done.returncode, "another file" in done.stderr) == (1, True)
    assert not (tmp_path / "fetched").exists()


def test_a_file_that_no_index_has_is_said(index: Path) -> None:
    done = fetch(index, "harmful-2.0.tar.gz", "0" * 64)

    assert (done.returncode, "none of the indexes has it" in done.stderr) == (1, True)
