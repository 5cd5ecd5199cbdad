"""Passphrases: the same one however it was typed or stored, and none that is no passphrase."""

from __future__ import annotations

import shutil
import unicodedata
from pathlib import Path

import pytest

from gallery.client.keys.keyfile import change_passphrase, read_key_file, write_key_file
from gallery.client.keys.keyfile_format import Argon2Parameters
from gallery.client.keys.passphrase import normalize_passphrase
from gallery.client.keys.secrets import GalleryKey
from gallery.errors import PassphraseRequiredError, WrongPassphraseError

CHEAP = Argon2Parameters(memory_kib=64, iterations=1, lanes=1)
KEY = GalleryKey(bytes(range(32)), {})
OLD_FILES = Path(__file__).parents[3] / "assets" / "keys"
"""Key files of version 0.1, which sealed them with the bytes of a passphrase as they came."""

COMPOSED = "p\u00e4ssw\u00f6rd \u00e9"
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)

SAME = {
    "NFC and NFD": (COMPOSED, DECOMPOSED),
    "a compatible letter": ("\u212bngstr\u00f6m", "\u00c5ngstr\u00f6m"),
    "a line feed": ("correct horse", "correct horse\n"),
    "a line's end": ("correct horse", "correct horse\r\n"),
    "several line feeds": ("correct horse", "correct horse\n\n"),
    "a byte-order mark": ("correct horse", "\ufeffcorrect horse"),
    "a no-break space": ("correct horse", "correct\u00a0horse"),
    "an ideographic space": ("correct horse", "correct\u3000horse"),
    "all of it": (COMPOSED, f"\ufeff{DECOMPOSED}\r\n".replace(" ", "\u2003")),
}
DIFFERENT = {
    "capitals": ("correct horse", "Correct horse"),
    "a space at the end": ("correct horse", "correct horse "),
    "a space at the beginning": ("correct horse", " correct horse"),
    "a line feed inside": ("correct horse", "correct\nhorse"),
    "wide letters": ("correct horse", "\uff43orrect horse"),
    "a ligature": ("of fine", "of \ufb01ne"),
    "another accent": (COMPOSED, COMPOSED.replace("\u00e9", "\u00e8")),
}


def sealed(folder: Path, passphrase: str) -> Path:
    path = folder / "owner.key"
    write_key_file(path, KEY, passphrase, CHEAP)
    return path


@pytest.mark.parametrize("swapped", [False, True], ids=["there and back", "back and there"])
@pytest.mark.parametrize("name", SAME)
def test_a_passphrase_opens_however_it_is_typed_or_stored(
    name: str, swapped: bool, tmp_path: Path
) -> None:
    here, there = SAME[name][::-1] if swapped else SAME[name]

    assert read_key_file(sealed(tmp_path, here), there).reveal() == KEY.reveal()


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_is_another_passphrase_stays_another(name: str, tmp_path: Path) -> None:
    here, there = DIFFERENT[name]

    with pytest.raises(WrongPassphraseError):
        read_key_file(sealed(tmp_path, here), there)


@pytest.mark.parametrize(
    "file, passphrase",
    [
        ("decomposed", DECOMPOSED),
        ("decomposed", COMPOSED),
        ("composed", COMPOSED),
        ("composed", DECOMPOSED),
        ("line-end", "correct horse\n"),
        ("line-end", "correct horse"),
        ("byte-order-mark", "\ufeffcorrect horse"),
        ("byte-order-mark", "correct horse"),
        ("wide-space", "correct\u00a0horse"),
        ("one-character", "x"),
    ],
)
def test_an_old_key_file_opens_and_takes_a_new_passphrase(
    file: str, passphrase: str, tmp_path: Path
) -> None:
    path = tmp_path / "old.key"
    shutil.copy(OLD_FILES / f"{file}.testkey", path)
    path.chmod(0o600)

    assert read_key_file(path, passphrase).reveal() == KEY.reveal()
    change_passphrase(path, passphrase, COMPOSED, CHEAP)
    assert read_key_file(path, DECOMPOSED).reveal() == KEY.reveal()


def test_a_wrong_passphrase_is_told_with_what_it_may_be(tmp_path: Path) -> None:
    with pytest.raises(WrongPassphraseError) as caught:
        read_key_file(sealed(tmp_path, COMPOSED), "wrong one")

    message = str(caught.value)
    for cause in ("capitals", "spaces", "keyboard", "accents", "line's end", "byte-order mark"):
        assert cause in message
    assert "wrong one" not in message and COMPOSED not in message


@pytest.mark.parametrize("weak", ["x", "xxxxxxxx", " ", "\u00a0 ", "x\n", "\ufeffx", "e\u0301"])
def test_a_passphrase_of_one_character_is_refused_unless_it_is_insisted_on(
    weak: str, tmp_path: Path
) -> None:
    path = tmp_path / "owner.key"

    with pytest.raises(PassphraseRequiredError, match="allow_weak"):
        write_key_file(path, KEY, weak, CHEAP)
    assert not path.exists()

    write_key_file(path, KEY, weak, CHEAP, allow_weak=True)
    assert read_key_file(path, weak).reveal() == KEY.reveal()
    with pytest.raises(PassphraseRequiredError, match="allow_weak"):
        change_passphrase(path, weak, weak, CHEAP)
    assert read_key_file(path, weak).reveal() == KEY.reveal()


def test_the_normal_form_is_one() -> None:
    for forms in SAME.values():
        (once,) = {normalize_passphrase(form) for form in forms}
        assert normalize_passphrase(once) == once
