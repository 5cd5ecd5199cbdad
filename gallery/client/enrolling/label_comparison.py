"""The comparison of new references with all others of their label, in whatever block those are.

It is a search after the write, and its only outcome is a warning. Whether there is one depends on
how many references were written and on whose others are in other blocks, which a server sees from
their pseudonyms; nothing that was decrypted has a part in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from gallery.arrays import Floats
from gallery.client.enrolling.outliers import Outlier, OutlierRule
from gallery.client.searching.identification import Searcher
from gallery.client.searching.thresholds import Threshold, ThresholdSource
from gallery.client.searching.wanted import Wanted
from gallery.client.session import GallerySession

MOST_COMPARED: Final = 128
"""References of one write that are searched for: two batches of photos. Of more, as of a large file
of embeddings, each would be a probe, and only what is in their block is compared."""


class LabelComparison:
    """Compares references that were just written with all others of their label.

    Parameters
    ----------
    session
        The gallery.
    rule
        The rule for outliers.
    """

    def __init__(self, session: GallerySession, rule: OutlierRule) -> None:
        self._session, self._rule = session, rule

    def outliers(self, label: str, written: Mapping[bytes, Floats]) -> tuple[Outlier, ...]:
        """Return those of a label's new references that match no other of it.

        Parameters
        ----------
        label
            The label.
        written
            Their vectors, by reference identifier.

        Raises
        ------
        GalleryError
            If the search fails.
        """
        limit = Threshold(self._rule.threshold, "given", ThresholdSource.GIVEN)
        # The closest two: one of them is the reference itself.
        wanted = Wanted(2, per_reference=True, pseudonym=self._session.labels.pseudonym(label))
        found = Searcher(self._session).search(np.stack([*written.values()]), wanted, limit)
        identifiers = [reference_id.hex() for reference_id in written]
        distances = found.distances.copy()
        distances[found.reference_ids == np.array(identifiers)[:, np.newaxis]] = np.inf
        closest = distances.min(axis=1)
        return tuple(
            Outlier(label, identifier, float(distance), limit.value)
            for identifier, distance in zip(identifiers, closest, strict=True)
            if limit.value < distance < np.inf
        )
