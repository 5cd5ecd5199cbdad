"""Outcomes of searches: ranks and distances of mates, the nearest of strangers, and all others."""

from __future__ import annotations

import numpy as np

from gallery.accuracy.outcomes import OutcomesTally


def test_a_matrix_is_taken_apart() -> None:
    tally = OutcomesTally(largest=10.0)
    tally.add(np.array([[0.0, 1.0], [2.0, 3.0]]), np.array([0, 1]), np.array([0, 1]))
    tally.add(np.array([[5.0, 4.0]]), np.array([-1]), np.array([2]))

    found = tally.result()

    assert found.mate_distances.tolist() == [0.0, 3.0]
    assert found.mate_ranks.tolist() == [1, 2]
    assert found.mated_subjects.tolist() == [0, 1]
    assert found.nearest.tolist() == [4.0]
    assert found.non_mated_subjects.tolist() == [2]
    assert found.others.values.tolist() == [1.0, 2.0, 4.0, 5.0]


def test_mated_and_other_probes_may_come_together_and_in_any_order() -> None:
    distances = np.array([[0.3, 0.1], [0.5, 0.6], [0.2, 0.4]])
    tally = OutcomesTally(largest=2.0)
    tally.add(distances, np.array([-1, 1, -1]), np.array([7, 8, 9]))

    found = tally.result()

    assert (found.mate_distances.tolist(), found.mate_ranks.tolist()) == ([0.6], [2])
    assert found.nearest.tolist() == [0.1, 0.2]
    assert found.non_mated_subjects.tolist() == [7, 9]
    assert found.others.values.tolist() == [0.1, 0.2, 0.3, 0.4, 0.5]
