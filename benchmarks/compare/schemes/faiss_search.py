"""The search of templates in clear with FAISS: the floor for all encrypted schemes."""

from __future__ import annotations

from collections.abc import Callable

import faiss
import numpy as np

from gallery.arrays import Floats


def faiss_search(templates: Floats, references: int, probes: Floats) -> Callable[[], object]:
    """Fill an index and return the search of it on one thread.

    Parameters
    ----------
    templates
        Vectors of norm 1, shape (n, d); the index repeats them.
    references
        Number of vectors in the index.
    probes
        Vectors of norm 1, shape (m, d).
    """
    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatL2(templates.shape[1])
    rows = templates.astype(np.float32)
    while index.ntotal < references:
        index.add(rows[: references - index.ntotal])
    queries = np.ascontiguousarray(probes, np.float32)
    return lambda: index.search(queries, 1)
