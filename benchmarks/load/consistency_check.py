"""The consistency check after a load: everything acknowledged is there, once, and is found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from benchmarks.load.records import EnrollmentRecord
from benchmarks.load.workload import THRESHOLD, new_subject, reference_label
from gallery.client import GalleryClient


@dataclass(frozen=True)
class ConsistencyReport:
    """The numbers of subjects and references in each state.

    Attributes
    ----------
    acknowledged
        Subjects whose enrollment was acknowledged.
    uncertain, uncertain_kept
        Subjects whose enrollment ended with an error, and how many of them are there all the same.
    lost, doubled, foreign
        References and subjects that should be there and are not; that are there more than once;
        and that no client enrolled.
    not_found
        Acknowledged subjects that a search does not find.
    damaged
        Findings of a deep verification.
    """

    acknowledged: int
    uncertain: int
    uncertain_kept: int
    lost: int
    doubled: int
    foreign: int
    not_found: int
    damaged: int

    @property
    def sound(self) -> bool:
        return not (self.lost or self.doubled or self.foreign or self.not_found or self.damaged)


def check_consistency(
    client: GalleryClient, references: int, enrollments: Iterable[EnrollmentRecord]
) -> ConsistencyReport:
    """List the gallery, verify it to the last template, and search for all new subjects."""
    acknowledged: list[tuple[int, int]] = []
    uncertain: list[tuple[int, int]] = []
    for record in enrollments:
        subjects = [(record.enroller, number) for number in record.numbers]
        (uncertain if record.fault else acknowledged).extend(subjects)
    sure = {reference_label(index) for index in range(references)}
    sure |= {_label(subject) for subject in acknowledged}
    perhaps = {_label(subject) for subject in uncertain}
    held = Counter(item.label for item in client.references())
    return ConsistencyReport(
        acknowledged=len(acknowledged),
        uncertain=len(perhaps),
        uncertain_kept=len(perhaps & held.keys()),
        lost=len(sure - held.keys()),
        doubled=sum(count > 1 for count in held.values()),
        foreign=len(held.keys() - sure - perhaps),
        not_found=_not_found(client, acknowledged),
        damaged=len(client.verify(deep=True).findings),
    )


def _label(subject: tuple[int, int]) -> str:
    return f"subject-{subject[0]}-{subject[1]}"


def _not_found(client: GalleryClient, subjects: list[tuple[int, int]]) -> int:
    if not subjects:
        return 0
    dimension = client.description.dimension
    drawn = [new_subject(*subject, dimension) for subject in subjects]
    found = client.identify(np.stack([vector for _, vector in drawn]), 1, THRESHOLD)
    hits = found.decisions & (found.labels[:, 0] == np.array([label for label, _ in drawn]))
    return int((~hits).sum())
