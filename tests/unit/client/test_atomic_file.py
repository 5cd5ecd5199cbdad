"""Files that have their name when they are complete, and not before."""

from __future__ import annotations

import ast
import errno
import os
import re
import stat
import time
from contextlib import suppress
from pathlib import Path

import pytest

import gallery
from gallery.client.atomic_file import atomic_write


def test_a_file_has_its_name_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "results"

    with atomic_write(path) as file:
        file.write(b"all of it")
        assert not path.exists()

    assert path.read_bytes() == b"all of it"
    assert os.listdir(tmp_path) == ["results"]


@pytest.mark.skipif(os.name != "posix", reason="other systems have no modes")
def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "results") as file:
        file.write(b"")

    assert stat.S_IMODE((tmp_path / "results").stat().st_mode) == 0o600


@pytest.mark.parametrize("overwrite", [False, True])
def test_an_error_leaves_what_was_there(tmp_path: Path, overwrite: bool) -> None:
    path = tmp_path / "results"
    path.write_bytes(b"former")

    with pytest.raises(KeyboardInterrupt), atomic_write(path, overwrite=overwrite) as file:
        file.write(b"half")
        raise KeyboardInterrupt

    assert path.read_bytes() == b"former"
    assert os.listdir(tmp_path) == ["results"]


def test_a_file_is_not_replaced_unasked_even_if_it_comes_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "results"

    with pytest.raises(FileExistsError), atomic_write(path) as file:
        file.write(b"mine")
        path.write_bytes(b"another's")

    assert path.read_bytes() == b"another's"
    assert os.listdir(tmp_path) == ["results"]


def test_a_file_is_replaced_if_it_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "results"
    path.write_bytes(b"former")

    with atomic_write(path, overwrite=True) as file:
        file.write(b"new")

    assert path.read_bytes() == b"new"


def test_what_a_killed_process_left_is_swept_away_and_what_others_write_is_not(
    tmp_path: Path,
) -> None:
    old, young, other = (
        tmp_path / name
        for name in (".results.partial-old", ".results.partial-young", ".x.partial-old")
    )
    for left in (old, young, other):
        left.write_bytes(b"half")
    for left in (old, other):
        os.utime(left, (time.time() - 3600,) * 2)

    with atomic_write(tmp_path / "results") as file:
        file.write(b"")

    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["results", young.name, other.name]
    )


@pytest.fixture(params=["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK", "EACCES", "EXDEV"])
def without_links(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuses hard links, as the file systems of sticks, SMB shares and some systems do."""

    def refuse(*_: object) -> None:
        raise OSError(getattr(errno, request.param), "no such thing here")

    monkeypatch.setattr(os, "link", refuse)


@pytest.mark.usefixtures("without_links")
def test_a_file_system_without_hard_links_will_do(tmp_path: Path) -> None:
    path = tmp_path / "results"

    with atomic_write(path) as file:
        file.write(b"all of it")
        assert not path.exists()

    assert path.read_bytes() == b"all of it"
    assert os.listdir(tmp_path) == ["results"]


@pytest.mark.usefixtures("without_links")
def test_nothing_is_replaced_unasked_without_hard_links_either(tmp_path: Path) -> None:
    path = tmp_path / "results"

    with pytest.raises(FileExistsError), atomic_write(path) as file:
        file.write(b"mine")
        path.write_bytes(b"another's")

    assert path.read_bytes() == b"another's"
    assert os.listdir(tmp_path) == ["results"]


@pytest.mark.parametrize("name", ["EINVAL", "ENOTSUP", "ENOSYS"])
def test_a_file_system_that_cannot_say_when_a_file_is_on_the_disk_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    refuse_to_synchronise(monkeypatch, getattr(errno, name))

    with atomic_write(tmp_path / "results") as file:
        file.write(b"all of it")

    assert (tmp_path / "results").read_bytes() == b"all of it"


@pytest.mark.parametrize("name", ["EIO", "ENOSPC", "EDQUOT"])
def test_a_disk_that_has_not_taken_a_file_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    refuse_to_synchronise(monkeypatch, getattr(errno, name))

    with pytest.raises(OSError, match="no such thing"), atomic_write(tmp_path / "results") as file:
        file.write(b"all of it")

    assert os.listdir(tmp_path) == []


def refuse_to_synchronise(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(_: int) -> None:
        raise OSError(number, "no such thing here")

    monkeypatch.setattr(os, "fsync", refuse)


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_that_cannot_be_synchronised_or_listed_keeps_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overwrite: bool
) -> None:
    real = os.open

    def refuse(path: object, flags: int, *rest: int, **more: int) -> int:
        if Path(str(path)) == tmp_path:
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(str(path), flags, *rest, **more)

    def unlisted(_: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr(Path, "iterdir", unlisted)

    with atomic_write(tmp_path / "results", overwrite=overwrite) as file:
        file.write(b"all of it")

    assert (tmp_path / "results").read_bytes() == b"all of it"


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_link_laid_under_the_name_leads_nowhere(tmp_path: Path, overwrite: bool) -> None:
    other, path = tmp_path / "somebody else's", tmp_path / "results"
    other.write_bytes(b"theirs")
    path.symlink_to(other)

    with suppress(FileExistsError), atomic_write(path, overwrite=overwrite) as file:
        file.write(b"mine")

    assert other.read_bytes() == b"theirs"
    assert path.is_symlink() is not overwrite


def test_there_is_one_way_to_write_a_file() -> None:
    """Other ways are for folders that a process has just made for itself alone."""
    package, found = Path(gallery.__file__).parent, set()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", "") or getattr(node.func, "id", "")
                modes = [
                    ast.unparse(item) for item in (*node.args, *(k.value for k in node.keywords))
                ]
                writes = name == "open" and any(
                    re.fullmatch("'[rb]*[wax+][bt+]*'", m) for m in modes
                )
                if writes or name in {"write_text", "write_bytes", "mkstemp", "mktemp", "savefig"}:
                    found.add((str(path.relative_to(package)), name))

    assert found == {
        ("client/atomic_file.py", "mkstemp"),
        ("client/transport/route.py", "open"),  # of TLS keys, where a variable asks for it
        ("compilation/code_folder.py", "mkstemp"),  # below the client
        ("desk/decisions/log_file.py", "open"),  # which grows
        ("desk/beginning.py", "write_bytes"),  # an encrypted backup
        ("accuracy/plots.py", "savefig"),  # into memory
        ("client/ckks/seal.py", "write_bytes"),
        ("demo/archive_fetcher.py", "write_bytes"),
        ("evaluator/seal.py", "write_bytes"),
    }
