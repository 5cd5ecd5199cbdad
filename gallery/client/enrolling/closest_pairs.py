"""The closest pairs of different people, among whom one person may be enrolled under two labels.

Each reference is opened by its owner and searched for as a probe, so that the comparison is the
server's and the price that of as many searches as there are references.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gallery.client.editing.block_editor import BlockEditor
from gallery.client.progress import Progress
from gallery.client.searching.candidates import Identification
from gallery.client.searching.identification import Searcher
from gallery.client.searching.thresholds import Threshold
from gallery.client.searching.wanted import Wanted
from gallery.client.session import GallerySession


@dataclass(frozen=True)
class ClosePair:
    """Two people whose closest references are close.

    Attributes
    ----------
    label, other_label
        The people, in alphabetical order.
    reference_id, other_reference_id
        Their closest references.
    distance
        Between these, in units of the gallery's metric.
    decision
        Whether it is a match, at most the threshold: the two may well be one person.
    """

    label: str
    other_label: str
    reference_id: str
    other_reference_id: str
    distance: float
    decision: bool


def closest_pairs(
    session: GallerySession,
    count: int,
    threshold: Threshold,
    progress: Progress | None = None,
) -> tuple[ClosePair, ...]:
    """Return the closest pairs of different people of a gallery, the closest first.

    Parameters
    ----------
    session
        The gallery.
    count
        How many pairs, at least 1; there are fewer if there are fewer people.
    threshold
        Largest distance of a match.
    progress
        Called with the number of references that were just compared.

    Raises
    ------
    IntegrityError
        If the gallery or an answer is not what the owner enrolled.
    WriteConflictError
        If another process changes a block before it is read.
    """
    state, found = session.state(), dict[tuple[str, str], ClosePair]()
    # A person closer to a reference than the other of a pair makes a closer pair with it. So the
    # other is among the first of its list, in which its own person takes one place.
    wanted = Wanted(count + 1)
    for index in range(len(state.blocks)):
        block = BlockEditor(session).open(state, index)
        references = [item for _, item in sorted(block.references.items())]
        if not references:
            continue
        vectors = block.templates[[item.position for item in references]]
        answer = Searcher(session).search(vectors, wanted, threshold, progress)
        own = [
            (session.labels.open(item.sealed_label, item.reference_id), item.reference_id.hex())
            for item in references
        ]
        for pair in _pairs(own, answer):
            key = pair.label, pair.other_label
            if key not in found or pair.distance < found[key].distance:
                found[key] = pair
    closest = sorted(found.values(), key=lambda pair: (pair.distance, pair.label, pair.other_label))
    return tuple(closest[:count])


def _pairs(own: list[tuple[str, str]], found: Identification) -> Iterator[ClosePair]:
    """Yield each reference, label and identifier, with the other people on its list."""
    for row, (label, identifier) in enumerate(own):
        for rank, other in enumerate(found.labels[row].tolist()):
            if not other or other == label:
                continue
            distance = float(found.distances[row, rank])
            one, two = sorted([(label, identifier), (other, str(found.reference_ids[row, rank]))])
            yield ClosePair(one[0], two[0], one[1], two[1], distance, distance <= found.threshold)
