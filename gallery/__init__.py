"""Encrypted 1:N face-gallery search. Importing this package imports nothing else."""

__version__ = "0.1.0"
