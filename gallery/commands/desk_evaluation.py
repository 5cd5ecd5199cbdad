"""The evaluation that the owner's desk shows: searches and report are those of the command.

The desk itself knows nothing of the keyless server, on which an evaluation runs.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gallery.accuracy.datasets import LabelledSet
    from gallery.client.progress import ProgressBar
    from gallery.desk.measuring import Evaluate, EvaluationReport
    from gallery.messages import GalleryDescription

_PLOTS = {
    "det": "Detection error trade-off curves",
    "scores": "Distances of mated and non-mated comparisons",
    "thresholds": "Error rates against the threshold",
    "cmc": "Cumulative match characteristic",
}


def evaluation_of(backend: str) -> Evaluate | None:
    """Return a function that evaluates labelled sets with a backend.

    None where the report could not be drawn, so that pages say so before all is computed.
    """
    if not _is_installed("matplotlib"):
        return None

    def work(
        labelled: LabelledSet, description: GalleryDescription, stage: ProgressBar
    ) -> EvaluationReport:
        return _report(labelled, description, stage, backend)

    return work


def _is_installed(package: str) -> bool:
    """Whether a package is there to be imported."""
    try:
        return find_spec(package) is not None
    except ValueError:  # it was kept from being imported
        return False


def _report(
    labelled: LabelledSet, description: GalleryDescription, stage: ProgressBar, backend: str
) -> EvaluationReport:
    from gallery.accuracy.evaluation import Options, evaluate
    from gallery.accuracy.plots import as_image, draw, require_plotting
    from gallery.accuracy.report import as_text, render, render_body
    from gallery.accuracy.report_json import as_json
    from gallery.desk.measuring import EvaluationReport
    from gallery.parameters import find_parameters

    require_plotting()
    options = Options(
        metric=description.metric,
        parameters=find_parameters(description.parameters),
        backend=backend,
    )
    found = evaluate(labelled, options, stage)
    numbers, plots = as_json(found), draw(found)
    images = {name: as_image(svg, _PLOTS[name]) for name, svg in plots.items()}
    return EvaluationReport(
        render_body(numbers, images),
        render(numbers, plots).encode("utf-8", "backslashreplace"),
        as_text(numbers).encode("utf-8", "backslashreplace"),
    )
