"""Encryption and decryption under the owner's secret key: the only place that decrypts.

Two backends (`gallery.backends`) make and read the same ciphertexts: ``native`` and ``seal``.
Neither numba nor TenSEAL is imported before a codec is made.
"""

from gallery.client.ckks.codec import CkksCodec, Encryption
from gallery.client.ckks.codec_selection import make_codec

__all__ = ["CkksCodec", "Encryption", "make_codec"]
