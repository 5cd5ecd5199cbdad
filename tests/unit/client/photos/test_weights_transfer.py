"""Weights carried to a machine without internet: whole, checked, and never over what is right."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from gallery.client import (
    Transfer,
    TrustedWeights,
    WeightsSource,
    export_weights,
    find_part,
    import_weights,
    take_inventory,
)
from gallery.errors import WeightsError

FACENET, DLIB = find_part("Facenet"), find_part("Dlib")
FILE, DLIB_FILE = "facenet_weights.onnx", "dlib_face_recognition_resnet_model_v1.dat"
WEIGHTS = bytes(range(256)) * 20_000
OFFLINE = WeightsSource(download=False)


class Machine:
    """A machine with its own folder of weights and its own record of trust."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.weights = home / ".deepface" / "weights"
        self.weights.mkdir(parents=True, exist_ok=True)
        self.source = WeightsSource(TrustedWeights(home / "trusted.json"), download=False)
        self.trusting = WeightsSource(
            TrustedWeights(home / "trusted.json", accept=True), download=False
        )
        monkeypatch.setenv("DEEPFACE_HOME", str(home))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the weights of Facenet (in name only) and of Dlib, from another machine."""
    there = Machine(tmp_path / "there", monkeypatch)
    (there.weights / FILE).write_bytes(WEIGHTS)
    export_weights([FACENET, DLIB], tmp_path / "stick", there.source)
    return tmp_path / "stick"


@pytest.fixture
def here(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path / "here", monkeypatch)


def test_the_folder_lists_hashes_as_sha256sum_does(folder: Path) -> None:
    lines = (folder / "SHA256SUMS").read_text().splitlines()

    assert sorted(path.name for path in folder.iterdir()) == ["SHA256SUMS", DLIB_FILE, FILE]
    assert f"{hashlib.sha256(WEIGHTS).hexdigest()}  {FILE}" in lines
    assert not (folder / DLIB_FILE).is_symlink()


def test_all_of_it_comes_across_once_it_is_trusted(folder: Path, here: Machine) -> None:
    with pytest.raises(WeightsError, match="No hash is known"):
        import_weights(folder, None, here.source)
    assert not (here.weights / FILE).exists()

    done = import_weights(folder, None, here.trusting)

    assert {item.name for item in done} == {FILE, DLIB_FILE}
    assert {item.done for item in done} == {Transfer.COPIED}
    assert (here.weights / FILE).read_bytes() == WEIGHTS
    reports = take_inventory(["Facenet", "Dlib"], trusted=here.source.trusted)
    assert [report.works for report in reports] == [True, True]


def test_what_is_here_and_right_is_kept(folder: Path, here: Machine) -> None:
    import_weights(folder, [FACENET], here.trusting)
    before = (here.weights / FILE).stat()
    (folder / FILE).write_bytes(b"changed since")

    (done,) = import_weights(folder, [FACENET], here.source)

    assert done.done is Transfer.KEPT
    assert (here.weights / FILE).stat() == before


def test_what_is_here_and_wrong_is_replaced(folder: Path, here: Machine) -> None:
    (here.weights / DLIB_FILE).write_bytes(b"half of")

    (done,) = import_weights(folder, [DLIB], here.source)

    assert done.done is Transfer.COPIED
    assert (here.weights / DLIB_FILE).read_bytes() == (folder / DLIB_FILE).read_bytes()


@pytest.mark.parametrize("length", [0, 100])
def test_a_file_that_was_damaged_on_the_way_is_refused(
    length: int, folder: Path, here: Machine
) -> None:
    (folder / FILE).write_bytes(WEIGHTS[:length])
    with pytest.raises(WeightsError, match="damaged on the way"):
        import_weights(folder, [FACENET], here.trusting)
    assert list(here.weights.iterdir()) == []


def test_a_file_of_a_known_hash_needs_no_list(folder: Path, here: Machine) -> None:
    (folder / "SHA256SUMS").unlink()
    import_weights(folder, [DLIB], here.source)
    with (folder / DLIB_FILE).open("r+b") as file:
        file.write(b"other")
    (here.weights / DLIB_FILE).unlink()
    with pytest.raises(WeightsError, match="damaged or another version"):
        import_weights(folder, [DLIB], here.trusting)


def test_another_file_than_the_trusted_one_is_refused(folder: Path, here: Machine) -> None:
    import_weights(folder, [FACENET], here.trusting)
    (here.weights / FILE).unlink()
    (folder / FILE).write_bytes(b"another")
    (folder / "SHA256SUMS").unlink()
    with pytest.raises(WeightsError, match="not the one that was trusted"):
        import_weights(folder, [FACENET], here.trusting)


def test_what_a_folder_lacks_is_named(folder: Path, here: Machine, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"lacks the weights file retinaface\.onnx"):
        import_weights(folder, [find_part("retinaface")], here.source)
    (tmp_path / "empty").mkdir()
    with pytest.raises(WeightsError, match="no weights file of a known model"):
        import_weights(tmp_path / "empty", None, here.source)
    with pytest.raises(WeightsError, match="There is no folder"):
        import_weights(tmp_path / "nowhere", None, here.source)
    (folder / "SHA256SUMS").write_bytes(b"\xff\xfe")
    with pytest.raises(WeightsError, match="cannot be read"):
        import_weights(folder, None, here.source)
    (folder / "SHA256SUMS").write_text("0123 file\n")
    with pytest.raises(WeightsError, match="is damaged"):
        import_weights(folder, None, here.source)


def test_a_second_export_keeps_what_is_right_and_adds_to_the_list(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Machine(tmp_path / "there", monkeypatch)
    (folder / DLIB_FILE).write_bytes(b"damaged")

    with pytest.raises(WeightsError, match=r"/dev/null/x, .*cannot be made \(Not a directory\)$"):
        export_weights([DLIB], Path("/dev/null/x"), OFFLINE)
    done = export_weights([FACENET, DLIB, find_part("dlib")], folder, OFFLINE)

    assert [item.done for item in done] == [Transfer.KEPT, Transfer.COPIED, Transfer.COPIED]
    assert len((folder / "SHA256SUMS").read_text().splitlines()) == 3


def test_without_internet_an_export_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(tmp_path / "machine", monkeypatch)
    with pytest.raises(WeightsError, match="could not be fetched"):
        export_weights([FACENET], tmp_path / "stick", machine.source)
    assert list((tmp_path / "stick").iterdir()) == []
