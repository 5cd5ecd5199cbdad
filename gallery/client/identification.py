"""Searching: probes out, encrypted distances back, candidates found among what they decrypt to."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from gallery.blocks import columns_size, distances_size, probe_constants
from gallery.client.candidates import CandidateRows, Identification, Ranking
from gallery.client.view import GalleryView
from gallery.errors import MissingBlockError, WrongResultError
from gallery.messages import (
    ID_SIZE,
    BlockResult,
    EncryptedDistances,
    EncryptedProbe,
    ReferenceTable,
    SearchRequest,
)
from gallery.metrics import from_squared

Floats = npt.NDArray[np.float64]
Probe = tuple[EncryptedProbe, Floats]

REQUEST_BYTES = 128 * 1024 * 1024
"""Probes travel in requests of about this size, and so do their results; memory stays bounded."""

REQUEST_PROBES = 16
"""Most probes in one request."""


class Searcher:
    """Searches one gallery."""

    def __init__(self, view: GalleryView) -> None:
        self._view = view

    def search(
        self,
        vectors: Floats,
        k: int,
        threshold: float,
        progress: Callable[[int], None] | None = None,
    ) -> Identification:
        """Find the k closest references of each probe.

        Parameters
        ----------
        vectors
            Vectors of norm at most 1, shape (n, d).
        k
            Length of the candidate lists, at least 1.
        threshold
            Largest distance of a match, in units of the metric.
        progress
            Called with the number of probes that were just finished.

        Raises
        ------
        IntegrityError
            If the server's answer is not what the owner enrolled; no result is given.
        """
        parts = []
        for chunk in self._chunks(vectors):
            parts.append(self._search(chunk, k))
            if progress is not None:
                progress(len(chunk))
        description = self._view.description
        squared = np.concatenate([part.squared for part in parts])
        distances = from_squared(squared, description.metric, description.norm_bound)
        return Identification(
            distances=distances,
            reference_ids=np.concatenate([part.reference_ids for part in parts]),
            labels=np.concatenate([part.labels for part in parts]),
            decisions=distances[:, 0] <= threshold,
            searched=np.concatenate(
                [np.full(len(part.squared), part.searched, dtype=np.int64) for part in parts]
            ),
            threshold=threshold,
            metric=description.metric,
        )

    def _search(self, vectors: Floats, k: int) -> CandidateRows:
        """Send one request; check and rank what comes back.

        The whole answer is read before anything of it is decrypted: a server that saw the client
        stop at a block would learn whether what it had made up decrypts to what was expected.
        """
        view = self._view
        probes = [(self._encrypt(vector), vector) for vector in vectors]
        request = SearchRequest(
            view.gallery_id, tuple(probe for probe, _ in probes), view.known_versions()
        )
        floor = view.newest_seen()
        result = view.service.search(request)
        view.accept_manifest(result.manifest, floor)
        rankings = [Ranking(k) for _ in probes]
        blocks, entries = list(result.blocks), result.manifest.entries
        if len(blocks) != len(entries):
            raise MissingBlockError(
                f"the server compared the probe with {len(blocks)} of {len(entries)} blocks; "
                "run the search again"
            )
        tables = [
            view.accept(block.header, block.references, entry)
            for entry, block in zip(entries, blocks, strict=True)
        ]
        for block in blocks:
            self._rank(block, probes, rankings)
        return self._candidates(rankings, tables, k)

    def _chunks(self, vectors: Floats) -> Iterator[Floats]:
        """Split probes so that neither a request nor its answer takes much memory."""
        parameters = self._view.parameters
        blocks = max(1, len(self._view.manifest().entries))
        sizes = columns_size(vectors.shape[1], parameters), blocks * distances_size(parameters)
        step = max(1, min(REQUEST_PROBES, REQUEST_BYTES // max(sizes)))
        return (vectors[start : start + step] for start in range(0, len(vectors), step))

    def _encrypt(self, vector: Floats) -> EncryptedProbe:
        view = self._view
        return EncryptedProbe(
            probe_id=os.urandom(ID_SIZE),
            key_id=view.key.key_id,
            parameters=view.parameters.name,
            dimension=view.description.dimension,
            constants=view.codec.encrypt_constants(probe_constants(vector)),
        )

    def _rank(
        self, block: BlockResult, probes: Sequence[Probe], rankings: Sequence[Ranking]
    ) -> None:
        """Decrypt the distances of one block, check its canaries, and merge the rest."""
        header = block.header
        positions = np.flatnonzero(header.occupied())
        if len(block.distances) != len(probes):
            raise WrongResultError("the server answered another number of probes than it was sent")
        for (probe, vector), found, ranking in zip(probes, block.distances, rankings, strict=True):
            self._check_origin(probe, found, block)
            squared = self._view.codec.decrypt_distances(found.residues)
            self._view.canaries.check(squared, vector, header.index, header.version)
            ranking.add(squared[positions], positions, header.index)

    def _check_origin(
        self, probe: EncryptedProbe, found: EncryptedDistances, block: BlockResult
    ) -> None:
        header = block.header
        stated = (found.probe_id, found.block_index, found.block_version, found.parameters)
        if stated != (probe.probe_id, header.index, header.version, probe.parameters):
            raise WrongResultError(
                f"the result for block {header.index} does not belong to this probe or block; "
                "nothing of it was used. Run the search again"
            )
        found.check()

    def _candidates(
        self, rankings: Sequence[Ranking], tables: Sequence[ReferenceTable], k: int
    ) -> CandidateRows:
        """Open the labels of the candidates, and only theirs."""
        squared = np.full((len(rankings), k), np.inf)
        identifiers = [[""] * k for _ in rankings]
        labels = [[""] * k for _ in rankings]
        by_place = [
            {item.position: item for item in table} if _names(rankings, index) else {}
            for index, table in enumerate(tables)
        ]
        for row, ranking in enumerate(rankings):
            squared[row, : len(ranking.squared)] = ranking.squared
            for rank, (index, position) in enumerate(ranking.places.tolist()):
                reference = by_place[index][position]
                identifiers[row][rank] = reference.reference_id.hex()
                labels[row][rank] = self._view.labels.open(
                    reference.sealed_label, reference.reference_id
                )
        searched = sum(len(table) for table in tables)
        return CandidateRows(squared, np.array(identifiers), np.array(labels), searched)


def _names(rankings: Sequence[Ranking], index: int) -> bool:
    return any((ranking.places[:, 0] == index).any() for ranking in rankings)
