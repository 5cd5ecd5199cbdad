"""Small valid messages. Residues are random: whatever is below its prime looks like a ciphertext.

Dimension 1 and the parameter set ``compact`` keep the residues of a block at 165,888 bytes, packed.
Messages of the hinted scheme are made by naming its parameter set: their blocks have one column.
Nothing here is signed unless a test signs it; in place of a MAC stands a hash, so that no two
statements share one.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from gallery.arrays import Residues
from gallery.ciphertexts.bit_packing import pack
from gallery.ciphertexts.blocks import position_count
from gallery.ciphertexts.seeds import expand_into
from gallery.distances import Metric
from gallery.messages import (
    NO_CHECK_SUMS,
    BlockHeader,
    BlockReferences,
    BlockRelabelling,
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
    SealedCheckSums,
    SearchRequest,
    StoredReference,
    columns_digest,
    pack_occupancy,
    relabelled_header,
)
from gallery.parameters import COMPACT, CkksParameterSet, HintedParameterSet, ParameterSet

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


def hinted_description(parameters: HintedParameterSet, **changes: Any) -> GalleryDescription:
    """Return the description of a gallery of the hinted scheme."""
    seed = hashlib.sha256(parameters.name.encode()).digest()
    return description(parameters=parameters.name, seed=seed, **changes)


def reference(position: int, **changes: Any) -> StoredReference:
    """Return a reference whose other fields follow from its position."""
    digest = hashlib.sha512(position.to_bytes(4, "little")).digest()
    usual = StoredReference(position, digest[:16], digest[16:32], digest[32:48], digest)
    return replace(usual, **changes)


def table(index: int, version: int, positions: Iterable[int], hint: bytes = b"") -> ReferenceTable:
    """Return a table of references at the given positions."""
    listed = [reference(at) for at in positions]
    return ReferenceTable.of(GALLERY_ID, index, version, listed, hint)


def random_residues(
    shape: tuple[int, ...], prime_axis: int, parameters: ParameterSet, seed: int
) -> Residues:
    """Return random residues below their primes."""
    primes = np.array(parameters.data_primes, dtype=np.uint32)
    limits = primes.reshape([-1 if axis == prime_axis else 1 for axis in range(len(shape))])
    return np.random.default_rng(seed).integers(0, limits, shape, dtype=np.uint32)


def random_columns(
    parameters: ParameterSet = COMPACT, dimension: int = 1, seed: int = 0
) -> Residues:
    """Return random residues of the shape of a block's columns, those of vectors of norm 1."""
    columns = parameters.column_count(dimension, normalized=True)
    return random_residues(parameters.block_shape(columns), 0, parameters, seed)


def random_constants(
    parameters: ParameterSet = COMPACT, dimension: int = 1, seed: int = 0
) -> Residues:
    """Return random residues of the shape of a probe's constants, likewise."""
    columns = parameters.column_count(dimension, normalized=True)
    return random_residues(parameters.probe_shape(columns), 0, parameters, seed)


def random_hint(parameters: ParameterSet, seed: int = 0) -> bytes:
    """Return a hint as a table of references has it; empty for a set without hints."""
    if parameters.hint_shape is None:
        return b""
    residues = random_residues(parameters.hint_shape, 0, parameters, seed)
    return pack(residues, parameters.residue_bits)


def check_sums(parameters: ParameterSet, dimension: int = 1, seed: int = 0) -> SealedCheckSums:
    """Return random bytes of the size of a gallery's check sums, sealed."""
    residues = math.prod(parameters.probe_shape(dimension))
    size = residues * parameters.residue_bits // 8 + 12 + 16  # with the AEAD's nonce and tag
    return SealedCheckSums(np.random.default_rng(seed).bytes(size))


def seeded_columns(
    parameters: CkksParameterSet = COMPACT, dimension: int = 1, seed: int = 0
) -> tuple[Residues, bytes]:
    """Return columns whose uniform halves were expanded, and the 32 bytes that they came from."""
    columns = random_columns(parameters, dimension, seed)
    expanded_from = hashlib.sha256(seed.to_bytes(8, "little")).digest()
    expand_into(columns, expanded_from, parameters)
    return columns, expanded_from


def header_of(
    columns: Residues,
    references: ReferenceTable,
    positions: Iterable[int],
    parameters: ParameterSet = COMPACT,
    **changes: Any,
) -> BlockHeader:
    """Return a header that fits its block and its references."""
    hinted = parameters.hint_shape is not None
    occupied = np.zeros(position_count(parameters), dtype=bool)
    occupied[list(positions)] = True
    header = BlockHeader(
        gallery_id=references.gallery_id,
        index=references.block_index,
        version=references.block_version,
        parameters=parameters.name,
        dimension=1,
        occupancy=pack_occupancy(occupied),
        columns_digest=columns_digest(columns),
        references_digest=references.digest(),
        columns=columns.shape[3] if hinted else 0,
        nonce=hashlib.sha256(columns_digest(columns)).digest() if hinted else b"",
    )
    return stamped(replace(header, **changes))


def stamped(statement: Any) -> Any:
    """Return a statement with a hash of itself where its MAC belongs."""
    return statement.with_mac(hashlib.sha256(statement.statement()).digest())


def block_update(
    index: int,
    version: int,
    positions: Iterable[int] = (0, 7),
    *,
    seeded: bool = False,
    parameters: ParameterSet = COMPACT,
) -> BlockUpdate:
    """Return a new version of a block with references at the given positions."""
    places, number = tuple(positions), 1000 * index + version
    columns, seed = random_columns(parameters, seed=number), None
    if seeded:
        columns, seed = seeded_columns(seed=number)
    references = table(index, version, places, random_hint(parameters, number))
    header = header_of(columns, references, places, parameters)
    return BlockUpdate(EncryptedBlock(header, columns, seed), references)


def relabelling(former: BlockUpdate, version: int, positions: Iterable[int]) -> BlockRelabelling:
    """Return the relabelling of some references of a block."""
    header = former.block.header
    other = hashlib.sha512(version.to_bytes(8, "little")).digest()
    changed = [
        replace(
            former.references.at(position),
            pseudonym=other[:16],
            content_tag=other[16:32],
            sealed_label=other + bytes([position % 256]),
        )
        for position in positions
    ]
    references = ReferenceTable.of(GALLERY_ID, header.index, version, changed)
    unsigned = BlockRelabelling(replace(header, version=version), references)
    whole = unsigned.applied(former.references)
    return replace(unsigned, header=stamped(relabelled_header(header, whole)))


def relabelling_update(
    current: Manifest, *items: BlockRelabelling, check_sums: SealedCheckSums = NO_CHECK_SUMS
) -> GalleryUpdate:
    """Return the update that relabels references of blocks of a gallery."""
    entries = list(current.entries)
    for item in items:
        entries[item.header.index] = entry_of(item.header)
    following = manifest(current.version + 1, entries)
    return GalleryUpdate(current.version, following, (), True, check_sums, items)


def entry_of(header: BlockHeader) -> ManifestEntry:
    """Return the manifest's entry of a block."""
    return ManifestEntry(header.index, header.version, header.mac)


def manifest(version: int, entries: Iterable[ManifestEntry] = ()) -> Manifest:
    """Return a manifest."""
    made: Manifest = stamped(Manifest(GALLERY_ID, version, tuple(entries)))
    return made


def update_of(
    current: Manifest, *blocks: BlockUpdate, check_sums: SealedCheckSums = NO_CHECK_SUMS
) -> GalleryUpdate:
    """Return the update that puts the given block versions into a gallery."""
    entries = {entry.index: entry for entry in current.entries}
    entries |= {item.block.header.index: entry_of(item.block.header) for item in blocks}
    following = manifest(current.version + 1, [entries[index] for index in sorted(entries)])
    return GalleryUpdate(current.version, following, blocks, check_sums=check_sums)


def probe(
    seed: int = 1, *, seeded: bool = False, parameters: ParameterSet = COMPACT
) -> EncryptedProbe:
    """Return an encrypted probe."""
    if seeded:
        return EncryptedProbe(PROBE_ID, KEY_ID, COMPACT.name, 1, *seeded_columns(seed=seed))
    constants = random_constants(parameters, seed=seed)
    return EncryptedProbe(PROBE_ID, KEY_ID, parameters.name, 1, constants)


def distances(seed: int = 2, *, parameters: ParameterSet = COMPACT) -> EncryptedDistances:
    """Return encrypted distances."""
    axis = parameters.result_prime_axis
    residues = random_residues(parameters.result_shape, axis, parameters, seed)
    return EncryptedDistances(PROBE_ID, 3, 2**40, parameters.name, residues)


def search_request(*probes: EncryptedProbe, known_check_sums: bytes = b"") -> SearchRequest:
    """Return a request of a caller who has the references of blocks 0 and 3."""
    return SearchRequest(GALLERY_ID, probes, {0: 7, 3: 2**40}, known_check_sums)


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
