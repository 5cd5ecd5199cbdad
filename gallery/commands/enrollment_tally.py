"""The tally of an enrollment over all sources: counts of references, failures and their reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gallery.commands.enrollment_checks import (
    FoundDuplicate,
    FoundOutlier,
    quality_records,
    warn_of_quality,
)
from gallery.commands.hints import worded
from gallery.commands.photo_folders import passed_over_records, tell_passed_over
from gallery.commands.reference_wording import whom
from gallery.commands.settings import Settings
from gallery.commands.terminal import print_json

if TYPE_CHECKING:
    from gallery.client import FaceQuality, PassedOver, PhotoFailure, PhotoName, Reference

_SHOWN = 10
"""Outliers that are told one by one; of a file there may be thousands."""


class EnrollmentTally:
    """Counts over all sources of one command."""

    def __init__(self) -> None:
        self.enrolled = 0
        self.skipped = 0
        self.failures: list[PhotoFailure] = []
        self.measured: list[tuple[PhotoName, FaceQuality]] = []
        self.duplicates: list[FoundDuplicate] = []
        self.passed_over: list[PassedOver] = []
        self.outliers: list[FoundOutlier] = []
        self.erased: list[Reference] = []
        self.warned_of_origin = False

    def report(self, settings: Settings, as_json: bool) -> None:
        """Tell all of it in notices, and as JSON if that is wanted."""
        for failure in self.failures:
            settings.notice(f"not enrolled: {failure.path}: {worded(failure.reason, failure.hint)}")
        tell_passed_over(settings, self.passed_over)
        warn_of_quality(settings, self.measured)
        for duplicate in self.duplicates:
            duplicate.notify(settings)
        for outlier in self.outliers[:_SHOWN]:
            outlier.notify(settings)
        if len(self.outliers) > _SHOWN:
            rest = len(self.outliers) - _SHOWN
            settings.notice(f"{rest:,} other faces are far from all of their label; --json has all")
        if self.erased:
            settings.notice(f"erased references: {len(self.erased):,} ({whom(self.erased)})")
        left_out = sum(not item.enrolled for item in self.duplicates)
        settings.notice(
            f"{self.enrolled} enrolled, {self.skipped} enrolled before, {len(self.failures)} failed"
            + (f", {left_out} left out as duplicates" if left_out else "")
        )
        if as_json:
            failures = [
                {"path": str(item.path), "reason": worded(item.reason, item.hint)}
                for item in self.failures
            ]
            counts = {"enrolled": self.enrolled, "skipped": self.skipped, "failed": len(failures)}
            lists = {
                "failures": failures,
                "duplicates": [item.record() for item in self.duplicates],
                "photos": quality_records(self.measured),
                "passed_over": passed_over_records(self.passed_over),
                "outliers": [item.record() for item in self.outliers],
                "erased": [
                    {"label": item.label, "reference_id": item.reference_id} for item in self.erased
                ],
            }
            print_json({**counts, **lists})
