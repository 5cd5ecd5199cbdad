"""Encryption and decryption under the owner's secret key: the only place that decrypts.

Two engines make and read the same ciphertexts: ``native``, this project's own and the fast one, and
``tenseal``, SEAL through TenSEAL, which is there to check the other. Neither numba nor TenSEAL is
imported before a codec is made.
"""

from gallery.client.ckks.backends import ENGINES, check_engine, make_codec
from gallery.client.ckks.codec import CkksCodec, Encryption

__all__ = ["ENGINES", "CkksCodec", "Encryption", "check_engine", "make_codec"]
