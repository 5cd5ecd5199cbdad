"""How ciphertexts lie: in memory, at rest in 27 bits a residue, as seeds, and in SEAL's streams."""
