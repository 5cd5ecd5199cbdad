"""The columns of a block in clear, for the schemes that share this project's layout."""

from __future__ import annotations

import numpy as np

from gallery.arrays import Floats
from gallery.ciphertexts import blocks
from gallery.client.embeddings.templates import round_to_grid
from gallery.parameters import CkksParameterSet


def block_columns(templates: Floats, parameters: CkksParameterSet) -> Floats:
    """Return the columns of a block that holds templates, shape (d + 2, positions)."""
    columns = blocks.empty_columns(templates.shape[1], parameters)
    positions = blocks.reference_positions(parameters)[: len(templates)]
    blocks.place(columns, positions, round_to_grid(templates, parameters))
    return np.round(columns / parameters.grid) * parameters.grid
