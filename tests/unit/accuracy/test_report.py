"""The report: self-contained, escaped, legible in both modes, and the same numbers twice."""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from gallery.accuracy.datasets import LabelledSet, SetKind
from gallery.accuracy.evaluation import Evaluation, Options, evaluate
from gallery.accuracy.model_comparison import ModelRun
from gallery.accuracy.plots import draw
from gallery.accuracy.rates import POINTS, error_curve, thinned
from gallery.accuracy.report import existing_reports, render, write_report
from gallery.accuracy.report_json import as_json
from gallery.errors import GalleryError, MissingDependencyError
from gallery.messages import Preprocessing
from tests.support.progress_bars import no_bar

PEOPLE = 24
EVIL = '<script>alert("1")</script>.npz'


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    """An evaluation of a small set whose name is hostile."""
    generator = np.random.default_rng(1)
    subjects = np.repeat(np.arange(PEOPLE), 3)
    embeddings = generator.normal(size=(PEOPLE, 8))[subjects]
    embeddings += 0.4 * generator.normal(size=embeddings.shape)
    labelled = LabelledSet(EVIL, SetKind.EMBEDDINGS, embeddings, subjects, Preprocessing("Dlib"))
    return evaluate(labelled, Options(folds=2), no_bar)


@pytest.fixture(scope="module")
def page(evaluation: Evaluation) -> str:
    """The HTML report of it, with a table of models."""
    runs = [
        ModelRun("Dlib", "dlib", replace_time(evaluation, 12.0)),
        ModelRun("<Facenet>", "opencv", None, "its weights are missing", "/home/me/facenet"),
    ]
    return render(as_json(evaluation, runs), draw(evaluation))


def replace_time(evaluation: Evaluation, photo_ms: float) -> Evaluation:
    return replace(evaluation, labelled=replace(evaluation.labelled, photo_ms=photo_ms))


class Tags(HTMLParser):
    """Collects tags and attributes, and checks that every tag is closed."""

    VOID = frozenset({"meta", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_needs_no_other_file(page: str) -> None:
    tags = Tags()
    tags.feed(page)
    references = [
        value
        for _, attributes in tags.found
        for name, value in attributes.items()
        if name in {"src", "href", "xlink:href"}
    ]

    assert tags.open == []
    assert all(value and value.startswith("#") for value in references)
    assert not {tag for tag, _ in tags.found} & {"script", "link", "img", "iframe"}
    assert "://" not in page
    assert "/home/" not in page
    assert not re.search(r"url\((?!#)", page)


def test_references_within_the_page_lead_somewhere_and_to_one_place(page: str) -> None:
    identifiers = re.findall(r'\bid="([^"]+)"', page)
    wanted = set(re.findall(r'href="#([^"]+)"', page)) | set(re.findall(r"url\(#([^)]+)\)", page))

    assert wanted <= set(identifiers)
    assert all(identifiers.count(name) == 1 for name in wanted)


def test_what_comes_from_outside_is_escaped(page: str) -> None:
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "&lt;Facenet&gt;" in page


def test_plots_take_the_colour_of_the_text(page: str) -> None:
    plots = re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL)

    assert len(plots) == 4
    assert "prefers-color-scheme: dark" in page
    for plot in plots:
        assert "currentColor" in plot
        assert not re.search(r"(fill|stroke): ?#(000000|ffffff)", plot)


def test_the_json_holds_what_it_promises(evaluation: Evaluation) -> None:
    found = json.loads(json.dumps(as_json(evaluation), allow_nan=False))

    assert found["searches_mated"] == 2 * PEOPLE
    assert found["searches_non_mated"] == 3 * PEOPLE
    assert found["gallery_size"] == PEOPLE // 2
    assert set(found["fnir"]) == set(found["threshold"]) == {"0.001", "0.003", "0.01", "0.1"}
    for name in ("rank_1", "auc", "eer"):
        assert found[name]["low"] <= found[name]["value"] <= found[name]["high"]
    assert found["fnir"]["0.1"]["low"] <= found["fnir"]["0.1"]["high"]
    assert found["fnir"]["0.01"]["value"] is None
    assert found["failure_to_enroll"]["value"] is None
    assert found["parity"]["comparisons"] == (2 + 3) * PEOPLE * PEOPLE // 2
    assert found["parity"]["decisions_changed"] == found["parity"]["rank_1_changed"] == 0
    assert 0.0 < found["parity"]["rms_error"] <= found["parity"]["max_error"] < 2e-6
    assert set(found["parity"]["metric_changes"]) >= {"rank_1", "auc", "eer", "fnir@0.1"}
    assert found["stock_threshold"]["value"] == 0.07
    assert found["curves"]["searches"]["threshold"][0] is None
    assert found["versions"]["python"]


def test_the_page_shows_the_numbers_of_the_json(evaluation: Evaluation, page: str) -> None:
    found = as_json(evaluation)

    assert f"{100 * found['rank_1']['value']:.2f}%" in page
    assert f"{found['threshold']['0.1']['value']:.4g}" in page
    assert found["fnir"]["0.001"]["note"] in page
    assert f"{found['parity']['comparisons']:,}" in page


def test_both_files_are_written_and_nothing_else(evaluation: Evaluation, tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    assert existing_reports(folder) == []

    written = write_report(folder, evaluation)

    names = ["report.html", "report.json"]
    assert sorted(path.name for path in folder.iterdir()) == names
    assert [path.name for path in existing_reports(folder)] == names
    assert json.loads((folder / "report.json").read_text()) == json.loads(json.dumps(written))


def test_a_set_whose_name_is_no_text_has_a_report(evaluation: Evaluation, tmp_path: Path) -> None:
    named = replace(evaluation, labelled=replace(evaluation.labelled, name="caf\udce9.npz"))

    write_report(tmp_path, named)

    assert r"caf\udce9.npz" in (tmp_path / "report.html").read_text("utf-8")
    found = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert found["dataset"]["name"] == "caf\udce9.npz"


def test_links_laid_in_the_folder_lead_nowhere(evaluation: Evaluation, tmp_path: Path) -> None:
    victim, folder = tmp_path / "somebody else's", tmp_path / "shared"
    victim.write_bytes(b"theirs")
    folder.mkdir()
    for name in ("report.html", "report.json"):
        (folder / name).symlink_to(victim)
        (folder / f".{name}.partial-{os.getpid()}").symlink_to(victim)

    write_report(folder, evaluation)

    assert victim.read_bytes() == b"theirs"
    assert json.loads((folder / "report.json").read_bytes())


def test_a_folder_that_cannot_be_made_is_an_error(evaluation: Evaluation, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(GalleryError, match="cannot write the report"):
        write_report(tmp_path / "file", evaluation)


@pytest.mark.parametrize("package", ["matplotlib", "jinja2"])
def test_what_is_not_installed_is_named(
    evaluation: Evaluation, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(MissingDependencyError, match=rf"{package}.*\[evaluation\]"):
        draw(evaluation)


def test_a_long_curve_is_thinned_and_keeps_its_ends_and_small_rates() -> None:
    generator = np.random.default_rng(0)
    curve = error_curve(generator.normal(0, 1, 20_000), generator.normal(3, 1, 20_000))

    shown = thinned(curve)

    assert len(shown) <= POINTS
    assert (shown.thresholds[0], shown.thresholds[-1]) == (-np.inf, curve.thresholds[-1])
    small = shown.false_positive[shown.false_positive > 0].min()
    assert small == 1 / 20_000
    assert (np.diff(shown.false_positive) < 0.02).all()
    assert (-np.diff(shown.false_negative) < 0.02).all()
