"""The settings of a large gallery: its sizes, its files, and the cache that holds it whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gallery.arrays import residue_bytes
from gallery.ciphertexts.blocks import capacity
from gallery.parameters import find_parameters

_REFERENCE_SIZE = 2048
"""Bytes that a service is allowed for each reference of a block, beside its ciphertexts."""


@dataclass(frozen=True)
class MillionSettings:
    """The gallery, the searches in it, and the folder of its files."""

    folder: Path
    references: int
    dimension: int
    parameters: str
    probes: int
    repeats: int

    @property
    def key_file(self) -> Path:
        return self.folder / "owner.key"

    @property
    def database_file(self) -> Path:
        return self.folder / "gallery.db"

    @property
    def database(self) -> str:
        return f"sqlite:///{self.database_file}"

    def request_file(self, probes: int) -> Path:
        return self.folder / f"request-{probes}"

    @property
    def cache_size(self) -> int:
        """Bytes that the whole gallery takes in a server's memory, and some to spare."""
        parameters = find_parameters(self.parameters)
        blocks = self.references // capacity(parameters) + 1
        columns = parameters.column_count(self.dimension, normalized=True)
        size = residue_bytes(parameters.block_shape(columns))
        return blocks * (size + _REFERENCE_SIZE * parameters.poly_modulus_degree)
