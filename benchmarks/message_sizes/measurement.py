"""The sizes of the messages of one parameter set and dimension, and what compression would gain."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import zstandard

from benchmarks.message_sizes.recording_service import RecordingService
from benchmarks.shared.unit_vectors import unit_vectors
from gallery.ciphertexts.blocks import capacity
from gallery.client import GalleryClient, GalleryKey
from gallery.parameters import PARAMETER_SETS
from gallery.server import open_service

ZSTD_LEVEL = 3

_FOR_BLOCKS = "enrollment", "result"
"""What the messages are called that are for each block."""


@dataclass(frozen=True)
class MessageSize:
    """The size of one kind of message: its bytes, also for each reference, and zstd's share.

    Probes and check sums are for all blocks, so they have no bytes for each reference.
    """

    parameters: str
    dimension: int
    message: str
    bytes: int
    bytes_per_reference: float | None
    compressed: float


def measure_sizes(parameters: str, dimension: int) -> Iterator[MessageSize]:
    """Enroll a full block, search it twice, and measure what was sent."""
    chosen = PARAMETER_SETS[parameters]
    references = capacity(chosen)
    embeddings = unit_vectors(np.random.default_rng(1), references, dimension)
    with tempfile.TemporaryDirectory() as folder:
        database = f"sqlite:///{folder}/wire.db"
        with open_service(database, create=True) as service:
            recording, key = RecordingService(service), GalleryKey.generate()
            with GalleryClient.create(
                recording, key, dimension=dimension, parameters=chosen
            ) as client:
                client.enroll(embeddings, [f"reference-{i}" for i in range(references)])
            # A client that has not seen the references yet.
            with GalleryClient(recording, key) as client:
                for vector in embeddings[:2]:
                    client.identify(vector, threshold=0.3)
    compressor = zstandard.ZstdCompressor(ZSTD_LEVEL)
    for name, message in recording.messages.items():
        size, compressed = len(message), len(compressor.compress(message))
        each = size / references if name.startswith(_FOR_BLOCKS) else None
        yield MessageSize(parameters, dimension, name, size, each, compressed / size)
