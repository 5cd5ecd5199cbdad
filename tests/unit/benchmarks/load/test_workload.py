"""The workload of a load: each kind of mistake in an answer is noticed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.load.workload import (
    SearchAnswer,
    Workload,
    make_workload,
    new_subject,
    reference_label,
)
from gallery.parameters import STANDARD

ENROLLED, DIMENSION = 200, 64


@pytest.fixture(scope="module")
def workload() -> Workload:
    return make_workload(ENROLLED, DIMENSION)


def true_answer(workload: Workload, number: int) -> SearchAnswer:
    """What a search in clear says about a probe."""
    distances = 1.0 - workload.references @ workload.probes[number]
    ranks = np.argsort(distances)[:3]
    return SearchAnswer(
        labels=[reference_label(index) for index in ranks],
        distances=distances[ranks].tolist(),
        match=bool(workload.mated[number]),
        searched=ENROLLED,
    )


def mated_probe(workload: Workload) -> int:
    return int(np.flatnonzero(workload.mated)[0])


def non_mated_probe(workload: Workload) -> int:
    return int(np.flatnonzero(~workload.mated)[0])


def test_right_answers_have_no_mistake(workload: Workload) -> None:
    for number in range(len(workload.probes)):
        assert workload.mistake(number, true_answer(workload, number), STANDARD) is None


def test_a_changed_distance_is_noticed(workload: Workload) -> None:
    number = mated_probe(workload)
    answer = true_answer(workload, number)
    answer.distances[1] += 1e-5
    assert "distance" in (workload.mistake(number, answer, STANDARD) or "")


def test_swapped_labels_are_noticed(workload: Workload) -> None:
    number = mated_probe(workload)
    answer = true_answer(workload, number)
    swapped = replace(answer, labels=answer.labels[::-1])
    assert "distance" in (workload.mistake(number, swapped, STANDARD) or "")


def test_a_missing_closest_reference_is_noticed(workload: Workload) -> None:
    for number in (mated_probe(workload), non_mated_probe(workload)):
        answer = true_answer(workload, number)
        late = replace(answer, labels=answer.labels[1:], distances=answer.distances[1:])
        assert "closest" in (workload.mistake(number, late, STANDARD) or "")


def test_a_wrong_decision_is_noticed(workload: Workload) -> None:
    for number in (mated_probe(workload), non_mated_probe(workload)):
        answer = true_answer(workload, number)
        wrong = replace(answer, match=not answer.match)
        assert "decision" in (workload.mistake(number, wrong, STANDARD) or "")


def test_a_part_of_the_gallery_is_noticed(workload: Workload) -> None:
    number = mated_probe(workload)
    answer = replace(true_answer(workload, number), searched=ENROLLED - 1)
    assert "fewer" in (workload.mistake(number, answer, STANDARD) or "")


def test_a_new_subject_may_be_closer_to_a_non_mated_probe(workload: Workload) -> None:
    label, vector = new_subject(0, 0, DIMENSION)
    number = non_mated_probe(workload)
    closer = replace(
        workload, probes=np.tile(vector, (len(workload.probes), 1)), mated=workload.mated
    )
    answer = SearchAnswer([label], [0.0], match=False, searched=ENROLLED + 1)
    assert closer.mistake(number, answer, STANDARD) is None


def test_no_new_subject_is_enrolled_already(workload: Workload) -> None:
    subjects = np.stack(
        [new_subject(enroller, number, DIMENSION)[1] for enroller in (0, 1) for number in range(9)]
    )
    everybody = np.concatenate([workload.references, subjects])
    similarities = everybody @ everybody.T - np.eye(len(everybody))
    assert similarities.max() < 0.9
