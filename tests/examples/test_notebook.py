"""The notebook: it runs from top to bottom, and what is committed of it shows no face."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from gallery.demo.samples import Samples

NOTEBOOK = Path(__file__).resolve().parents[2] / "examples" / "encrypted_face_recognition.ipynb"


def notebook() -> Any:
    read: Any = nbformat.read  # it has no types
    return read(NOTEBOOK, as_version=4)


def code_cells(document: Any) -> list[Any]:
    return [cell for cell in document.cells if cell.cell_type == "code"]


def mime_types(document: Any) -> Iterator[str]:
    """Yield the kinds of all that is shown below cells."""
    for cell in code_cells(document):
        for output in cell.outputs:
            yield from output.get("data", {"text/plain": ""})


def test_what_is_committed_was_never_run() -> None:
    document = notebook()

    nbformat.validate(document)
    assert (document.nbformat, set(document.metadata)) == (4, {"kernelspec", "language_info"})
    for cell in document.cells:
        assert cell.metadata == {}
        assert "attachments" not in cell
    for cell in code_cells(document):
        assert cell.outputs == []
        assert cell.execution_count is None


def test_what_is_committed_holds_no_picture() -> None:
    text = NOTEBOOK.read_text("utf-8")

    assert not re.search(r"image/|<img|!\[|base64", text)
    assert not re.search(r"[A-Za-z0-9+/]{120}", text)


@pytest.mark.photos
@pytest.mark.slow
def test_the_notebook_runs_as_it_says(
    samples: Samples, deepface_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if importlib.util.find_spec("deepface") is None:
        pytest.skip("the photos extra is not installed")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    document = notebook()

    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(document, timeout=600, resources=resources).execute()

    shown = "".join(o.get("text", "") for cell in code_cells(document) for o in cell.outputs)
    assert "no decryption without the secret key" in shown
    assert len(re.findall(r"error of the encrypted computation: \d\.\de-0[6-9]", shown)) == 2
    assert len(re.findall(r"obama\S* +match: obama", shown)) == 3
    assert re.search(r"tom_hanks\.png +non-match", shown)
    assert "AuthenticationError: the references or the hint of block 0" in shown
    assert "sound again; found obama" in shown
    assert set(mime_types(document)) == {"text/plain"}
    assert list(tmp_path.glob("faces-*")) == []
