"""The report: ``report.html``, one file that needs no other, and ``report.json``."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from gallery.accuracy.evaluation import Evaluation
from gallery.accuracy.model_comparison import ModelRun
from gallery.accuracy.plots import draw, require_plotting
from gallery.accuracy.report_json import as_json
from gallery.client.atomic_file import atomic_write
from gallery.errors import GalleryError

HTML, JSON = "report.html", "report.json"

# Read with this module, so that a program that runs for long never has those of another version.
_TEMPLATES = {
    name: files("gallery.accuracy").joinpath(name).read_text("utf-8")
    for name in ("report.html.j2", "report_body.html.j2")
}


def existing_reports(folder: Path) -> list[Path]:
    """Return the files in a folder that a report would overwrite."""
    return [path for name in (HTML, JSON) if os.path.lexists(path := folder / name)]


def write_report(
    folder: Path, evaluation: Evaluation, models: Sequence[ModelRun] = ()
) -> dict[str, Any]:
    """Write both files into a folder, which is made if it is not there.

    Parameters
    ----------
    folder
        Where to; reports that are there are overwritten.
    evaluation
        What the report is about.
    models
        Runs of several models, for the table that compares them.

    Returns
    -------
    dict
        What the JSON file holds.

    Raises
    ------
    MissingDependencyError
        If matplotlib or jinja2 is not installed.
    GalleryError
        If a file cannot be written.
    """
    found = as_json(evaluation, models)
    texts = {HTML: render(found, draw(evaluation)), JSON: as_text(found)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            with atomic_write(folder / name, overwrite=True) as file:
                # A name that is no UTF-8: in JSON an escape of the same, in HTML to be read.
                file.write(text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise GalleryError(f"cannot write the report to {folder}: {error.strerror}") from error
    return found


def as_text(found: dict[str, Any]) -> str:
    """Return the numbers of a report as text in JSON."""
    return json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def render(found: dict[str, Any], plots: Mapping[str, str]) -> str:
    """Return the HTML page for the numbers of a report and its plots.

    Everything is escaped but the plots, which are made here of numbers and fixed words.

    Raises
    ------
    MissingDependencyError
        If jinja2 is not installed.
    """
    return _rendered("report.html.j2", found, plots)


def render_body(found: dict[str, Any], plots: Mapping[str, str]) -> str:
    """Return the same for a page that brings its own head and style; see `render`."""
    return _rendered("report_body.html.j2", found, plots)


def _rendered(template: str, found: dict[str, Any], plots: Mapping[str, str]) -> str:
    require_plotting()
    from jinja2 import DictLoader, Environment, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=DictLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = _percent
    environment.filters["interval"] = _interval
    environment.filters["number"] = _number
    marked = {name: Markup(svg) for name, svg in plots.items()}  # noqa: S704 - our own plots
    return environment.get_template(template).render(report=found, plots=marked)


def _percent(value: float | None) -> str:
    """Return a rate in percent, with more digits where it is small."""
    if value is None:
        return "–"
    return f"{100 * value:.3g}%" if 0 < value < 0.1 else f"{100 * value:.2f}%"


def _interval(estimate: dict[str, Any]) -> str:
    """Return a rate with its interval, or the reason why there is none."""
    if estimate["value"] is None:
        return f"not measured: {estimate['note']}"
    low, high = _percent(estimate["low"]), _percent(estimate["high"])
    return f"{_percent(estimate['value'])} ({low} to {high})"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
