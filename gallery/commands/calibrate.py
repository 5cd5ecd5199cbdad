"""``gallery calibrate``: find a gallery's threshold on labelled photos or embeddings."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gallery.commands.counts import counted
from gallery.commands.evaluate import read_labelled
from gallery.commands.hints import worded
from gallery.commands.main import EXIT_PARTIAL
from gallery.commands.options import common_options, fpir_option, json_option, split_options
from gallery.commands.origin_of_files import warn_of_origin
from gallery.commands.photo_processes import jobs_option
from gallery.commands.settings import Settings
from gallery.commands.terminal import print_json, print_result
from gallery.commands.trust_weights import trust_weights_option

if TYPE_CHECKING:
    from gallery.accuracy.calibration import Proposal

_EPILOG = """
\b
Examples:
  gallery calibrate people/ --fpir 0.01
  gallery calibrate faces.npz --fpir 0.003 --dry-run
"""


@click.command("calibrate", epilog=_EPILOG)
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@fpir_option("Share of strangers' searches that may match somebody.", default=0.01)
@split_options
@click.option("--dry-run", is_flag=True, help="Show the threshold and store nothing.")
@json_option("Print one JSON object.")
@jobs_option
@trust_weights_option
@common_options
def command(
    settings: Settings,
    source: Path,
    fpir: float,
    folds: int,
    seed: int,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Find the threshold that keeps a wanted rate of false matches, and store it with the gallery.

    SOURCE is what `gallery evaluate` takes: photos or embeddings of people as the gallery will see
    them, with at least two samples of some. Distances are computed in clear from these, and the
    threshold is sealed, so the server learns nothing of it. Searches without --threshold use it.
    """
    from gallery.accuracy.calibration import check_enough, propose
    from gallery.accuracy.datasets import SetKind
    from gallery.client import Calibration
    from gallery.client.integrity import clock

    with settings.open_client() as client:
        labelled = read_labelled(
            settings,
            source,
            client.embedder,
            lambda subjects: check_enough(source.resolve().name, subjects, fpir=fpir, folds=folds),
        )
        if labelled.kind is SetKind.EMBEDDINGS:
            warn_of_origin(settings, client.description, labelled.preprocessing.model or None)
        found = propose(
            labelled,
            client.description,
            fpir=fpir,
            actual_size=client.summary().references,
            folds=folds,
            seed=seed,
            progress=settings.progress,
        )
        if not dry_run:
            client.store_calibration(
                Calibration(
                    threshold=found.threshold,
                    fpir=fpir,
                    non_mated=found.non_mated,
                    mated=found.mated,
                    gallery_size=found.gallery_size,
                    made=clock.seconds(),
                )
            )
    _show(settings, found, as_json, stored=not dry_run)
    for failure in labelled.failures:
        settings.notice(f"not embedded: {failure.path}: {worded(failure.reason, failure.hint)}")
    return EXIT_PARTIAL if labelled.failures else 0


def _show(settings: Settings, found: Proposal, as_json: bool, *, stored: bool) -> None:
    from gallery.accuracy.intervals import support

    if as_json:
        print_json({**asdict(found), "advice": found.advice, "stored": stored})
    else:
        print_result(f"threshold {found.threshold:.4f}")
    settings.notice(
        f"on this data: FPIR {found.fpir:.4f} ({found.non_mated:,} non-mated searches), "
        f"FNIR {found.fnir:.4f} ({found.mated:,} mated searches), "
        f"{counted(found.gallery_size, 'reference')}"
    )
    if found.note:
        settings.notice(f"note: {found.note}")
    if found.expected is not None:
        settings.notice(
            f"in this gallery of {counted(found.actual_size, 'reference')}: expected FPIR "
            f"{found.expected:.4f}, from a false match rate of {found.false_match_rate:.2g}"
        )
    if found.advice is not None:
        enough, need = support(found.advice, found.non_mated)
        settings.notice(
            "warning: the gallery is larger than those of the data, and chance matches are "
            f"likelier than wanted; for an FPIR of {found.wanted:g} there, calibrate with --fpir "
            f"{found.advice:.2g}" + ("" if enough else f", which {need}")
        )
    settings.notice("stored with the gallery, sealed" if stored else "nothing was stored")
