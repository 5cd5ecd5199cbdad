"""Outliers: new references that are far from all others of their label, perhaps another person's.

They are found in the block that is written, which is open for that anyway, and are told after it
was written. So nothing that a server does depends on them. Others of the label may be in other
blocks: see `label_comparison`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gallery.arrays import Floats, Integers
from gallery.client.editing.block_editor import PlaintextBlock
from gallery.distances import from_squared
from gallery.messages import GalleryDescription, StoredReference

_ROWS_AT_ONCE = 256
"""New references of one label that are compared with the others of it together."""


@dataclass(frozen=True)
class Outlier:
    """A new reference that matches none of the others of its label.

    Attributes
    ----------
    label
        The label that it has.
    reference_id
        The reference, 32 hexadecimal digits.
    distance
        To the closest of the others, in units of the gallery's metric, with all digits; see
        `release`.
    threshold
        The largest distance of a match, in the same units.
    """

    label: str
    reference_id: str
    distance: float
    threshold: float


class OutlierRule:
    """Tells which new references are farther than a threshold from all others of their label.

    Parameters
    ----------
    description
        The gallery.
    threshold
        Largest distance of a match, in units of its metric.

    Attributes
    ----------
    threshold
        The same.
    """

    def __init__(self, description: GalleryDescription, threshold: float) -> None:
        self._description, self.threshold = description, threshold

    def find(
        self, block: PlaintextBlock, added: Mapping[str, list[StoredReference]]
    ) -> tuple[Outlier, ...]:
        """Return those of the references just put into a block that match no other of their label.

        Parameters
        ----------
        block
            The block, with these references.
        added
            The references by label.
        """
        positions = defaultdict[bytes, list[int]](list)
        for position, item in block.references.items():
            positions[item.pseudonym].append(position)
        found: list[Outlier] = []
        for label, items in added.items():
            same = np.array(positions[items[0].pseudonym])
            if len(same) == 1:
                continue
            for start in range(0, len(items), _ROWS_AT_ONCE):
                some = items[start : start + _ROWS_AT_ONCE]
                distances = self._closest(block.templates, [item.position for item in some], same)
                found += [
                    Outlier(label, item.reference_id.hex(), float(distance), self.threshold)
                    for item, distance in zip(some, distances, strict=True)
                    if distance > self.threshold
                ]
        return tuple(found)

    def _closest(self, templates: Floats, positions: list[int], others: Integers) -> Floats:
        """Return the distance of each position's template to the closest one at other positions."""
        some, all_of_it = templates[positions], templates[others]
        squares = (some**2).sum(axis=1)[:, np.newaxis] + (all_of_it**2).sum(axis=1)
        squared = squares - 2.0 * some @ all_of_it.T
        squared[np.array(positions)[:, np.newaxis] == others] = np.inf
        description = self._description
        return from_squared(squared.min(axis=1), description.metric, description.norm_bound)
