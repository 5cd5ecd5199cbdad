"""The report's plots, as SVG that takes the colour of the text around it."""

from __future__ import annotations

import base64
import html
import io
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from gallery.accuracy.distance_counts import DistanceCounts
from gallery.accuracy.evaluation import Evaluation
from gallery.accuracy.rates import thinned
from gallery.errors import MissingDependencyError

if TYPE_CHECKING:
    from matplotlib.axes import Axes


# Both stand out from a white and from a dark page; line styles tell them apart without colour.
_MATED, _OTHERS = "#2f86c9", "#d9772b"
# Never a colour of a plot, so that it can be told apart in the SVG.
_TEXT = "#010203"
_COLOURS = "<style>svg{color:#1a1f26}@media(prefers-color-scheme:dark){svg{color:#e6e9ec}}</style>"
"""The colour of plots in images of their own, which cannot take that of the text around them."""
_STYLE: Any = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10.0,
    "axes.edgecolor": _TEXT,
    "axes.labelcolor": _TEXT,
    "axes.titlecolor": _TEXT,
    "axes.grid": True,
    "grid.color": _TEXT,
    "grid.alpha": 0.15,
    "hatch.color": _TEXT,
    "text.color": _TEXT,
    "xtick.color": _TEXT,
    "ytick.color": _TEXT,
    "legend.frameon": False,
}


def require_plotting() -> None:
    """Check that what the report needs is installed (`MissingDependencyError`)."""
    try:
        import jinja2  # noqa: F401
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError(
            f"the report needs {error.name}, which is not installed: "
            "pip install 'encrypted-face-gallery[evaluation]'"
        ) from error


def draw(evaluation: Evaluation) -> dict[str, str]:
    """Return the plots as inline SVG by name: ``det``, ``thresholds``, ``scores``, ``cmc``.

    Raises
    ------
    MissingDependencyError
        If matplotlib is not installed.
    """
    require_plotting()
    plots = {"det": _det, "thresholds": _thresholds, "scores": _scores, "cmc": _cmc}
    return {name: _svg(name, plot, evaluation) for name, plot in plots.items()}


def as_image(svg: str, description: str) -> str:
    """Return a plot as an image in HTML, for pages that allow no style within them.

    Parameters
    ----------
    svg
        One of `draw`.
    description
        What it shows, for those who do not see it.
    """
    whole = svg.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
    start = whole.index(">", whole.index("<svg")) + 1
    coded = base64.b64encode((whole[:start] + _COLOURS + whole[start:]).encode()).decode("ascii")
    source = f"data:image/svg+xml;base64,{coded}"
    return f'<img class="plot" alt="{html.escape(description)}" src="{source}">'


def _svg(name: str, plot: Any, evaluation: Evaluation) -> str:
    import matplotlib
    from matplotlib.figure import Figure

    # The salt keeps the identifiers of several plots in one document apart.
    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=(6.4, 4.0), layout="constrained")
        plot(figure.add_subplot(), evaluation)
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None})
    return _inline(drawn.getvalue())


def _inline(document: str) -> str:
    """Cut an SVG document to what stands within HTML, without any address in it."""
    svg = document[document.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' xmlns(:\w+)?="[^"]*"', "", svg)
    return svg.replace("xlink:href", "href").replace(_TEXT, "currentColor")


def _det(axes: Axes, evaluation: Evaluation) -> None:
    outcomes, accuracy = evaluation.outcomes, evaluation.accuracy
    lines = (
        (accuracy.searches, _MATED, "-", "searches: FNIR against FPIR"),
        (accuracy.comparisons, _OTHERS, "--", "comparisons: FNMR against FMR"),
    )
    least = 0.5 / np.array([len(outcomes.nearest), len(outcomes.others)])
    floor = 0.5 / len(outcomes.mate_ranks)
    for (curve, color, style, label), smallest in zip(lines, least, strict=True):
        shown = thinned(curve)
        axes.step(
            np.maximum(shown.false_positive, smallest),
            np.maximum(shown.false_negative, floor),
            color=color,
            linestyle=style,
            where="post",
            label=label,
        )
    axes.set(xscale="log", yscale="log", xlim=(least.min(), 1.0), ylim=(floor, 1.2))
    axes.set(xlabel="false positive rate", ylabel="false negative rate")
    axes.legend(loc="best")


def _thresholds(axes: Axes, evaluation: Evaluation) -> None:
    shown = thinned(evaluation.accuracy.searches)
    finite = np.isfinite(shown.thresholds)
    at = shown.thresholds[finite]
    for rates, color, style, label in (
        (shown.false_positive, _OTHERS, "--", "FPIR"),
        (shown.false_negative, _MATED, "-", "FNIR"),
    ):
        axes.step(at, rates[finite], color=color, linestyle=style, where="post", label=label)
    axes.set(xlabel=_distance(evaluation), ylabel="rate", ylim=(0.0, 1.02))
    axes.legend(loc="best")


def _scores(axes: Axes, evaluation: Evaluation) -> None:
    outcomes = evaluation.outcomes
    mated, others = DistanceCounts.of(outcomes.mate_distances), outcomes.others
    edges = np.linspace(0.0, max(mated.largest, others.largest) or 1.0, 81)
    for distances, color, hatch, label in (
        (mated, _MATED, "//", "mated comparisons"),
        (others, _OTHERS, "", "non-mated comparisons"),
    ):
        shares = distances.between(edges) / len(distances)
        axes.stairs(shares, edges, fill=True, color=color, alpha=0.55, hatch=hatch, label=label)
    for rate, threshold in evaluation.accuracy.threshold.items():
        if threshold.value is not None:
            axes.axvline(threshold.value, color=_TEXT, linewidth=0.8, linestyle=":")
            axes.annotate(
                f" FPIR {rate:g}",
                (threshold.value, 0.98),
                xycoords=("data", "axes fraction"),
                rotation=90,
                va="top",
                ha="right",
                fontsize=8,
            )
    axes.set(xlabel=_distance(evaluation), ylabel="share of comparisons")
    axes.legend(loc="best")


def _cmc(axes: Axes, evaluation: Evaluation) -> None:
    cmc = evaluation.accuracy.cmc
    ranks = np.arange(1, len(cmc) + 1)
    values, low, high = np.array([(item.value, item.low, item.high) for item in cmc], float).T
    axes.plot(ranks, values, color=_MATED, marker="o", markersize=3)
    axes.fill_between(ranks, low, high, color=_MATED, alpha=0.2, linewidth=0)
    axes.set(xlabel="rank", ylabel="mates found within rank", xlim=(0.5, len(cmc) + 0.5))
    axes.locator_params(axis="x", integer=True)
    axes.margins(y=0.1)


def _distance(evaluation: Evaluation) -> str:
    return f"distance ({evaluation.options.metric})"
