"""Accuracy of a set of searches, with confidence intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gallery.accuracy.intervals import (
    RESAMPLES,
    Estimate,
    SubjectBootstrap,
    interval_ends,
    rate_estimate,
    support,
)
from gallery.accuracy.outcomes import Outcomes
from gallery.accuracy.rates import (
    ErrorCurve,
    allowed,
    area_under_roc,
    cumulative_match,
    equal_error_rate,
    error_curve,
    false_negative_rate,
    false_positive_rate,
    success_distances,
    threshold_at,
)
from gallery.accuracy.subject_groups import SubjectGroups
from gallery.arrays import Floats, Integers
from gallery.client.progress import Progress

DRAWN = 2 * RESAMPLES
"""Replicates that `measure` draws: those of searches, and those of comparisons."""

LAST_RANK = 20
"""Last rank of the cumulative match characteristic, where the gallery is as large."""


@dataclass(frozen=True, eq=False)
class Accuracy:
    """Accuracy of searches and of comparisons.

    Attributes
    ----------
    cmc
        Share of mates within rank 1, 2, …, regardless of a threshold.
    fnir, threshold
        By wanted FPIR: the FNIR, and the largest threshold that keeps it.
    auc, eer
        Of all comparisons: area under the ROC curve, and equal error rate.
    eer_threshold
        Where the latter is.
    searches, comparisons
        FPIR and FNIR, and FMR and FNMR, against the threshold.
    """

    cmc: tuple[Estimate, ...]
    fnir: Mapping[float, Estimate]
    threshold: Mapping[float, Estimate]
    auc: Estimate
    eer: Estimate
    eer_threshold: float
    searches: ErrorCurve
    comparisons: ErrorCurve


class WeightedStatistics:
    """Statistics of searches as functions of how often each subject counts.

    Parameters
    ----------
    outcomes
        The searches; at least one mated and one non-mated.
    rank
        Within how many candidates a mate must be for its search to succeed.
    rates
        Wanted FPIRs.
    upto
        Last rank of the CMC.
    """

    def __init__(self, outcomes: Outcomes, rank: int, rates: tuple[float, ...], upto: int) -> None:
        success = success_distances(outcomes.mate_distances, outcomes.mate_ranks, rank)
        by_success, by_nearest = np.argsort(success), np.argsort(outcomes.nearest)
        self._success = success[by_success]
        self._mated = outcomes.mated_subjects[by_success]
        self._nearest = outcomes.nearest[by_nearest]
        self._non_mated = outcomes.non_mated_subjects[by_nearest]
        self._ranks, self._ranked = outcomes.mate_ranks, outcomes.mated_subjects
        self._rates, self._upto = rates, upto

    def __call__(self, weights: Integers) -> Floats:
        """Return FNIRs, then thresholds by wanted FPIR, then the CMC; NaN for what has no value."""
        # Searches are sorted by the threshold from which they succeed, or strangers match: the
        # cumulative sum of weights counts those up to a place.
        hits = np.concatenate([[0], np.cumsum(weights[self._mated])])
        strangers = np.cumsum(weights[self._non_mated])
        count = 2 * len(self._rates)
        if not hits[-1] or not strangers[-1]:
            return np.full(count + self._upto, np.nan)
        limits = [allowed(rate, strangers[-1]) for rate in self._rates]
        # The largest threshold lies right below the first stranger who would be one too many.
        first_refused = self._nearest[np.searchsorted(strangers, limits, side="right")]
        thresholds = np.nextafter(first_refused, -np.inf)
        found = hits[np.searchsorted(self._success, thresholds, side="right")]
        # Ranks beyond the last one share a bin, which is left out below.
        within = np.bincount(
            np.minimum(self._ranks, self._upto + 1),
            weights=weights[self._ranked],
            minlength=self._upto + 2,
        )
        cmc = np.cumsum(within[1 : self._upto + 1]) / hits[-1]
        return np.concatenate([(hits[-1] - found) / hits[-1], thresholds, cmc])


def measure(
    outcomes: Outcomes,
    groups: SubjectGroups,
    *,
    gallery_size: int,
    rank: int,
    rates: tuple[float, ...],
    subjects: int,
    seed: int,
    progress: Progress | None = None,
) -> Accuracy:
    """Measure accuracy.

    Parameters
    ----------
    outcomes
        The searches; at least one mated and one non-mated.
    groups
        Their comparisons by subject, for the intervals of AUC and EER.
    gallery_size
        References of the smallest gallery.
    rank
        Within how many candidates a mate must be for its search to succeed.
    rates
        Wanted FPIRs, each above 0 and below 1.
    subjects
        Subjects of the labelled set.
    seed
        Of the bootstrap.
    progress
        Called with the number of replicates that were just drawn, `DRAWN` in all.
    """
    upto = min(LAST_RANK, gallery_size)
    success = success_distances(outcomes.mate_distances, outcomes.mate_ranks, rank)
    bootstrap = SubjectBootstrap(subjects, seed, progress=progress)
    low, high = bootstrap.intervals(WeightedStatistics(outcomes, rank, rates, upto))
    people = len(np.unique(outcomes.mated_subjects))
    fnir, threshold = {}, {}
    for place, rate in enumerate(rates):
        supported, note = support(rate, len(outcomes.nearest))
        if not supported:
            fnir[rate] = threshold[rate] = Estimate(None, note=note)
            continue
        at = threshold_at(outcomes.nearest, rate)
        missed = float(false_negative_rate(success, at))
        fnir[rate] = rate_estimate(missed, low[place], high[place], people, note)
        ends = place + len(rates)
        threshold[rate] = Estimate(at, float(low[ends]), float(high[ends]), note)
    first = 2 * len(rates)
    cmc = tuple(
        rate_estimate(float(value), low[first + place], high[first + place], people)
        for place, value in enumerate(cumulative_match(outcomes.mate_ranks, upto))
    )
    comparisons = error_curve(outcomes.mate_distances, outcomes.others)
    auc, eer = _of_comparisons(outcomes, groups, comparisons, bootstrap, people)
    return Accuracy(
        cmc=cmc,
        fnir=fnir,
        threshold=threshold,
        auc=auc,
        eer=eer,
        eer_threshold=equal_error_rate(comparisons)[1],
        searches=error_curve(success, outcomes.nearest),
        comparisons=comparisons,
    )


def plain_values(outcomes: Outcomes, rank: int, rates: tuple[float, ...]) -> dict[str, float]:
    """Return every metric by its name, without intervals; rates that have no support are left out.

    Two sets of outcomes of the same searches can be compared by it.
    """
    success = success_distances(outcomes.mate_distances, outcomes.mate_ranks, rank)
    curve = error_curve(outcomes.mate_distances, outcomes.others)
    values = {
        "rank_1": float(cumulative_match(outcomes.mate_ranks, 1)[0]),
        "auc": area_under_roc(outcomes.mate_distances, outcomes.others),
        "eer": equal_error_rate(curve)[0],
    }
    for rate in rates:
        if support(rate, len(outcomes.nearest))[0]:
            at = threshold_at(outcomes.nearest, rate)
            values[f"fnir@{rate:g}"] = float(false_negative_rate(success, at))
            values[f"threshold@{rate:g}"] = at
    return values


def rates_at(outcomes: Outcomes, rank: int, threshold: float) -> tuple[float, float]:
    """Return FPIR and FNIR at a threshold."""
    success = success_distances(outcomes.mate_distances, outcomes.mate_ranks, rank)
    return (
        float(false_positive_rate(outcomes.nearest, threshold)),
        float(false_negative_rate(success, threshold)),
    )


def _of_comparisons(
    outcomes: Outcomes,
    groups: SubjectGroups,
    curve: ErrorCurve,
    bootstrap: SubjectBootstrap,
    people: int,
) -> tuple[Estimate, Estimate]:
    """Return AUC and EER; their intervals come from distances in groups, their values do not."""
    low, high = interval_ends(_comparison_statistics(*groups.drawn(bootstrap)))
    auc = area_under_roc(outcomes.mate_distances, outcomes.others)
    eer = equal_error_rate(curve)[0]
    return (
        rate_estimate(auc, low[0], high[0], people),
        rate_estimate(eer, low[1], high[1], people),
    )


def _comparison_statistics(positive: Floats, negative: Floats) -> Floats:
    """Return AUC and EER, shape (r, 2), of counts by group, shape (r, groups); NaN without any."""
    # Rows are replicates, columns groups by ascending distance.
    usable = np.logical_and(positive.any(axis=1), negative.any(axis=1))
    positive, negative = positive[usable], negative[usable]
    positive = positive / positive.sum(axis=1, keepdims=True)
    negative = negative / negative.sum(axis=1, keepdims=True)
    below = np.cumsum(negative, axis=1)
    # A mated comparison is closer than the non-mated ones above its group; its own count half.
    closer = (positive * (1.0 - below + negative / 2.0)).sum(axis=1)
    # The sum of shares may be rounded to a little more than 1.
    missed = np.maximum(0.0, 1.0 - np.cumsum(positive, axis=1))
    rows, at = np.arange(len(below)), np.argmin(np.abs(missed - below), axis=1)
    found = np.full((len(usable), 2), np.nan)
    found[usable, 0] = np.minimum(closer, 1.0)
    found[usable, 1] = (missed[rows, at] + below[rows, at]) / 2.0
    return found
