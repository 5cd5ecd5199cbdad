"""Calibration and evaluation at the desk: the commands' figures, and what is kept of a set."""

from __future__ import annotations

import html
import io
import re
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gallery.accuracy.calibration import propose
from gallery.accuracy.datasets import read_set
from gallery.client import GalleryClient, GalleryKey
from gallery.desk import labelled_sets
from gallery.desk.access.scopes import DeskScope
from gallery.desk.config import DeskConfig
from gallery.server import EmbeddedService
from tests.support.desks import Desk, open_desk
from tests.support.progress_bars import no_bar

PEOPLE, SAMPLES = 12, 4


def people(seed: int = 1) -> dict[str, Any]:
    """Return embeddings of some people who are easy to tell apart, but for a few."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(PEOPLE, 1, 8))
    rows = (centres + generator.normal(scale=0.25, size=(PEOPLE, SAMPLES, 8))).reshape(-1, 8)
    return {"embeddings": rows, "labels": np.repeat(np.arange(PEOPLE).astype(str), SAMPLES)}


def npz(**arrays: Any) -> bytes:
    """Return a file of arrays."""
    written = io.BytesIO()
    np.savez(written, **arrays)
    return written.getvalue()


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    """A folder of the machine with one set, and what is none."""
    folder = tmp_path / "sets"
    folder.mkdir()
    (folder / "faces.npz").write_bytes(npz(**people()))
    (folder / ".hidden.npz").write_bytes(b"")
    (folder / "notes.md").write_text("no set")
    (tmp_path / "outside.npz").write_bytes(npz(**people()))
    return folder


@pytest.fixture
def desk(service: EmbeddedService, key: GalleryKey, tmp_path: Path, sets: Path) -> Iterator[Desk]:
    """A desk over an empty gallery of embeddings, which may use that folder."""
    GalleryClient.create(service, key, dimension=8, threshold=0.3).close()
    with open_desk(service, key, tmp_path, config=DeskConfig(sets=sets)) as opened:
        yield opened


def send(browser: httpx.Client, name: str, data: bytes) -> httpx.Response:
    """Send a file of embeddings."""
    return browser.post("/g/0/set/embeddings", files={"photos": (name, data)})


def finished(browser: httpx.Client, answer: httpx.Response) -> str:
    """Wait for the end of long work, and return what it says."""
    while "data-job" in answer.text:
        time.sleep(0.05)
        answer = browser.get(answer.url.path)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_calibration_and_report_are_those_of_the_commands(
    desk: Desk, sets: Path, tmp_path: Path
) -> None:
    labelled = read_set(sets / "faces.npz")
    with desk.state.owner.gallery("default") as opened:
        description = opened.client.description
        expected = propose(
            labelled, description, fpir=0.05, actual_size=0, folds=4, seed=3, progress=no_bar
        )
    browser = desk.browser()
    assert "48 samples of 12 people" in send(browser, "faces.npz", npz(**people())).text

    split = {"fpir": "0.05", "folds": "4", "seed": "3"}
    assert f"{expected.threshold:.4f}" in finished(
        browser, browser.post("/g/0/calibrate", data=split)
    )
    page = html.unescape(browser.get("/g/0/accuracy").text)
    assert f"Limit found: {expected.threshold:.4f}" in page
    assert f"FPIR {expected.fpir:.4f} in {expected.non_mated} searches" in page
    assert f"FNIR {expected.fnir:.4f} in {expected.mated} searches" in page
    with desk.state.owner.gallery("default") as opened:
        assert opened.client.calibration() is None

    stored = browser.post("/g/0/calibrate/store").text
    assert f"The limit of a match is {expected.threshold:g} from now on." in stored
    with desk.state.owner.gallery("default") as opened:
        kept = opened.client.calibration()
        assert kept is not None
        assert (kept.threshold, kept.fpir) == (expected.threshold, 0.05)
    assert browser.post("/g/0/calibrate/store").status_code == 422

    assert "The report is here." in finished(browser, browser.post("/g/0/evaluate"))
    numbers = browser.get("/g/0/accuracy/report.json").json()
    searches = (numbers["searches_mated"], numbers["searches_non_mated"])
    assert searches == (expected.mated * 4 // 3, expected.non_mated)
    assert numbers["rank_1"]["value"] > 0.9
    shown = browser.get("/g/0/accuracy/report").text
    assert "Open-set accuracy on faces.npz" in shown
    assert "<style" not in shown
    assert not re.search(r"<[^>]*\sstyle=", shown)
    assert shown.count('<img class="plot" alt="') == 4
    whole = browser.get("/g/0/accuracy/report.html")
    assert whole.headers["content-disposition"] == 'attachment; filename="report.html"'
    assert "<svg" in whole.text


def test_a_set_of_the_machine_is_one_that_lies_in_its_folder(desk: Desk) -> None:
    browser = desk.browser()
    assert re.findall("<option>(.*?)</option>", browser.get("/g/0/accuracy").text) == ["faces.npz"]

    for name in ("../outside.npz", "/etc/passwd", ".hidden.npz", "faces.npz/..", "notes.md"):
        told = finished(browser, browser.post("/g/0/set/machine", data={"set": name}))
        assert "There is no such set" in told
    read = finished(browser, browser.post("/g/0/set/machine", data={"set": "faces.npz"}))
    assert "faces.npz was read" in read
    assert "48 samples of 12 people" in browser.get("/g/0/accuracy").text


def _bomb() -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("embeddings.npy", "w", force_zip64=True) as member:
            for _ in range(1100):
                member.write(bytes(2**20))
    return written.getvalue()


def _parquet() -> bytes:
    written = io.BytesIO()
    rows = pa.table({"embedding": people()["embeddings"].tolist(), "label": people()["labels"]})
    pq.write_table(rows, written)
    return written.getvalue()


def test_files_that_are_no_embeddings_are_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labelled_sets, "_UNPACKED", 2**19)
    browser = desk.browser()
    rows = people()
    pickled = npz(embeddings=np.array([{}], dtype=object), labels=np.array(["a"]))
    refused = {
        "faces.pkl": (b"\x80\x04.", "Send a file that ends in"),
        "faces.npz": (b"PK\3\4 broken", "faces.npz"),
        "<script>alert(1)<script>.npz": (b"", "&lt;script&gt;alert(1)"),
        "bomb.npz": (_bomb(), "unpacks to more than"),
        "parquet.npz": (_parquet(), "Send a file that ends in"),
        "values.csv": (b"a,1,2\n" * 2**21, "may have at most 4,194,304 values"),
        "objects.npz": (pickled, "objects.npz"),
        "alone.npz": (npz(embeddings=rows["embeddings"]), "has no"),
    }
    for name, (data, told) in refused.items():
        answer = send(browser, name, data)
        assert 400 <= answer.status_code < 500, name
        assert told in answer.text, name
        assert "<script>alert" not in answer.text
        assert "/tmp" not in answer.text
    assert "Data to measure with" in browser.get("/g/0/accuracy").text


def test_what_was_measured_is_gone_with_the_key(desk: Desk) -> None:
    browser = desk.browser()
    send(browser, "faces.npz", npz(**people()))
    desk.state.owner.lock()
    desk.state.owner.unlock("a passphrase of tests")

    assert "48 samples" not in browser.get("/g/0/accuracy").text
    told = finished(browser, browser.post("/g/0/calibrate"))
    assert "Bring photos or embeddings first" in told
    assert browser.get("/g/0/accuracy/report").status_code == 404


@pytest.mark.parametrize(
    "split", [{"fpir": "1"}, {"fpir": "nan"}, {"folds": "1"}, {"folds": "2.5"}, {"seed": "-1"}]
)
def test_a_split_that_cannot_be_is_refused(desk: Desk, split: dict[str, str]) -> None:
    assert desk.browser().post("/g/0/calibrate", data=split).status_code == 422


def test_only_who_manages_measures(desk: Desk) -> None:
    guard = desk.program()
    token = desk.state.tokens.issue("guard", DeskScope.ENROLL)
    guard.post("/enter", data={"token": token})
    for path in ("/g/0/accuracy", "/g/0/accuracy/report", "/g/0/accuracy/report.json"):
        assert guard.get(path).status_code == 403


@pytest.mark.skipif(sys.platform == "darwin", reason="names are UTF-8 there")
def test_a_set_whose_name_is_no_text_can_be_chosen(desk: Desk, sets: Path) -> None:
    (sets / "faces.npz").rename(sets / "caf\udce9.npz")
    browser = desk.browser()

    assert "<option>caf\ufffd.npz</option>" in browser.get("/g/0/accuracy").text
    finished(browser, browser.post("/g/0/set/machine", data={"set": "caf\ufffd.npz"}))

    page = browser.get("/g/0/accuracy").text
    assert "caf\ufffd.npz" in page and "48 samples of 12 people" in page


def test_a_desk_that_cannot_draw_reports_says_so_before_it_computes_one(
    service: EmbeddedService, key: GalleryKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    GalleryClient.create(service, key, dimension=8, threshold=0.3).close()
    with open_desk(service, key, tmp_path) as desk:
        browser = desk.browser()
        page = send(browser, "faces.npz", npz(**people())).text

        assert "needs the packages of the extra evaluation" in page
        assert 'action="/g/0/calibrate"' in page
        assert 'action="/g/0/evaluate"' not in page
        assert browser.post("/g/0/evaluate").status_code == 503
