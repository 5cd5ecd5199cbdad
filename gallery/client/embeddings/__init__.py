"""Embeddings out of files, checked, and made into the vectors that are encrypted."""
