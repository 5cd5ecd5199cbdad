"""Compiled code: where it is kept, when it is made anew, and what is said where it cannot be."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gallery.compilation.code_folder import CodeFolder
from gallery.errors import MachineError
from tests.support.small_disks import fill, mounted_disk
from tests.unit.compilation.conftest import Loading

DOUBLE = """
@kept
def double(number: int) -> int:
    return 2 * number
"""


@pytest.fixture(params=["relative", "a file", "empty"])
def bad_home(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A working folder, and a home folder that is none."""
    work = tmp_path / "work"
    work.mkdir()
    (tmp_path / "file").touch()
    homes = {"relative": "~", "a file": str(tmp_path / "file" / "home"), "empty": ""}
    monkeypatch.setenv("HOME", homes[request.param])
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.chdir(work)
    return work


def kept_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.code"))


def test_the_variable_is_named_where_no_folder_can_be_used(load: Loading, bad_home: Path) -> None:
    with pytest.raises(MachineError, match="NUMBA_CACHE_DIR"):
        load(DOUBLE).double(21)

    assert os.listdir(bad_home) == []


def test_a_folder_that_is_named_is_used(
    load: Loading, bad_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "code"))

    assert load(DOUBLE).double(21) == 42

    assert len(kept_files(tmp_path / "code")) == 1
    assert os.listdir(bad_home) == []


def test_a_folder_that_is_named_and_cannot_be_used_is_named_again(
    load: Loading, installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(installed / "__pycache__" / "code"))

    with pytest.raises(MachineError, match=r"__pycache__.*, which NUMBA_CACHE_DIR names"):
        load(DOUBLE).double(21)


def test_code_lies_beside_its_source_where_it_can(
    load: Loading, installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    (installed / "__pycache__").unlink()

    assert load(DOUBLE).double(21) == 42

    assert len(kept_files(installed / "__pycache__")) == 1


def test_a_folder_that_became_read_only_is_read(
    load: Loading, code_folder: Path, bad_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(code_folder))
    load(DOUBLE).double(1)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    monkeypatch.setattr("tempfile.mkstemp", refuse)
    assert load(DOUBLE).double(21) == 42


@pytest.mark.parametrize("damage", ["cut off", "one byte", "empty"])
def test_damaged_code_is_made_anew(load: Loading, code_folder: Path, damage: str) -> None:
    load(DOUBLE).double(1)
    (file,) = kept_files(code_folder)
    whole = file.read_bytes()
    changed = bytes([*whole[:-1], whole[-1] ^ 1])
    damaged = {"cut off": whole[:-100], "one byte": changed, "empty": b""}[damage]
    file.write_bytes(damaged)

    assert load(DOUBLE).double(21) == 42

    assert file.read_bytes() != damaged


def test_code_of_an_earlier_source_is_not_taken(load: Loading, code_folder: Path) -> None:
    assert load(DOUBLE).double(21) == 42

    # Of the same length: what is compared is not the size.
    assert load(DOUBLE.replace("2 * number", "3 * number")).double(21) == 63

    assert len(kept_files(code_folder)) == 1


@pytest.mark.skipif(os.name != "posix", reason="rights of files are those of POSIX")
@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_a_folder_that_others_can_write_to_is_refused(
    load: Loading, code_folder: Path, mode: int
) -> None:
    load(DOUBLE).double(1)
    (file,) = kept_files(code_folder)
    file.parent.chmod(mode)

    with pytest.raises(MachineError, match=r"other users .* set NUMBA_CACHE_DIR"):
        load(DOUBLE).double(21)


@pytest.mark.skipif(os.name != "posix", reason="rights of files are those of POSIX")
def test_a_folder_within_one_of_everybody_is_for_its_user_alone(
    load: Loading, code_folder: Path
) -> None:
    code_folder.mkdir()
    code_folder.chmod(0o1777)

    assert load(DOUBLE).double(21) == 42

    (file,) = kept_files(code_folder)
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.name != "posix", reason="rights of files are those of POSIX")
def test_a_link_in_the_place_of_the_folder_is_refused(
    load: Loading, code_folder: Path, tmp_path: Path
) -> None:
    load(DOUBLE).double(1)
    (file,) = kept_files(code_folder)
    file.parent.rename(tmp_path / "elsewhere")
    file.parent.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(MachineError, match="other users"):
        load(DOUBLE).double(21)


@pytest.mark.skipif(os.name != "posix", reason="rights of files are those of POSIX")
def test_a_file_that_others_can_write_to_is_made_anew(load: Loading, code_folder: Path) -> None:
    load(DOUBLE).double(1)
    (file,) = kept_files(code_folder)
    file.chmod(0o666)

    assert load(DOUBLE).double(21) == 42

    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(
    os.name != "posix" or os.geteuid() != 0, reason="only root gives files to other users"
)
def test_what_another_user_owns_is_not_run(load: Loading, code_folder: Path) -> None:
    load(DOUBLE).double(1)
    (file,) = kept_files(code_folder)
    os.chown(file, 12345, 12345)
    assert load(DOUBLE).double(21) == 42
    assert file.stat().st_uid == 0

    os.chown(file.parent, 12345, 12345)
    with pytest.raises(MachineError, match="other users"):
        load(DOUBLE).double(21)


def test_without_room_a_kernel_runs_and_is_not_kept(
    load: Loading, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mounted_disk(tmp_path / "disk", "64k") as disk:
        monkeypatch.setenv("NUMBA_CACHE_DIR", str(disk / "code"))
        fill(disk)

        assert load(DOUBLE).double(21) == 42

        assert [path for path in disk.rglob("*") if path.is_file()] == [disk / "filling"]


def test_processes_that_write_at_once_read_whole_code_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))

    def work(number: int) -> int:
        """Write code of one origin again and again; return how often it was there still."""
        folder, origin = CodeFolder(Path(__file__)), bytes([number]) * 32
        code, found = bytes([number]) * 100_000, []
        for _ in range(50):
            folder.write("kernel.code", origin, code)
            found.append(folder.read("kernel.code", origin))
        assert {*found} <= {code, None}
        return found.count(code)

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(work, range(4))) > 0

    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1
