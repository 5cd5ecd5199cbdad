"""Small valid messages. Residues are random: whatever is below its prime looks like a ciphertext.

Dimension 1 and the parameter set ``compact`` keep the residues of a block at 165,888 bytes, packed.
Nothing here is signed unless a test signs it; in place of a MAC stands a hash, so that no two
statements share one.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from gallery.arrays import Residues
from gallery.ciphertexts.blocks import columns_shape, distances_shape, position_count
from gallery.ciphertexts.seeds import expand_into
from gallery.distances import Metric
from gallery.messages import (
    BlockHeader,
    BlockReferences,
    BlockResult,
    BlockUpdate,
    EncryptedBlock,
    EncryptedDistances,
    EncryptedProbe,
    GalleryDescription,
    GalleryUpdate,
    Manifest,
    ManifestEntry,
    Preprocessing,
    ReferenceTable,
    SearchRequest,
    StoredReference,
    columns_digest,
    pack_occupancy,
)
from gallery.parameters import COMPACT, ParameterSet

GALLERY_ID = bytes(range(16))
KEY_ID = bytes(range(16, 32))
PROBE_ID = bytes(range(32, 48))


def description(**changes: Any) -> GalleryDescription:
    """Return the description of a gallery of Dlib embeddings; changes replace its fields."""
    usual = GalleryDescription(
        gallery_id=GALLERY_ID,
        key_id=KEY_ID,
        name="staff",
        preprocessing=Preprocessing("Dlib", "dlib", True, "base", 1600),
        metric=Metric.COSINE,
        dimension=1,
        parameters=COMPACT.name,
        norm_bound=1.0,
        threshold=0.07,
        created=1_750_000_000,
    )
    return replace(usual, **changes)


def reference(position: int, **changes: Any) -> StoredReference:
    """Return a reference whose other fields follow from its position."""
    digest = hashlib.sha512(position.to_bytes(4, "little")).digest()
    usual = StoredReference(position, digest[:16], digest[16:32], digest[32:48], digest)
    return replace(usual, **changes)


def table(index: int, version: int, positions: Iterable[int]) -> ReferenceTable:
    """Return a table of references at the given positions."""
    return ReferenceTable.of(GALLERY_ID, index, version, [reference(at) for at in positions])


def random_residues(
    shape: tuple[int, ...], prime_axis: int, parameters: ParameterSet, seed: int
) -> Residues:
    """Return random residues below their primes."""
    primes = np.array(parameters.data_primes, dtype=np.uint32)
    limits = primes.reshape([-1 if axis == prime_axis else 1 for axis in range(len(shape))])
    return np.random.default_rng(seed).integers(0, limits, shape, dtype=np.uint32)


def random_columns(parameters: ParameterSet = COMPACT, dimension: int = 1, seed: int = 0):
    """Return random residues of the shape of a block's columns or a probe's constants."""
    return random_residues(columns_shape(dimension, parameters), 0, parameters, seed)


def seeded_columns(
    parameters: ParameterSet = COMPACT, dimension: int = 1, seed: int = 0
) -> tuple[Residues, bytes]:
    """Return columns whose uniform halves were expanded, and the 32 bytes that they came from."""
    columns = random_columns(parameters, dimension, seed)
    expanded_from = hashlib.sha256(seed.to_bytes(8, "little")).digest()
    expand_into(columns, expanded_from, parameters)
    return columns, expanded_from


def header_of(
    columns: Residues, references: ReferenceTable, positions: Iterable[int], **changes: Any
) -> BlockHeader:
    """Return a header that fits its block and its references."""
    occupied = np.zeros(position_count(COMPACT), dtype=bool)
    occupied[list(positions)] = True
    header = BlockHeader(
        gallery_id=references.gallery_id,
        index=references.block_index,
        version=references.block_version,
        parameters=COMPACT.name,
        dimension=1,
        occupancy=pack_occupancy(occupied),
        columns_digest=columns_digest(columns),
        references_digest=references.digest(),
    )
    return stamped(replace(header, **changes))


def stamped(statement: Any) -> Any:
    """Return a statement with a hash of itself where its MAC belongs."""
    return statement.with_mac(hashlib.sha256(statement.statement()).digest())


def block_update(
    index: int, version: int, positions: Iterable[int] = (0, 7), *, seeded: bool = False
) -> BlockUpdate:
    """Return a new version of a block with references at the given positions."""
    places, number = tuple(positions), 1000 * index + version
    columns, seed = seeded_columns(seed=number) if seeded else (random_columns(seed=number), None)
    references = table(index, version, places)
    header = header_of(columns, references, places)
    return BlockUpdate(EncryptedBlock(header, columns, seed), references)


def entry_of(header: BlockHeader) -> ManifestEntry:
    """Return the manifest's entry of a block."""
    return ManifestEntry(header.index, header.version, header.mac)


def manifest(version: int, entries: Iterable[ManifestEntry] = ()) -> Manifest:
    """Return a manifest."""
    made: Manifest = stamped(Manifest(GALLERY_ID, version, tuple(entries)))
    return made


def update_of(current: Manifest, *blocks: BlockUpdate) -> GalleryUpdate:
    """Return the update that puts the given block versions into a gallery."""
    entries = {entry.index: entry for entry in current.entries}
    entries |= {item.block.header.index: entry_of(item.block.header) for item in blocks}
    following = manifest(current.version + 1, [entries[index] for index in sorted(entries)])
    return GalleryUpdate(current.version, following, blocks)


def probe(seed: int = 1, *, seeded: bool = False) -> EncryptedProbe:
    """Return an encrypted probe."""
    found = seeded_columns(seed=seed) if seeded else (random_columns(seed=seed), None)
    return EncryptedProbe(PROBE_ID, KEY_ID, COMPACT.name, 1, *found)


def distances(seed: int = 2, *, parameters: ParameterSet = COMPACT) -> EncryptedDistances:
    """Return encrypted distances."""
    residues = random_residues(distances_shape(parameters), 1, parameters, seed)
    return EncryptedDistances(PROBE_ID, 3, 2**40, parameters.name, residues)


def search_request(*probes: EncryptedProbe) -> SearchRequest:
    """Return a request of a caller who has the references of blocks 0 and 3."""
    return SearchRequest(GALLERY_ID, probes, {0: 7, 3: 2**40})


def block_references(update: BlockUpdate) -> BlockReferences:
    """Return the references of a block, as the service gives them."""
    return BlockReferences(update.block.header, update.references)


def block_result(
    update: BlockUpdate, *found: EncryptedDistances, references: bool = True
) -> BlockResult:
    """Return what a search yields for a block, with or without its references."""
    return BlockResult(update.block.header, update.references if references else None, found)


def content(message: Any) -> Any:
    """Return all that a message holds, as plain values that can be compared."""
    if dataclasses.is_dataclass(message):
        names = [field.name for field in dataclasses.fields(message)]
        return {"type": type(message).__name__} | {
            name: content(getattr(message, name)) for name in names
        }
    if isinstance(message, tuple | list):
        return [content(item) for item in message]
    if isinstance(message, np.ndarray):
        return message.dtype.str, message.shape, message.tobytes()
    return message
