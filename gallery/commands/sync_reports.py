"""The plans and reports of `gallery sync`, for people and as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gallery.commands.enrollment_checks import FoundOutlier, quality_records, warn_of_quality
from gallery.commands.hints import worded
from gallery.commands.output import print_table
from gallery.commands.photo_folders import passed_over_records, tell_passed_over
from gallery.commands.reference_wording import whom
from gallery.commands.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gallery.client import GalleryClient, PhotoFailure, Reference, SyncPlan, SyncReport


def tell_of_plan(settings: Settings, plan: SyncPlan) -> None:
    """Print the notices on a plan: damage, references of other origin, people without photos."""
    if plan.ledger_damaged:
        settings.notice(
            f"warning: the ledger of {plan.folder} is damaged, and is made anew from the photos "
            "that are there"
        )
    if plan.unproven:
        settings.notice(
            f"references of people of {plan.folder} that belong to none of its photos and are "
            f"left, since they are not known to have come from there: {plan.unproven:,}"
        )
    tell_passed_over(settings, plan.passed_over)
    if not plan.scan.photos:
        settings.notice(f"{plan.folder} holds no photos")
    if plan.empty:
        first = plan.empty[0]
        settings.notice(
            f"people without a photo: {len(plan.empty):,}, the first is {Path(first.path).name}"
        )


def show_plan(settings: Settings, plan: SyncPlan) -> None:
    """Print what would be done, a row a photo."""
    tell_failures(settings, plan.failures, "not looked at")
    rows = list(_rows(plan))
    if rows:
        print_table(("action", "person", "photo"), rows)
    counts = (
        ("to enroll", sum(not item.replaced for item in plan.additions)),
        ("to replace", sum(bool(item.replaced) for item in plan.additions)),
        ("to relabel", len(plan.relabellings)),
        ("to erase", len(plan.removals)),
        ("unchanged", plan.unchanged),
    )
    settings.notice(", ".join(f"{count:,} {what}" for what, count in counts))


PLAN_COLUMNS = ("action", "label", "former_label", "path", "reference_id")
"""Of a plan as CSV."""


def plan_rows(plan: SyncPlan) -> Iterator[dict[str, Any]]:
    """Yield the changes of a plan, a row for each photo, with the references that they change."""
    for item in plan.additions:
        yield {
            "action": "replace" if item.replaced else "enroll",
            "label": item.label,
            "path": str(item.path),
            "reference_id": [old.reference_id for old in item.replaced],
        }
    for moved in plan.relabellings:
        former = moved.reference
        yield {
            "action": "relabel",
            "label": moved.label,
            "former_label": former.label,
            "path": str(moved.path),
            "reference_id": former.reference_id,
        }
    for gone in plan.removals:
        erased = gone.reference
        yield {
            "action": "erase",
            "label": erased.label,
            "path": str(gone.path),
            "reference_id": erased.reference_id,
        }


def _rows(plan: SyncPlan) -> Iterator[tuple[str, str, str]]:
    for item in plan.additions:
        yield ("replace" if item.replaced else "enroll"), item.label, str(item.path)
    for moved in plan.relabellings:
        yield f"relabel {moved.reference.label}", moved.label, str(moved.path)
    for gone in plan.removals:
        yield "erase", gone.reference.label, str(gone.path)


def tell_failures(settings: Settings, failures: Sequence[PhotoFailure], what: str) -> None:
    """Print a line for each photo or folder that was left as it is, and why."""
    for item in failures:
        settings.notice(f"{what}: {item.path}: {worded(item.reason, item.hint)}")


def tell_report(
    settings: Settings, client: GalleryClient, plan: SyncPlan, done: SyncReport
) -> None:
    """Print the notices on a report: all but its counts."""
    tell_failures(settings, done.failures, "left as it is")
    for path in plan.unsettled:
        settings.notice(f"left as it is: {path}: it is being changed")
    warn_of_quality(settings, done.measured)
    for photo, outlier in done.outliers:
        FoundOutlier.shown(client, photo, outlier).notify(settings)
    for moved in plan.relabellings:
        settings.detail(f"relabelled: {moved.path}: {moved.reference.label!r} is {moved.label!r}")
    if done.removed:
        settings.notice(f"erased references: {len(done.removed):,} ({whom(done.removed)})")
    if done.kept:
        kept = [item.reference for item in done.kept]
        settings.notice(f"not erased, though their photos are gone: {len(kept):,} ({whom(kept)})")


def what_was_done(done: SyncReport, unchanged: int) -> str:
    """Return the counts of a report, in words."""
    return (
        f"{len(done.added):,} enrolled, {len(done.replaced):,} replaced, "
        f"{len(done.relabelled):,} relabelled, {len(done.removed):,} erased, "
        f"{unchanged:,} unchanged" + (f", {len(done.failures):,} failed" if done.failures else "")
    )


def plan_record(plan: SyncPlan) -> dict[str, Any]:
    """Return a plan, ready for JSON."""
    return {
        "folder": str(plan.folder),
        "enroll": [
            {"path": str(item.path), "label": item.label, "replaces": _references(item.replaced)}
            for item in plan.additions
        ],
        "relabel": [
            {
                "path": str(item.path),
                "reference_id": item.reference.reference_id,
                "former_label": item.reference.label,
                "label": item.label,
            }
            for item in plan.relabellings
        ],
        "erase": [{"path": str(item.path), **_reference(item.reference)} for item in plan.removals],
        "unchanged": plan.unchanged,
        **_beside(plan, plan.failures),
    }


def report_record(client: GalleryClient, plan: SyncPlan, done: SyncReport) -> dict[str, Any]:
    """Return a report, ready for JSON."""
    return {
        "folder": str(plan.folder),
        "enrolled": [
            {"path": str(path), "reference_id": reference_id} for path, reference_id in done.added
        ],
        "replaced": _references(done.replaced),
        "relabelled": _references(done.relabelled),
        "erased": _references(done.removed),
        "not_erased": _references([item.reference for item in done.kept]),
        "unchanged": plan.unchanged,
        "photos": quality_records(done.measured),
        "outliers": [
            FoundOutlier.shown(client, path, outlier).record() for path, outlier in done.outliers
        ],
        **_beside(plan, done.failures),
    }


def _beside(plan: SyncPlan, failures: Sequence[PhotoFailure]) -> dict[str, Any]:
    return {
        "unproven": plan.unproven,
        "ledger_damaged": plan.ledger_damaged,
        "changing": [str(path) for path in plan.unsettled],
        "without_photos": [Path(item.path).name for item in plan.empty],
        "failures": [
            {"path": str(item.path), "reason": worded(item.reason, item.hint)} for item in failures
        ],
        "passed_over": passed_over_records(plan.passed_over),
    }


def _references(references: Sequence[Reference]) -> list[dict[str, Any]]:
    return [_reference(item) for item in references]


def _reference(item: Reference) -> dict[str, Any]:
    return {"label": item.label, "reference_id": item.reference_id}
