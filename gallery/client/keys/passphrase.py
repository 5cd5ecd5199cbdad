"""Passphrases as text: one however it was typed, stored or pasted.

The same characters reach a program as different bytes: macOS may compose accents another way than
Linux, a file ends with a line feed, an editor begins it with a byte-order mark. A passphrase is
therefore brought to one form, that of the profile OpaqueString (RFC 8265, section 4.2): spaces
outside of ASCII become spaces, and composition is NFC. Nothing is refused that the profile refuses,
since key files may be sealed with it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator

from gallery.errors import KeyFileError, PassphraseRequiredError
from gallery.hints import Hint

Passphrase = str | Callable[[], str | None] | None
"""A passphrase, or a function that returns it, which is called only if it is needed; None for none.
"""


def resolve_passphrase(passphrase: Passphrase) -> str | None:
    """Return a passphrase as text, or None for none."""
    return passphrase() if callable(passphrase) else passphrase


def normalize_passphrase(passphrase: str) -> str:
    """Return the one form of a passphrase, without a byte-order mark and without a line's end."""
    text = passphrase.removeprefix("\ufeff").rstrip("\r\n")
    spaced = "".join(
        " " if unicodedata.category(character) == "Zs" else character for character in text
    )
    return unicodedata.normalize("NFC", spaced)


def passphrase_bytes(passphrase: str) -> bytes:
    """Return the bytes that a key file is sealed with.

    Raises
    ------
    KeyFileError
        If the passphrase is not text.
    """
    return _encoded(normalize_passphrase(passphrase))


def possible_bytes(passphrase: str) -> Iterator[bytes]:
    """Yield the bytes that a key file may be sealed with: the normal form, then former forms.

    Earlier versions took the bytes as they came: also a decomposed form that is typed composed
    today, and a line feed or a byte-order mark that is lacking today.
    """
    plain = passphrase.removeprefix("\ufeff").rstrip("\r\n")
    forms = (
        normalize_passphrase(passphrase),
        passphrase,
        plain,
        unicodedata.normalize("NFC", plain),
        unicodedata.normalize("NFD", plain),
        f"{plain}\n",
        f"\ufeff{plain}",
    )
    yield from dict.fromkeys(map(_encoded, forms))


def check_strength(passphrase: str) -> None:
    """Refuse a passphrase of one character, also repeated (`PassphraseRequiredError`)."""
    if len(set(normalize_passphrase(passphrase))) < 2:
        raise PassphraseRequiredError(
            "a passphrase of one character, or of one that is repeated, is guessed at once; give a "
            "longer one",
            hint=Hint.ALLOW_WEAK_PASSPHRASE,
        )


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        # Not chained: that error holds the passphrase.
        raise KeyFileError("the passphrase is not UTF-8 text") from None
