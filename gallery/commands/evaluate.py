"""``gallery evaluate``: measure open-set accuracy on labelled photos or embeddings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gallery.commands.main import EXIT_PARTIAL
from gallery.commands.output import result_table, results
from gallery.commands.settings import Settings
from gallery.errors import WeightsError

if TYPE_CHECKING:
    from gallery.accuracy.datasets import LabelledSet
    from gallery.accuracy.evaluation import Evaluation, Options
    from gallery.accuracy.model_comparison import ModelRun

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


def rate(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """Check that rates given as options are above 0 and below 1."""
    for number in value if isinstance(value, tuple) else (value,):
        if not 0.0 < number < 1.0:
            raise click.BadParameter("a rate is above 0 and below 1", context, parameter)
    return value


def split_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say how a labelled set is split."""
    folds = click.option(
        "--folds",
        type=click.IntRange(min=2),
        default=5,
        show_default=True,
        help="In each fold another group of people are strangers.",
    )
    seed = click.option(
        "--seed",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        help="The same one gives the same folds and intervals.",
    )
    return folds(seed(function))


@click.command("evaluate", epilog=_EPILOG)
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    show_default="the current folder",
    help="Folder for report.html and report.json.",
)
@click.option("--force", is_flag=True, help="Overwrite a report that is there.")
@click.option("--model", metavar="NAME", help="Face model for photos. [default: Facenet]")
@click.option("--detector", metavar="NAME", help="DeepFace's face detector, for --model.")
@click.option(
    "--models",
    metavar="NAME,...",
    help="Compare face models, each as NAME or NAME:DETECTOR; nothing is downloaded.",
)
@click.option(
    "--metric",
    type=click.Choice(["cosine", "euclidean", "euclidean_l2"]),
    default="cosine",
    show_default=True,
    help="Distance between embeddings, as DeepFace defines it.",
)
@click.option(
    "--parameters",
    type=click.Choice(["standard", "compact"]),
    default="standard",
    show_default=True,
    help="CKKS parameters.",
)
@click.option(
    "--evaluator",
    type=click.Choice(["kernel", "reference"]),
    envvar="GALLERY_EVALUATOR",
    default="kernel",
    show_default=True,
    help="What compares, with the same results. [env: GALLERY_EVALUATOR]",
)
@click.option(
    "--fpir",
    "fpirs",
    type=float,
    multiple=True,
    callback=rate,
    default=(0.001, 0.003, 0.01, 0.1),
    show_default=True,
    metavar="RATE",
    help="False positive identification rate to give the FNIR at; can be repeated.",
)
@click.option(
    "--rank",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="A mate counts as found within so many candidates; identify decides by the first.",
)
@split_options
@click.option("--quiet", is_flag=True, help="Say nothing but results and errors.")
def command(
    source: Path,
    output: Path,
    force: bool,
    model: str | None,
    detector: str | None,
    models: str | None,
    quiet: bool,
    **choices: Any,
) -> int:
    """Measure how well people are found and strangers refused, through the encrypted engine.

    Needs no key and no gallery: both are made for the occasion and removed. The same searches are
    done without encryption too, and the report says what changes. Photos without exactly one face
    are counted and reported; the exit code is 1 then.
    """
    from gallery.accuracy.datasets import kind_of_set
    from gallery.accuracy.plots import require_plotting
    from gallery.accuracy.report import existing_reports, write_report

    if not kind_of_set(source).has_photos and (model or detector or models):
        raise click.UsageError("--model, --detector and --models are for photos")
    if models is not None and (model or detector):
        raise click.UsageError("give --models, or --model and --detector")
    if not force and (there := existing_reports(output)):
        raise click.UsageError(f"there is {there[0]} already: say --force to overwrite it")
    require_plotting()
    settings = _settings(quiet, choices["evaluator"])
    options = _options(choices)
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
        settings.notice(f"not embedded: {failure.path}: {failure.reason}")
    return EXIT_PARTIAL if found.labelled.failures else 0


def read_labelled(settings: Settings, source: Path, embedder: Any) -> LabelledSet:
    """Read a labelled set; photos are embedded by what ``embedder`` returns."""
    from gallery.accuracy.datasets import kind_of_set, labelled_photos, read_set
    from gallery.accuracy.model_comparison import embed_photos

    if not kind_of_set(source).has_photos:
        return read_set(source)
    return embed_photos(source, labelled_photos(source), embedder(), settings.progress)


def _settings(quiet: bool, evaluator: str) -> Settings:
    """Return settings that open nothing of the user's: this command makes a key of its own."""
    return Settings(
        key=Path(),
        database="",
        passphrase_file=None,
        gallery="",
        evaluator=evaluator,
        memory=None,
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
    from gallery.accuracy.datasets import labelled_photos
    from gallery.accuracy.evaluation import evaluate
    from gallery.accuracy.model_comparison import ModelRun, compare, parse_model
    from gallery.client import PhotoEmbedder

    if models is not None:
        embedders = [parse_model(name) for name in models.split(",")]
        photos = labelled_photos(source)
        return list(compare(source, photos, embedders, options, settings.progress))
    labelled = read_labelled(settings, source, lambda: PhotoEmbedder(model or "Facenet", detector))
    made_by = labelled.preprocessing
    return [
        ModelRun(made_by.model, made_by.detector, evaluate(labelled, options, settings.progress))
    ]


def _show(settings: Settings, found: Evaluation, output: Path) -> None:
    accuracy, parity = found.accuracy, found.parity
    table = result_table("FPIR", "FNIR", "95% interval", "threshold")
    for wanted, fnir in accuracy.fnir.items():
        if fnir.value is None:
            table.add_row(f"{wanted:g}", "-", fnir.note, "-")
            continue
        at = accuracy.threshold[wanted].value
        table.add_row(
            f"{wanted:g}", f"{fnir.value:.4f}", f"{fnir.low:.4f} to {fnir.high:.4f}", f"{at:.4f}"
        )
    results().print(table)
    first = accuracy.cmc[0]
    settings.notice(
        f"rank 1: {first.value:.4f} ({first.low:.4f} to {first.high:.4f}); "
        f"{len(found.outcomes.mate_ranks):,} mated and {len(found.outcomes.nearest):,} non-mated "
        f"searches of {found.gallery_size:,} references"
    )
    settings.notice(
        f"parity: {parity.comparisons:,} comparisons, largest error {parity.max_error:.1e}, "
        f"{parity.rank_1_changed} first candidates and {parity.decisions_changed} decisions changed"
    )
    settings.notice(f"report in {output / 'report.html'} and {output / 'report.json'}")
