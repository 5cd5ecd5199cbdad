"""Secret keys out of TenSEAL's contexts, against what SEAL says of the same key."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gallery.client.ckks.seal_secret_key import parse_secret_key, secret_key_stream
from gallery.client.keys.secrets import GalleryKey
from gallery.errors import MalformedMessageError
from gallery.parameters import COMPACT, STANDARD, CkksParameterSet

both_sets = pytest.mark.parametrize("parameters", [STANDARD, COMPACT], ids=lambda p: p.name)


@both_sets
def test_residues_are_those_of_seals_own_key(key: GalleryKey, parameters: CkksParameterSet) -> None:
    context = key.context(parameters)  # kept, because SEAL's key belongs to it
    secret_key = context.secret_key().data
    plaintext = secret_key.data()

    stream = secret_key_stream(key.serialized_context(parameters))

    found = parse_secret_key(stream, parameters)
    assert found.shape == (len(parameters.data_primes), 4096)
    assert found.ravel().tolist() == [plaintext[i] for i in range(found.size)]


def test_the_stream_is_one_that_seal_would_write(key: GalleryKey, tmp_path: Path) -> None:
    key.context(COMPACT).secret_key().data.save(str(tmp_path / "key"))
    written = (tmp_path / "key").read_bytes()

    found = secret_key_stream(key.serialized_context(COMPACT))

    np.testing.assert_array_equal(
        parse_secret_key(found, COMPACT), parse_secret_key(written, COMPACT)
    )


@both_sets
def test_a_key_of_another_parameter_set_is_refused(
    key: GalleryKey, parameters: CkksParameterSet
) -> None:
    other = COMPACT if parameters is STANDARD else STANDARD
    stream = secret_key_stream(key.serialized_context(other))

    with pytest.raises(MalformedMessageError):
        parse_secret_key(stream, parameters)


@pytest.mark.parametrize("context", [b"", b"\0", b"\x80" * 20, b"\x1a\x7f", b"\x1d" + bytes(8)])
def test_what_is_no_context_is_refused(context: bytes) -> None:
    with pytest.raises(MalformedMessageError, match="no TenSEAL context with a secret key"):
        secret_key_stream(context)


@pytest.mark.parametrize("length", [1, 16, 100, 1000, 40000])
def test_a_truncated_context_or_stream_is_refused(key: GalleryKey, length: int) -> None:
    context = key.serialized_context(COMPACT)

    with pytest.raises(MalformedMessageError):
        secret_key_stream(context[:length])
    with pytest.raises(MalformedMessageError):
        parse_secret_key(secret_key_stream(context)[:length], COMPACT)
