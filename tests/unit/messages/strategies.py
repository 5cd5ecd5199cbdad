"""Strategies for every message: whatever can be written, not only what is usual."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from gallery.messages import (
    BlockHeader,
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
    StoredReference,
    columns_digest,
)
from gallery.metrics import Metric
from gallery.parameters import COMPACT, MAX_DIMENSION, STANDARD
from tests.builders import distances, random_columns

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
identifiers = st.binary(min_size=16, max_size=16)
digests = st.binary(min_size=32, max_size=32)
u32 = st.integers(0, 2**32 - 1)
u64 = st.integers(0, 2**64 - 1)
dimensions = st.integers(1, MAX_DIMENSION)
positive = st.floats(min_value=0.0, exclude_min=True, allow_nan=False, allow_infinity=False)
thresholds = st.floats(min_value=0.0, allow_nan=False, allow_infinity=False).map(abs)

descriptions = st.builds(
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
    mac=digests,
)

headers = st.builds(
    BlockHeader,
    gallery_id=identifiers,
    index=u32,
    version=u64,
    parameters=st.sampled_from([STANDARD.name, COMPACT.name]),
    dimension=u32,
    occupancy=st.binary(min_size=512, max_size=512),
    columns_digest=digests,
    references_digest=digests,
    mac=digests,
)

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
)


@st.composite
def manifests(draw: st.DrawFn, min_entries: int = 0) -> Manifest:
    stated = draw(st.lists(st.tuples(u64, digests), min_size=min_entries, max_size=6))
    entries = tuple(ManifestEntry(index, *item) for index, item in enumerate(stated))
    return Manifest(draw(identifiers), draw(u64), entries, draw(digests))


probes = st.builds(
    lambda probe_id, key_id, parameters, dimension, seed: EncryptedProbe(
        probe_id, key_id, parameters.name, dimension, random_columns(parameters, dimension, seed)
    ),
    identifiers,
    identifiers,
    st.sampled_from([STANDARD, COMPACT]),
    st.integers(1, 2),
    u32,
)

encrypted_distances = st.builds(
    lambda probe_id, index, version, seed: EncryptedDistances(
        probe_id, index, version, COMPACT.name, np.array(distances(seed).residues)
    ),
    identifiers,
    u32,
    u64,
    u32,
)


@st.composite
def blocks(draw: st.DrawFn) -> EncryptedBlock:
    columns = random_columns(seed=draw(u32))
    header = replace(draw(headers), parameters=COMPACT.name, dimension=1)
    return EncryptedBlock(replace(header, columns_digest=columns_digest(columns)), columns)


updates = st.builds(
    GalleryUpdate,
    u64,
    manifests(min_entries=2),
    st.lists(st.builds(BlockUpdate, blocks(), tables), max_size=2).map(tuple),
)

every_message = {
    "GalleryDescription": descriptions,
    "BlockHeader": headers,
    "ReferenceTable": tables,
    "Manifest": manifests(),
    "EncryptedProbe": probes,
    "EncryptedDistances": encrypted_distances,
    "EncryptedBlock": blocks(),
    "GalleryUpdate": updates,
}
"""Name of each message that has bytes, and what makes it."""
