"""Placement of blocks on workers, by rendezvous hashing.

Each pair of a block and a worker has a random-looking weight, and a block belongs to the worker
with the highest. So when a worker is lost, its blocks alone move, spread over all that remain; and
one that joins takes an equal part from each (Thaler and Ravishankar, "Using name-based mappings to
increase hit rates", 1998).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from gallery.messages import ManifestEntry

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
"""The increment of SplitMix64's state: 2**64 divided by the golden ratio, made odd."""


def place_blocks(
    gallery_id: bytes, entries: Iterable[ManifestEntry], workers: Sequence[str]
) -> dict[str, list[ManifestEntry]]:
    """Divide blocks among workers.

    Parameters
    ----------
    gallery_id
        The gallery; each is divided differently, so that small ones do not meet on one worker.
    entries
        Its blocks, or some of them.
    workers
        Addresses of the workers, at least one; their order does not matter.

    Returns
    -------
    dict of str to list of ManifestEntry
        The blocks of each worker, in their order.
    """
    ordered, named = list(entries), sorted(workers)
    divided: dict[str, list[ManifestEntry]] = {worker: [] for worker in named}
    indices = np.array([entry.index for entry in ordered], np.uint64)
    # Shape (workers, blocks): each column holds the weights of one block.
    weights = np.stack([_weights(gallery_id, worker, indices) for worker in named])
    for entry, chosen in zip(ordered, weights.argmax(axis=0), strict=True):
        divided[named[chosen]].append(entry)
    return divided


def _weights(
    gallery_id: bytes, worker: str, indices: npt.NDArray[np.uint64]
) -> npt.NDArray[np.uint64]:
    """Return a worker's weights for blocks: outputs of SplitMix64 (Steele, Lea and Flood, 2014).

    The generator is seeded by gallery and worker. Its output number ``index`` depends on no output
    before, so that all weights are computed at once; uint64 wraps around as the generator has it.
    """
    digest = hashlib.blake2b(gallery_id + worker.encode(), digest_size=8).digest()
    seed = np.frombuffer(digest, "<u8")
    mixed: npt.NDArray[np.uint64] = (indices + np.uint64(1)) * _GAMMA + seed
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
