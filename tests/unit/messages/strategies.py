"""Strategies for every message: whatever can be written, not only what is usual."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from gallery.distances import Metric
from gallery.messages import (
    NO_CHECK_SUMS,
    BlockHeader,
    BlockIndices,
    BlockReferences,
    BlockRelabelling,
    BlockResult,
    BlockUpdate,
    DescriptionUpdate,
    EncryptedBlock,
    EncryptedDistances,
    EncryptedProbe,
    Failure,
    GalleryContent,
    GalleryDescription,
    GalleryNames,
    GalleryReplacement,
    GalleryUpdate,
    Manifest,
    ManifestEntry,
    ModelOrigin,
    Preprocessing,
    ReferenceTable,
    SealedCheckSums,
    SearchRequest,
    StoredReference,
    columns_digest,
)
from gallery.parameters import (
    COMPACT,
    LIGHT,
    MAX_DIMENSION,
    STANDARD,
    SWIFT,
    CkksParameterSet,
    ParameterSet,
)
from tests.support.builders import (
    Residues,
    distances,
    random_columns,
    random_constants,
    seeded_columns,
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
identifiers = st.binary(min_size=16, max_size=16)
digests = st.binary(min_size=32, max_size=32)
u32 = st.integers(0, 2**32 - 1)
u64 = st.integers(0, 2**63 - 1)
dimensions = st.integers(1, MAX_DIMENSION)
positive = st.floats(min_value=0.0, exclude_min=True, allow_nan=False, allow_infinity=False)
thresholds = st.floats(min_value=0.0, allow_nan=False, allow_infinity=False).map(abs)

hinted_sets = st.sampled_from([SWIFT, LIGHT])
sealed_sums = st.binary(min_size=1, max_size=200).map(SealedCheckSums)

any_descriptions = st.builds(
    GalleryDescription,
    gallery_id=identifiers,
    key_id=identifiers,
    name=texts,
    preprocessing=st.builds(Preprocessing, texts, texts, st.booleans(), texts, u32),
    metric=st.sampled_from(Metric),
    dimension=dimensions,
    parameters=texts,
    norm_bound=positive,
    threshold=st.none() | thresholds,
    created=u64,
    calibration=st.binary(max_size=100),
    origin=st.none() | st.builds(ModelOrigin, texts, texts, digests, digests),
    mac=digests,
)
descriptions = any_descriptions | st.builds(
    lambda stated, parameters, seed: replace(stated, parameters=parameters.name, seed=seed),
    any_descriptions,
    hinted_sets,
    digests,
)

ckks_headers = st.builds(
    BlockHeader,
    gallery_id=identifiers,
    index=u32,
    version=u64,
    parameters=st.sampled_from([STANDARD.name, COMPACT.name]),
    dimension=dimensions,
    occupancy=st.binary(min_size=512, max_size=512),
    columns_digest=digests,
    references_digest=digests,
    mac=digests,
)
hinted_headers = st.builds(
    lambda stated, parameters, extra, nonce: replace(
        stated, parameters=parameters.name, columns=stated.dimension + extra, nonce=nonce
    ),
    ckks_headers,
    hinted_sets,
    st.integers(0, 1),
    digests,
)
fresh_headers = ckks_headers | hinted_headers
relabelled_headers = st.builds(
    lambda stated, before: replace(
        stated, version=max(stated.version, 1), encrypted_at=before % max(stated.version, 1)
    ),
    fresh_headers,
    u64,
)
headers = fresh_headers | relabelled_headers

references = st.builds(
    StoredReference,
    position=u32,
    reference_id=identifiers,
    pseudonym=identifiers,
    content_tag=identifiers,
    sealed_label=st.binary(max_size=200),
)
tables = st.builds(
    ReferenceTable.of,
    identifiers,
    u32,
    u64,
    st.lists(references, max_size=8, unique_by=lambda item: item.position),
    st.binary(max_size=200),
)


@st.composite
def manifests(draw: st.DrawFn, min_entries: int = 0) -> Manifest:
    stated = draw(st.lists(st.tuples(u64, digests), min_size=min_entries, max_size=6))
    entries = tuple(ManifestEntry(index, *item) for index, item in enumerate(stated))
    signed = draw(st.none() | u64)
    lineage = b"" if signed is None else draw(st.just(b"") | identifiers.filter(any))
    return Manifest(draw(identifiers), draw(u64), entries, draw(digests), signed, lineage)


@st.composite
def columns(
    draw: st.DrawFn, parameters: CkksParameterSet = COMPACT, dimension: int = 1
) -> tuple[Residues, bytes | None]:
    """Residues of a CKKS block or probe, and the seed of their uniform halves if they have one."""
    number = draw(u32)
    if draw(st.booleans()):
        return seeded_columns(parameters, dimension, number)
    return random_columns(parameters, dimension, number), None


@st.composite
def probes(draw: st.DrawFn) -> EncryptedProbe:
    parameters = draw(st.sampled_from([STANDARD, COMPACT, SWIFT, LIGHT]))
    dimension = draw(st.integers(1, 2))
    if isinstance(parameters, CkksParameterSet):
        constants, seed = draw(columns(parameters, dimension))
    else:
        # One column more than values, or as many: both kinds of galleries have such probes.
        extra = draw(st.integers(0, 1))
        constants, seed = random_constants(parameters, dimension + extra, draw(u32)), None
    return EncryptedProbe(
        draw(identifiers), draw(identifiers), parameters.name, dimension, constants, seed
    )


def distances_with(
    probe_id: bytes, index: int, version: int, parameters: ParameterSet, seed: int
) -> EncryptedDistances:
    residues = np.array(distances(seed, parameters=parameters).residues)
    return EncryptedDistances(probe_id, index, version, parameters.name, residues)


encrypted_distances = st.builds(
    distances_with, identifiers, u32, u64, st.sampled_from([COMPACT, SWIFT, LIGHT]), u32
)


@st.composite
def blocks(draw: st.DrawFn) -> EncryptedBlock:
    if draw(st.booleans()):
        parameters, extra = draw(hinted_sets), draw(st.integers(0, 1))
        residues, seed = random_columns(parameters, 1 + extra, draw(u32)), None
        stated = {"parameters": parameters.name, "columns": 1 + extra}
        header = replace(draw(hinted_headers), dimension=1, **stated)
    else:
        residues, seed = draw(columns())
        header = replace(draw(ckks_headers), parameters=COMPACT.name, dimension=1)
    fitted = replace(header, columns_digest=columns_digest(residues))
    return EncryptedBlock(fitted, residues, seed)


block_updates = st.builds(BlockUpdate, blocks(), tables)

relabellings = st.builds(BlockRelabelling, headers, tables)

updates = st.builds(
    GalleryUpdate,
    u64,
    manifests(min_entries=2),
    st.lists(block_updates, max_size=2).map(tuple),
    st.booleans(),
    st.just(NO_CHECK_SUMS) | sealed_sums,
    st.lists(relabellings, max_size=2).map(tuple),
)

search_requests = st.builds(
    SearchRequest,
    identifiers,
    st.lists(probes(), max_size=2).map(tuple),
    st.dictionaries(u32, u64, max_size=6),
    st.just(b"") | digests,
)

block_results = st.builds(
    BlockResult, headers, st.none() | tables, st.lists(encrypted_distances, max_size=2).map(tuple)
)

indices = st.sets(u32, max_size=10).map(lambda found: BlockIndices(tuple(sorted(found))))

every_message = {
    "GalleryDescription": descriptions,
    "BlockHeader": headers,
    "ReferenceTable": tables,
    "Manifest": manifests(),
    "EncryptedProbe": probes(),
    "EncryptedDistances": encrypted_distances,
    "EncryptedBlock": blocks(),
    "GalleryUpdate": updates,
    "SearchRequest": search_requests,
    "BlockResult": block_results,
    "BlockReferences": st.builds(BlockReferences, headers, tables),
    "GalleryContent": st.builds(
        GalleryContent, descriptions, manifests(), st.just(NO_CHECK_SUMS) | sealed_sums
    ),
    "BlockRelabelling": relabellings,
    "BlockUpdate": block_updates,
    "GalleryReplacement": st.builds(GalleryReplacement, u64, descriptions, u64),
    "DescriptionUpdate": st.builds(DescriptionUpdate, digests, descriptions),
    "GalleryNames": st.builds(GalleryNames, st.lists(texts, max_size=6).map(tuple)),
    "BlockIndices": indices,
    "Failure": st.builds(Failure, texts, texts),
    "SealedCheckSums": st.builds(SealedCheckSums, st.binary(max_size=200)),
}
"""Name of each message that has bytes, and what makes it."""
