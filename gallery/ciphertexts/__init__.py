"""Representations of ciphertexts: in memory, packed to 27 bits, as seeds, in SEAL's streams."""
