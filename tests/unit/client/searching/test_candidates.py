"""Results of a search: candidate lists and decisions of a batch of probes."""

from __future__ import annotations

import numpy as np
import pytest

from gallery.client.searching.candidates import Identification
from gallery.client.searching.thresholds import Threshold, ThresholdSource
from gallery.distances import Metric


@pytest.mark.parametrize("count", [0, 3])
def test_an_identification_is_as_long_as_the_batch_of_probes(count: int) -> None:
    texts = np.full((count, 2), "", dtype=str)

    made = Identification(
        distances=np.full((count, 2), np.inf),
        reference_ids=texts,
        labels=texts,
        decisions=np.zeros(count, dtype=bool),
        ambiguous=np.zeros(count, dtype=bool),
        second_labels=texts[:, 0],
        second_distances=np.full(count, np.inf),
        searched=np.zeros(count, dtype=np.int64),
        limit=Threshold(0.4, "given", ThresholdSource.GIVEN),
        metric=Metric.COSINE,
    )

    assert len(made) == count
    assert made.threshold == 0.4
