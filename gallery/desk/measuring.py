"""Measurements of a gallery while the desk is open: a labelled set, a threshold, a report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gallery.accuracy.calibration import Proposal, search_in_clear
from gallery.accuracy.datasets import LabelledSet
from gallery.accuracy.rates import ErrorCurve
from gallery.client import Calibration, GalleryClient, Threshold
from gallery.client.integrity import clock
from gallery.client.progress import ProgressBar
from gallery.desk.errors import BadRequestError
from gallery.desk.texts import english
from gallery.messages import GalleryDescription


@dataclass(frozen=True)
class EvaluationReport:
    """The report of an evaluation.

    Attributes
    ----------
    body
        The report as a page shows it, HTML in which everything is escaped.
    html, json
        The files of `gallery.accuracy.report.write_report`.
    """

    body: str
    html: bytes
    json: bytes


Evaluate = Callable[[LabelledSet, GalleryDescription, ProgressBar], EvaluationReport]
"""Evaluates a labelled set with the metric and parameter set of a gallery."""


@dataclass(frozen=True, eq=False)
class FoundThreshold:
    """A threshold that was found on a labelled set, and the curve that it lies on."""

    proposal: Proposal
    curve: ErrorCurve


@dataclass
class Measuring:
    """The latest measurements of a gallery.

    Attributes
    ----------
    labelled
        The set, or None.
    found
        The threshold that was found on it, until it is stored, or None.
    report
        The report of its evaluation, or None.
    """

    labelled: LabelledSet | None = None
    found: FoundThreshold | None = None
    report: EvaluationReport | None = None

    def bring(self, labelled: LabelledSet) -> None:
        """Take another set; what was found on the one before is gone."""
        self.labelled, self.found, self.report = labelled, None, None

    def required(self) -> LabelledSet:
        """Return the set (`BadRequestError` if there is none)."""
        if self.labelled is None:
            raise BadRequestError(english()("accuracy.noset"))
        return self.labelled


def find_threshold(
    labelled: LabelledSet,
    description: GalleryDescription,
    *,
    fpir: float,
    folds: int,
    seed: int,
    actual_size: int,
    stage: ProgressBar,
) -> FoundThreshold:
    """Find a threshold; raises what `gallery.accuracy.calibration.propose` raises."""
    found = search_in_clear(
        labelled, description, fpir=fpir, folds=folds, seed=seed, progress=stage
    )
    return FoundThreshold(found.proposal(fpir, actual_size), found.curve())


def store(client: GalleryClient, measuring: Measuring) -> Threshold:
    """Store the threshold that was found, sealed (`BadRequestError` if there is none)."""
    if measuring.found is None:
        raise BadRequestError(english()("accuracy.gone"))
    proposal = measuring.found.proposal
    client.store_calibration(
        Calibration(
            threshold=proposal.threshold,
            fpir=proposal.wanted,
            non_mated=proposal.non_mated,
            mated=proposal.mated,
            gallery_size=proposal.gallery_size,
            made=clock.seconds(),
        )
    )
    measuring.found = None
    return client.threshold()
