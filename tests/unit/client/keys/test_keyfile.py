"""The key file: it opens for its owner as it was written, or it says why it does not."""

from __future__ import annotations

import hashlib
import os
import random
import resource
import stat
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from gallery.client.keys.keyfile import MAX_FILE_SIZE, is_protected, read_key_file, write_key_file
from gallery.client.keys.keyfile_format import Argon2Parameters, decode_key, encode_key
from gallery.client.keys.secrets import GalleryKey
from gallery.errors import (
    KeyFileCorruptedError,
    KeyFileError,
    KeyFileExistsError,
    KeyFileNotFoundError,
    KeyFilePermissionsError,
    PassphraseRequiredError,
    WrongPassphraseError,
)
from tests.support.counting import count_calls

CHEAP = Argon2Parameters(memory_kib=64, iterations=1, lanes=1)
PASSPHRASE = "correct horse battery staple"
SMALL_KEY = GalleryKey(bytes(range(32)), {"standard": b"context of standard"})
"""A key whose file has 200 bytes, so that all of them can be tried."""

HEADER = struct.Struct("<8sHBB16sIII16s12sI")
"""Magic, version, protection, reserved, key id, memory, iterations, lanes, salt, nonce, size."""
FIELDS = (
    *("magic", "version", "protection", "reserved", "key_id", "memory", "iterations", "lanes"),
    *("salt", "nonce", "size"),
)

PROTECTED = encode_key(SMALL_KEY, PASSPHRASE, CHEAP)
UNPROTECTED = encode_key(SMALL_KEY, None, CHEAP)

posix = pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")


def with_checksum(body: bytes) -> bytes:
    """Return a file as somebody writes it who changes it and knows the format."""
    return body + hashlib.sha256(body).digest()


def with_header(data: bytes, **changes: object) -> bytes:
    """Return a file with changed header fields and a checksum that fits."""
    found = dict(zip(FIELDS, HEADER.unpack(data[: HEADER.size]), strict=True))
    header = HEADER.pack(*(found | changes).values())
    return with_checksum(header + data[HEADER.size : -32])


def put(path: Path, data: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(data)
    path.chmod(mode)
    return path


# --- round trips ----------------------------------------------------------------------------------


@pytest.mark.parametrize("passphrase", [PASSPHRASE, "pässwörd 東京", None])
def test_a_written_key_reads_back_with_all_of_its_secrets(
    tmp_path: Path, key: GalleryKey, passphrase: str | None
) -> None:
    path = tmp_path / "team.key"
    write_key_file(path, key, passphrase, CHEAP)

    found = read_key_file(path, passphrase)

    assert found.reveal() == key.reveal()
    assert found.key_id == key.key_id
    assert is_protected(path) == (passphrase is not None)


def test_a_path_may_be_given_as_text(tmp_path: Path) -> None:
    path = str(tmp_path / "new folder" / "team.key")
    write_key_file(path, SMALL_KEY, None)

    assert read_key_file(path).key_id == SMALL_KEY.key_id
    assert not is_protected(path)


def test_a_passphrase_is_asked_for_once_and_only_where_the_file_is_sealed(tmp_path: Path) -> None:
    sealed, unprotected = tmp_path / "sealed.key", tmp_path / "unprotected.key"
    write_key_file(sealed, SMALL_KEY, PASSPHRASE, CHEAP)
    write_key_file(unprotected, SMALL_KEY, None)
    asked: list[str] = []

    def ask() -> str:
        asked.append("")
        return PASSPHRASE

    assert read_key_file(unprotected, ask).key_id == SMALL_KEY.key_id
    assert asked == []
    assert read_key_file(sealed, ask).key_id == SMALL_KEY.key_id
    assert len(asked) == 1
    with pytest.raises(PassphraseRequiredError):
        read_key_file(sealed, lambda: None)


@pytest.mark.parametrize("passphrase", [PASSPHRASE, None])
def test_a_key_file_is_opened_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, passphrase: str | None
) -> None:
    write_key_file(tmp_path / "team.key", SMALL_KEY, passphrase, CHEAP)
    opened = count_calls(monkeypatch, Path, "open")

    read_key_file(tmp_path / "team.key", lambda: passphrase)

    assert len(opened) == 1


def test_an_unprotected_key_opens_whatever_passphrase_is_given() -> None:
    assert decode_key(UNPROTECTED, "not needed").reveal() == SMALL_KEY.reveal()


def test_the_passphrase_of_the_default_hardness_opens_the_key() -> None:
    data = encode_key(SMALL_KEY, PASSPHRASE, Argon2Parameters())

    assert decode_key(data, PASSPHRASE).reveal() == SMALL_KEY.reveal()


def test_the_default_hardness_is_that_of_rfc_9106() -> None:
    assert Argon2Parameters() == Argon2Parameters(memory_kib=65536, iterations=3, lanes=4)


def test_two_files_of_one_key_and_passphrase_have_nothing_in_common_below_the_header() -> None:
    first, second = encode_key(SMALL_KEY, PASSPHRASE, CHEAP), PROTECTED

    assert first[HEADER.size : HEADER.size + 32] != second[HEADER.size : HEADER.size + 32]


def test_a_protected_file_shows_no_secret() -> None:
    master, contexts = SMALL_KEY.reveal()

    assert master not in PROTECTED
    assert contexts["standard"] not in PROTECTED
    assert PASSPHRASE.encode() not in PROTECTED


# --- writing --------------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o277, 0o777])
def test_a_key_file_is_its_owners_alone_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "team.key"
    before = os.umask(umask)

    try:
        write_key_file(path, SMALL_KEY, None)
    finally:
        os.umask(before)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@posix
def test_missing_folders_are_made_and_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "team.key"

    write_key_file(path, SMALL_KEY, None)

    assert read_key_file(path).key_id == SMALL_KEY.key_id
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_nothing_but_the_key_file_is_left_in_its_folder(tmp_path: Path) -> None:
    write_key_file(tmp_path / "team.key", SMALL_KEY, PASSPHRASE, CHEAP)

    assert os.listdir(tmp_path) == ["team.key"]
    assert (tmp_path / "team.key").stat().st_nlink == 1


@pytest.mark.parametrize("there", ["file", "folder", "link to nowhere"])
def test_what_is_there_already_is_never_overwritten(tmp_path: Path, there: str) -> None:
    path = tmp_path / "team.key"
    if there == "file":
        path.write_bytes(b"precious")
    elif there == "folder":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "nowhere")

    with pytest.raises(KeyFileExistsError, match="not overwritten"):
        write_key_file(path, SMALL_KEY, None)

    assert os.listdir(tmp_path) == ["team.key"]
    assert there != "file" or path.read_bytes() == b"precious"


def test_of_many_who_write_at_once_one_succeeds_and_the_file_is_that_ones(tmp_path: Path) -> None:
    path = tmp_path / "team.key"
    keys = [GalleryKey(bytes([number]) * 32, {}) for number in range(8)]

    def write(key: GalleryKey) -> bytes | None:
        try:
            write_key_file(path, key, None)
        except KeyFileExistsError:
            return None
        return key.key_id

    with ThreadPoolExecutor(len(keys)) as pool:
        written = [key_id for key_id in pool.map(write, keys) if key_id is not None]

    assert written == [read_key_file(path).key_id]
    assert os.listdir(tmp_path) == ["team.key"]


@contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """Let the operating system refuse to write more than ``size`` bytes into a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_write_that_fails_half_way_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "team.key"

    with no_file_beyond(100), pytest.raises(KeyFileError, match="cannot write"):
        write_key_file(path, SMALL_KEY, None)

    assert os.listdir(tmp_path) == []


def test_a_folder_that_is_a_file_is_no_key_file_that_exists(tmp_path: Path) -> None:
    (tmp_path / "folder").write_bytes(b"")

    with pytest.raises(KeyFileError, match="cannot make the folder") as caught:
        write_key_file(tmp_path / "folder" / "team.key", SMALL_KEY, None)

    assert not isinstance(caught.value, KeyFileExistsError)


# --- passphrases ----------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", ["", "Correct horse battery staple", PASSPHRASE + " "])
def test_a_wrong_passphrase_is_named_as_such(wrong: str) -> None:
    with pytest.raises(WrongPassphraseError, match=r"does not open team\.key"):
        decode_key(PROTECTED, wrong, "team.key")


def test_a_missing_passphrase_is_asked_for() -> None:
    with pytest.raises(PassphraseRequiredError, match=r"team\.key is sealed with a passphrase"):
        decode_key(PROTECTED, None, "team.key")


def test_a_passphrase_that_is_not_text_is_refused_and_does_not_show_in_the_error() -> None:
    undecodable = os.fsdecode(b"caf\xe9")

    for attempt in (
        lambda: encode_key(SMALL_KEY, undecodable, CHEAP),
        lambda: decode_key(PROTECTED, undecodable),
    ):
        with pytest.raises(KeyFileError, match="not UTF-8 text") as caught:
            attempt()
        assert "caf" not in str(caught.value)
        assert caught.value.__cause__ is None


# --- reading --------------------------------------------------------------------------------------


def test_a_missing_key_file_is_named_with_what_to_do_about_it(tmp_path: Path) -> None:
    with pytest.raises(KeyFileNotFoundError, match=r"team\.key; make one with write_key_file"):
        read_key_file(tmp_path / "team.key")
    with pytest.raises(KeyFileNotFoundError):
        is_protected(tmp_path / "team.key")


def test_a_folder_is_no_key_file(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="cannot read"):
        read_key_file(tmp_path)


@posix
def test_a_device_is_no_key_file_whose_mode_is_to_be_changed() -> None:
    with pytest.raises(KeyFileError, match=r"cannot read .* it is a device"):
        read_key_file("/dev/null")


@posix
def test_a_pipe_may_be_a_key_file(tmp_path: Path) -> None:
    path = tmp_path / "team.key"
    os.mkfifo(path, 0o600)
    writer = threading.Thread(target=lambda: path.write_bytes(UNPROTECTED))
    writer.start()

    key = read_key_file(path)

    writer.join()
    assert key.reveal() == SMALL_KEY.reveal()


@posix
@pytest.mark.parametrize(
    "mode", [0o640, 0o620, 0o610, 0o604, 0o602, 0o601, 0o660, 0o666, 0o777, 0o444]
)
def test_a_key_file_that_others_can_access_is_not_opened(tmp_path: Path, mode: int) -> None:
    path = put(tmp_path / "team.key", UNPROTECTED, mode)

    with pytest.raises(KeyFilePermissionsError, match=f"mode {mode:04o}.*chmod 600"):
        read_key_file(path)
    with pytest.raises(KeyFilePermissionsError):
        is_protected(path)


@posix
@pytest.mark.parametrize(
    ("place", "advice"),
    [
        ("read-only", "read-only file system.*mode 0400.*install -m 600 '.*our team.key' COPY"),
        ("another's", "belongs to another user.*install -m 600 '.*our team.key' COPY"),
        ("one's own", "chmod 600 '.*our team.key'.*umask=077"),
    ],
)
def test_the_advice_can_be_followed_where_the_key_file_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, advice: str
) -> None:
    path = put(tmp_path / "our team.key", UNPROTECTED, 0o444)
    if place == "read-only":
        found = os.statvfs(path)
        flags = [*found[:8], found.f_flag | os.ST_RDONLY, found.f_namemax]
        monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result(flags))
    if place == "another's":
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)

    with pytest.raises(KeyFilePermissionsError, match=advice):
        read_key_file(path)


@posix
def test_no_key_is_written_where_everybody_could_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a stick, whose file system gives every file the mode that it was mounted with."""
    real = os.fstat

    def without_modes(number: int) -> os.stat_result:
        found = real(number)
        return os.stat_result([found.st_mode | 0o077, *found[1:]])

    monkeypatch.setattr(os, "fstat", without_modes)

    with pytest.raises(KeyFilePermissionsError, match=r"keeps no modes.*umask=077"):
        write_key_file(tmp_path / "team.key", GalleryKey.generate(), None)

    assert list(tmp_path.iterdir()) == []


@posix
@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_key_file_that_only_its_owner_can_access_is_opened(tmp_path: Path, mode: int) -> None:
    path = put(tmp_path / "team.key", UNPROTECTED, mode)

    assert read_key_file(path).key_id == SMALL_KEY.key_id


def test_a_huge_file_is_refused_without_reading_it_all(tmp_path: Path) -> None:
    path = put(tmp_path / "team.key", UNPROTECTED)
    os.truncate(path, 2**35)

    with pytest.raises(KeyFileCorruptedError, match="far too large"):
        read_key_file(path)
    assert MAX_FILE_SIZE < 2**25


# --- damage ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [PROTECTED, UNPROTECTED], ids=["protected", "unprotected"])
def test_every_truncation_is_corruption(data: bytes) -> None:
    for size in range(len(data)):
        with pytest.raises(KeyFileCorruptedError):
            decode_key(data[:size], PASSPHRASE)


@pytest.mark.parametrize("data", [PROTECTED, UNPROTECTED], ids=["protected", "unprotected"])
def test_every_flipped_bit_is_corruption_and_never_a_wrong_passphrase(data: bytes) -> None:
    for bit in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8

        with pytest.raises(KeyFileCorruptedError):
            decode_key(bytes(damaged), PASSPHRASE)


def test_damage_to_a_real_key_is_corruption_wherever_it_is(key: GalleryKey) -> None:
    data = encode_key(key, PASSPHRASE, CHEAP)
    places = random.Random(5).sample(range(len(data)), 100)

    for place in places:
        for damaged in (
            data[:place],
            data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :],
            data[:place] + data[place + 1 :],
        ):
            with pytest.raises(KeyFileCorruptedError):
                decode_key(damaged, PASSPHRASE)


@pytest.mark.parametrize("extra", [b"\0", b"\n", PROTECTED], ids=["nul", "newline", "another"])
def test_anything_after_the_end_is_corruption(extra: bytes) -> None:
    with pytest.raises(KeyFileCorruptedError):
        decode_key(PROTECTED + extra, PASSPHRASE)


@pytest.mark.parametrize(
    "data",
    [b"", b"\0" * 500, b"-----BEGIN PRIVATE KEY-----\n" * 20],
    ids=["nothing", "zeros", "PEM"],
)
def test_a_file_of_another_kind_is_no_key_file(data: bytes) -> None:
    with pytest.raises(KeyFileCorruptedError, match="it is no key file"):
        decode_key(data, PASSPHRASE)


def test_a_file_that_a_text_editor_or_a_transfer_changed_is_noticed_at_its_magic() -> None:
    with pytest.raises(KeyFileCorruptedError, match="it is no key file"):
        decode_key(PROTECTED.replace(b"\r\n", b"\n", 1), PASSPHRASE)


def test_a_version_of_the_future_is_named_in_the_error() -> None:
    with pytest.raises(KeyFileCorruptedError, match="format version 2, this program reads 1"):
        decode_key(with_header(PROTECTED, version=2), PASSPHRASE)


# --- changes by somebody who fits the checksum ----------------------------------------------------


def test_changed_sealed_bytes_do_not_open() -> None:
    body = PROTECTED[:-32]

    for place in range(HEADER.size, len(body)):
        forged = with_checksum(body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :])
        with pytest.raises(WrongPassphraseError):
            decode_key(forged, PASSPHRASE)


@pytest.mark.parametrize(
    "change",
    [
        {"key_id": bytes(16)},
        {"memory": 65},
        {"iterations": 2},
        {"lanes": 2},
        {"salt": bytes(16)},
        {"nonce": bytes(12)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_changed_header_does_not_open(change: dict[str, object]) -> None:
    with pytest.raises(WrongPassphraseError):
        decode_key(with_header(PROTECTED, **change), PASSPHRASE)


@pytest.mark.parametrize(
    "change",
    [
        {"memory": 2**32 - 1},
        {"memory": 4 * 2**20 + 1},
        {"iterations": 2**32 - 1},
        {"iterations": 1025},
        {"lanes": 2**32 - 1},
        {"lanes": 65, "memory": 1024},
    ],
    ids=str,
)
def test_argon2_settings_beyond_reason_are_refused_before_they_cost_anything(
    change: dict[str, object],
) -> None:
    with pytest.raises(KeyFileCorruptedError, match="beyond reason"):
        decode_key(with_header(PROTECTED, **change), PASSPHRASE)


@pytest.mark.parametrize(
    "change", [{"iterations": 0}, {"lanes": 0}, {"memory": 0}, {"memory": 7}, {"lanes": 9}], ids=str
)
def test_argon2_settings_that_argon2_does_not_have_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(KeyFileCorruptedError, match="Argon2id settings are invalid"):
        decode_key(with_header(PROTECTED, **change), PASSPHRASE)


@pytest.mark.parametrize("change", [{"protection": 2}, {"protection": 255}, {"reserved": 1}])
def test_an_unknown_protection_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(KeyFileCorruptedError, match="in a way that this program does not know"):
        decode_key(with_header(PROTECTED, **change), PASSPHRASE)


@pytest.mark.parametrize("size", [0, 1, 2**32 - 1])
def test_a_size_that_is_not_the_files_is_refused(size: int) -> None:
    with pytest.raises(KeyFileCorruptedError, match="its size is not the one in its header"):
        decode_key(with_header(PROTECTED, size=size), PASSPHRASE)


def test_sealed_bytes_that_are_declared_unprotected_are_no_key() -> None:
    with pytest.raises(KeyFileCorruptedError):
        decode_key(with_header(PROTECTED, protection=0), None)


def test_another_fingerprint_than_that_of_the_key_is_noticed() -> None:
    with pytest.raises(KeyFileCorruptedError, match="fingerprint"):
        decode_key(with_header(UNPROTECTED, key_id=bytes(16)), None)


@pytest.mark.parametrize("size", [0, 1, 31, 32, 33, 37, 38, 45, 64])
def test_content_that_is_not_a_whole_key_is_refused(size: int) -> None:
    header = UNPROTECTED[: HEADER.size]
    content = UNPROTECTED[HEADER.size : -32][:size]
    assert len(content) == size < len(UNPROTECTED) - HEADER.size - 32

    with pytest.raises(KeyFileCorruptedError):
        decode_key(with_header(with_checksum(header + content), size=size), None)


@pytest.mark.parametrize(
    "settings", [(8, 1025, 1), (8, 0, 1), (8, 1, 2), (8, 1, 65), (2**33, 1, 1)]
)
def test_a_hardness_that_could_not_be_read_back_is_never_written(
    key: GalleryKey, settings: tuple[int, int, int]
) -> None:
    with pytest.raises(KeyFileError, match="Argon2id"):
        encode_key(key, "correct horse", Argon2Parameters(*settings))
