"""``gallery evaluate``: measure open-set accuracy on labelled photos or embeddings."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gallery.commands.counts import counted
from gallery.commands.hints import worded
from gallery.commands.main import EXIT_PARTIAL
from gallery.commands.options import (
    backend_option,
    detector_option,
    force_option,
    fpir_option,
    metric_option,
    model_option,
    parameters_option,
    quiet_option,
    split_options,
)
from gallery.commands.output import print_table
from gallery.commands.paths import NamedPath
from gallery.commands.photo_folders import tell_passed_over
from gallery.commands.photo_processes import chosen_jobs, jobs_option
from gallery.commands.settings import Settings
from gallery.commands.trust_weights import trust_weights_option, trusted_weights
from gallery.errors import WeightsError

if TYPE_CHECKING:
    from gallery.accuracy.datasets import LabelledSet
    from gallery.accuracy.evaluation import Evaluation, Options
    from gallery.accuracy.model_comparison import ModelRun
    from gallery.arrays import Integers

_EPILOG = """
\b
SOURCE is one of
  people/      a folder with one sub-folder of photos per person
  faces.npz    arrays "embeddings" (n, d) and "labels" (n,), optionally "model"
  pairs.txt    LFW's list of pairs, in the folder that holds its photos

\b
Examples:
  gallery evaluate people/ --model Dlib --output report/
  gallery evaluate people/ --models Dlib,Dlib:opencv,Facenet
  gallery evaluate faces.npz --fpir 0.01 --folds 2
"""


@click.command("evaluate", epilog=_EPILOG)
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--output",
    type=NamedPath(file_okay=False, path_type=Path),
    default=Path(),
    show_default="the current folder",
    help="Folder for report.html and report.json.",
)
@force_option("Overwrite a report that is there.")
@model_option("Face model for photos. [default: Facenet]")
@detector_option
@click.option(
    "--models",
    metavar="NAME,...",
    help="Compare face models, each as NAME or NAME:DETECTOR; nothing is downloaded.",
)
@metric_option
@parameters_option("Parameter set of the encrypted gallery.")
@backend_option("encrypts, decrypts and compares")
@fpir_option(
    "False positive identification rate to give the FNIR at; can be repeated.",
    "fpirs",
    multiple=True,
    default=(0.001, 0.003, 0.01, 0.1),
)
@click.option(
    "--rank",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Candidates among which a mate counts as found; identify decides by the first.",
)
@split_options
@click.option(
    "--key",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Key file whose cache of embeddings is used for photos; by default none is used.",
)
@click.option(
    "--passphrase-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File with the key's passphrase. [env: GALLERY_PASSPHRASE holds the passphrase itself]",
)
@jobs_option
@trust_weights_option
@quiet_option
def command(
    source: Path,
    output: Path,
    force: bool,
    model: str | None,
    detector: str | None,
    models: str | None,
    key: Path | None,
    passphrase_file: Path | None,
    quiet: bool,
    **choices: Any,
) -> int:
    """Measure how well people are found and strangers refused, through the encrypted engine.

    Needs no key and no gallery: both are made for the occasion and removed. With --key, photos that
    were embedded with this key before are not embedded again. The same searches are done without
    encryption too, and the report says what changes. Photos without exactly one face
    are counted and reported; the exit code is 1 then.
    """
    from gallery.accuracy.datasets import kind_of_set
    from gallery.accuracy.plots import require_plotting
    from gallery.accuracy.report import existing_reports, write_report
    from gallery.backends import find_backend
    from gallery.client.scheme_selection import check_backend

    if not kind_of_set(source).has_photos and (model or detector or models):
        raise click.UsageError("--model, --detector and --models are for photos")
    if models is not None and (model or detector):
        raise click.UsageError("give --models, or --model and --detector")
    if not force and (there := existing_reports(output)):
        raise click.UsageError(f"there is {there[0]} already: say --force to overwrite it")
    require_plotting()
    if key is None and passphrase_file is not None:
        raise click.UsageError("--passphrase-file is for --key")
    settings = _settings(quiet, choices["backend"], key, passphrase_file)
    options = _options(choices)
    check_backend(find_backend(options.backend), options.parameters)
    runs = _runs(settings, source, model, detector, models, options)
    found = next((run.evaluation for run in runs if run.evaluation is not None), None)
    for run in runs:
        if run.error:
            settings.notice(f"not compared: {run.model}: {run.error}")
    if found is None:
        raise WeightsError("none of the models can be used on this machine")
    write_report(output, found, runs if models is not None else ())
    _show(settings, found, output)
    for failure in found.labelled.failures:
        settings.notice(f"not embedded: {failure.path}: {worded(failure.reason, failure.hint)}")
    return EXIT_PARTIAL if found.labelled.failures else 0


def read_labelled(
    settings: Settings, source: Path, embedder: Any, check: Callable[[Integers], None]
) -> LabelledSet:
    """Read a labelled set; photos are embedded by what ``embedder`` returns.

    Before they are, ``check`` is given the number of the subject of each: to embed them takes long.
    """
    from gallery.accuracy.datasets import kind_of_set, labelled_photos, read_set, subjects_of
    from gallery.accuracy.model_comparison import embed_photos

    if not kind_of_set(source).has_photos:
        return read_set(source)
    photos = labelled_photos(source)
    tell_passed_over(settings, photos.passed_over)
    check(subjects_of(photos))
    return embed_photos(source, photos, embedder(), settings.progress)


def _settings(
    quiet: bool, backend: str, key: Path | None, passphrase_file: Path | None
) -> Settings:
    """Return settings that open no gallery of the user's: one is made for the occasion."""
    return Settings(
        server=None,
        key=key or Path(),
        database="",
        passphrase_file=passphrase_file,
        gallery="",
        backend=backend,
        quiet=quiet,
        verbose=False,
    )


def _options(choices: dict[str, Any]) -> Options:
    from gallery.accuracy.evaluation import Options
    from gallery.distances import Metric
    from gallery.parameters import find_parameters

    return Options(
        **{
            **choices,
            "metric": Metric(choices["metric"]),
            "parameters": find_parameters(choices["parameters"]),
            "fpirs": tuple(sorted(set(choices["fpirs"]))),
        }
    )


def _runs(
    settings: Settings,
    source: Path,
    model: str | None,
    detector: str | None,
    models: str | None,
    options: Options,
) -> list[ModelRun]:
    from gallery.accuracy.datasets import labelled_photos, subjects_of
    from gallery.accuracy.evaluation import evaluate
    from gallery.accuracy.model_comparison import ModelRun, compare, parse_model
    from gallery.accuracy.splits import check_split
    from gallery.client import PhotoEmbedder

    trust, jobs = trusted_weights(), chosen_jobs()
    memory = settings.open_embeddings() if settings.key != Path() else None
    if models is not None:
        embedders = [parse_model(name, trust, jobs, memory) for name in models.split(",")]
        photos = labelled_photos(source)
        tell_passed_over(settings, photos.passed_over)
        check_split(subjects_of(photos), options.folds)
        return list(compare(source, photos, embedders, options, settings.progress))
    embedder = partial(
        PhotoEmbedder, model or "Facenet", detector, trusted=trust, jobs=jobs, memory=memory
    )
    labelled = read_labelled(
        settings, source, embedder, lambda subjects: check_split(subjects, options.folds)
    )
    made_by = labelled.preprocessing
    return [
        ModelRun(made_by.model, made_by.detector, evaluate(labelled, options, settings.progress))
    ]


def _show(settings: Settings, found: Evaluation, output: Path) -> None:
    accuracy, parity = found.accuracy, found.parity
    rows: list[tuple[str, str, str, str]] = []
    for wanted, fnir in accuracy.fnir.items():
        if fnir.value is None:
            rows.append((f"{wanted:g}", "-", fnir.note, "-"))
            continue
        at = accuracy.threshold[wanted].value
        interval = f"{fnir.low:.4f} to {fnir.high:.4f}"
        rows.append((f"{wanted:g}", f"{fnir.value:.4f}", interval, f"{at:.4f}"))
    print_table(("FPIR", "FNIR", "95% interval", "threshold"), rows)
    first = accuracy.cmc[0]
    settings.notice(
        f"rank 1: {first.value:.4f} ({first.low:.4f} to {first.high:.4f}); "
        f"{len(found.outcomes.mate_ranks):,} mated and {len(found.outcomes.nearest):,} non-mated "
        f"searches of {counted(found.gallery_size, 'reference')}"
    )
    settings.notice(
        f"parity: {parity.comparisons:,} comparisons, largest error {parity.max_error:.1e}, "
        f"{parity.rank_1_changed} first candidates and {parity.decisions_changed} decisions changed"
    )
    settings.notice(f"report in {output / 'report.html'} and {output / 'report.json'}")
