"""SEAL's serialisation: framing, and streams of ciphertexts.

The format is that of SEAL 4.
"""

from gallery.ciphertexts.seal_stream.ciphertext import (
    SealCiphertext,
    build_ciphertext,
    check_residues,
    parms_id,
    parse_ciphertext,
)
from gallery.ciphertexts.seal_stream.framing import SEAL_VERSION, read_version

__all__ = [
    "SEAL_VERSION",
    "SealCiphertext",
    "build_ciphertext",
    "check_residues",
    "parms_id",
    "parse_ciphertext",
    "read_version",
]
