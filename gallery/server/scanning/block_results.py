"""Results of blocks: computed for all probes of a pass, and divided among its searches."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from gallery.evaluator import Evaluator
from gallery.messages import BlockResult, EncryptedDistances, EncryptedProbe
from gallery.parameters import find_parameters
from gallery.server.scanning.block_cache import ReadyBlock
from gallery.server.scanning.searches import Search


def compute_results(
    blocks: Sequence[ReadyBlock], probes: Sequence[EncryptedProbe], evaluator: Evaluator
) -> list[BlockResult]:
    """Return for each of some blocks its references, if it has them, and its distances to probes.

    Parameters
    ----------
    blocks
        Blocks of one gallery.
    probes
        Probes that fit the gallery.
    evaluator
        What computes the encrypted distances.
    """
    if not blocks:
        return []
    columns = [ready.block.columns for ready in blocks]
    parameters = find_parameters(blocks[0].block.header.parameters)
    sums = evaluator.distances_of_blocks(columns, [probe.constants for probe in probes], parameters)
    results = []
    for ready, of_block in zip(blocks, sums, strict=True):
        header = ready.block.header
        distances = tuple(
            EncryptedDistances(
                probe.probe_id, header.index, header.version, header.parameters, residues
            )
            for probe, residues in zip(probes, of_block, strict=True)
        )
        results.append(BlockResult(header, ready.references, distances))
    return results


def probes_of(searches: Iterable[Search]) -> list[EncryptedProbe]:
    """Return the probes of all searches, one search after the other."""
    return [probe for search in searches for probe in search.request.probes]


def divide_result(result: BlockResult, searches: Iterable[Search]) -> int:
    """Give each search its part of what a block yields for `probes_of` these searches.

    Returns
    -------
    int
        Comparisons that this was: references of the block, times probes.
    """
    header, distances = result.header, deque(result.distances)
    for search in searches:
        known = search.request.known.get(header.index) == header.version
        own = tuple(distances.popleft() for _ in search.request.probes)
        search.put(BlockResult(header, None if known else result.references, own))
    references = int.from_bytes(header.occupancy, "little").bit_count()
    return references * len(result.distances)
