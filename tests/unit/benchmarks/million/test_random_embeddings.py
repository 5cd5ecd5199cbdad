"""Random embeddings: the same vectors however many are read, in the form of an open file."""

from __future__ import annotations

import numpy as np

from benchmarks.million.random_embeddings import RandomEmbeddings, label_of, unit_rows


def test_a_probe_is_one_of_the_references() -> None:
    first, _ = next(RandomEmbeddings(10_000, 16).batches(4094, True))
    np.testing.assert_array_equal(unit_rows(0, 3, 16), first[:3])


def test_all_rows_are_read_once() -> None:
    embeddings, labels = RandomEmbeddings(5_000, 4).read(True)
    assert labels == [label_of(number) for number in range(5_000)]
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1.0, rtol=1e-6)
    assert len(np.unique(embeddings, axis=0)) == 5_000
