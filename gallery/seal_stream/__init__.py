"""SEAL's serialisation of ciphertexts and secret keys: the only package that knows it.

The format is that of SEAL 4.
"""

from gallery.seal_stream.ciphertext import (
    SealCiphertext,
    build_ciphertext,
    check_residues,
    parms_id,
    parse_ciphertext,
)
from gallery.seal_stream.framing import SEAL_VERSION, read_version
from gallery.seal_stream.secret_key import parse_secret_key, secret_key_stream

__all__ = [
    "SEAL_VERSION",
    "SealCiphertext",
    "build_ciphertext",
    "check_residues",
    "parms_id",
    "parse_ciphertext",
    "parse_secret_key",
    "read_version",
    "secret_key_stream",
]
