"""Comparison of the gallery's speed with that of TenSEAL, SEAL, the notebook's loop and FAISS."""
