"""Encryption and decryption under the owner's secret key: the only place that decrypts.

Two engines make and read the same ciphertexts: ``native``, this project's own and the fast one, and
``tenseal``, SEAL through TenSEAL, which is there to check the other. Neither numba nor TenSEAL is
imported before a codec is made.
"""

from gallery.client.ckks.codec import CkksCodec, Encryption
from gallery.client.ckks.engines import ENGINES, check_engine, make_codec

__all__ = ["ENGINES", "CkksCodec", "Encryption", "check_engine", "make_codec"]
