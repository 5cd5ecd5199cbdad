"""Secrets stay where they are, and what is derived from them is what RFC 5869 says."""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
import pickle
import traceback
from collections.abc import Callable

import pytest

from gallery.backends import Backend
from gallery.client.ckks import make_codec
from gallery.client.integrity.authentication import Authenticator
from gallery.client.integrity.canaries import Canaries
from gallery.client.keys.secrets import GalleryKey, Secret
from gallery.errors import ParameterSetError, SecretExposureError
from gallery.parameters import COMPACT, INSECURE_TOY, STANDARD
from tests.support.builders import GALLERY_ID

MASTER = bytes(range(32))
KNOWN = GalleryKey(MASTER, {})


def hkdf(secret: bytes, info: bytes, length: int) -> bytes:
    """Return HKDF-SHA-256 without a salt, written from RFC 5869, section 2."""
    pseudorandom = hmac.new(bytes(32), secret, hashlib.sha256).digest()
    output, block, counter = b"", b"", 1
    while len(output) < length:
        block = hmac.new(pseudorandom, block + info + bytes([counter]), hashlib.sha256).digest()
        output, counter = output + block, counter + 1
    return output[:length]


@pytest.fixture(params=["GalleryKey", "SubKey", *Backend])
def secret(request: pytest.FixtureRequest, key: GalleryKey) -> Secret:
    """Return each kind of secret in turn."""
    if request.param in list(Backend):
        codec = make_codec(request.param, key, STANDARD)
        request.addfinalizer(codec.close)
        assert isinstance(codec, Secret)
        return codec
    return key if request.param == "GalleryKey" else key.subkey("labels", GALLERY_ID)


# --- exposure -------------------------------------------------------------------------------------


def test_a_secret_shows_its_kind_and_nothing_else(secret: Secret) -> None:
    redacted = f"<{type(secret).__name__}: redacted>"

    assert repr(secret) == str(secret) == f"{secret}" == f"{secret!r}" == redacted
    assert str([secret]) == f"[{redacted}]"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_secret_cannot_be_pickled(secret: Secret, protocol: int) -> None:
    with pytest.raises(SecretExposureError, match="must not be copied, pickled or sent"):
        pickle.dumps(secret, protocol)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_a_secret_cannot_be_copied(secret: Secret, duplicate: Callable[[Secret], Secret]) -> None:
    with pytest.raises(SecretExposureError, match=type(secret).__name__):
        duplicate(secret)


def test_a_secret_inside_something_else_cannot_be_pickled_or_deeply_copied(secret: Secret) -> None:
    for attempt in (pickle.dumps, copy.deepcopy):
        with pytest.raises(SecretExposureError):
            attempt({"nested": [secret]})


def test_a_secret_is_no_json(secret: Secret) -> None:
    with pytest.raises(TypeError):
        json.dumps(secret)


@pytest.mark.parametrize(
    "holder",
    [Authenticator(KNOWN, GALLERY_ID), Canaries(KNOWN, GALLERY_ID, STANDARD)],
    ids=lambda holder: type(holder).__name__,
)
def test_what_holds_a_secret_cannot_be_pickled_either(holder: object) -> None:
    with pytest.raises(SecretExposureError):
        pickle.dumps(holder)


def test_a_traceback_with_local_variables_shows_no_secret() -> None:
    def fail(held: GalleryKey) -> None:
        raise RuntimeError("something else")

    try:
        fail(KNOWN)
    except RuntimeError as error:
        shown = "".join(
            traceback.TracebackException.from_exception(error, capture_locals=True).format()
        )

    assert "<GalleryKey: redacted>" in shown
    assert repr(MASTER) not in shown


# --- derivation -----------------------------------------------------------------------------------


def test_hkdf_as_written_here_is_that_of_rfc_5869() -> None:
    """Test case 3 of appendix A: no salt, no info."""
    expected = (
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
    )

    assert hkdf(b"\x0b" * 22, b"", 42).hex() == expected


def test_the_key_id_is_derived_from_the_master_secret() -> None:
    assert KNOWN.key_id == hkdf(MASTER, b"encrypted-face-gallery/1/key id/", 16)
    assert KNOWN.key_id.hex() == "5773b16edf989dc39bb2dfeadff37cea"


@pytest.mark.parametrize(
    "purpose", ["statements", "labels", "pseudonyms", "content tags", "canaries"]
)
def test_a_subkey_is_derived_from_master_secret_purpose_and_gallery(purpose: str) -> None:
    info = b"encrypted-face-gallery/1/" + purpose.encode() + b"/" + GALLERY_ID
    expected = hkdf(MASTER, info, 32)

    subkey = KNOWN.subkey(purpose, GALLERY_ID)

    assert subkey.reveal() == expected
    assert subkey.mac(b"message") == hmac.new(expected, b"message", hashlib.sha256).digest()


def test_the_mac_of_a_known_message_is_the_one_on_record() -> None:
    mac = KNOWN.subkey("statements", GALLERY_ID).mac(b"message")

    assert mac.hex() == "8115c7ca038e7a438e140c67e7b9c7fb19f6d04789152ae9d87963efc010f2eb"


def test_subkeys_differ_by_purpose_gallery_and_key() -> None:
    other = GalleryKey(bytes(32), {})

    subkeys = {
        KNOWN.subkey("labels", GALLERY_ID).reveal(),
        KNOWN.subkey("canaries", GALLERY_ID).reveal(),
        KNOWN.subkey("labels", bytes(16)).reveal(),
        other.subkey("labels", GALLERY_ID).reveal(),
    }

    assert len(subkeys) == 4


def test_a_mac_verifies_for_its_message_and_key_alone() -> None:
    subkey = KNOWN.subkey("statements", GALLERY_ID)
    mac = subkey.mac(b"message")

    assert subkey.verifies(b"message", mac)
    assert not subkey.verifies(b"messagE", mac)
    assert not KNOWN.subkey("labels", GALLERY_ID).verifies(b"message", mac)
    for changed in (b"", mac[:-1], mac + b"\0", mac[:-1] + bytes([mac[-1] ^ 1])):
        assert not subkey.verifies(b"message", changed)


# --- keys -----------------------------------------------------------------------------------------


def test_every_generated_key_is_another(key: GalleryKey) -> None:
    other = GalleryKey.generate()

    assert other.key_id != key.key_id
    assert other.reveal()[0] != key.reveal()[0]
    assert not set(other.reveal()[1].values()) & set(key.reveal()[1].values())


def test_a_generated_key_has_a_secret_context_for_every_parameter_set(key: GalleryKey) -> None:
    for parameters in (STANDARD, COMPACT):
        context = key.context(parameters)

        assert context.has_secret_key()
        assert not context.has_galois_keys()
        assert not context.has_relin_keys()


def test_a_parameter_set_that_the_key_has_no_context_for_is_named(key: GalleryKey) -> None:
    with pytest.raises(
        ParameterSetError, match="'INSECURE_toy'; it has them for compact, standard"
    ):
        key.context(INSECURE_TOY)


def test_a_key_does_not_change_with_the_mapping_it_was_made_from() -> None:
    contexts = {"standard": b"context"}
    made = GalleryKey(MASTER, contexts)

    contexts["standard"] = b"changed"
    made.reveal()[1]["standard"] = b"changed too"

    assert made.reveal() == (MASTER, {"standard": b"context"})
