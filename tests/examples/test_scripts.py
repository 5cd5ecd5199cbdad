"""The scripts in `examples`: each runs, says what it should, and uses public names alone."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import gallery.client
import gallery.client.transport
import gallery.server
from gallery.client import GalleryClient, GalleryKey
from gallery.server import open_service
from tests.support.modules import load_module

CHECKOUT = Path(__file__).resolve().parents[2]
EXAMPLES = CHECKOUT / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*.py"))
LONGEST = 90
PUBLIC = (gallery.client, gallery.client.transport, gallery.server)
OPEN = ("gallery.demo.embeddings", "gallery.errors")

scripts = pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)

SAYS = {
    "embedded_gallery": (
        r"Ada Lovelace +match: Ada Lovelace +nearest at 0\.1",
        r"stranger 3 +non-match +nearest at 0\.8",
        r"erased 3 references; found after that: False",
        r"33 references, damaged: 0",
        r"a name in it: False",
    ),
    "over_a_server": (
        r"Marie Curie +Marie Curie",
        r"stranger 1 +non-match",
        r"search +office +staff +8",
    ),
    "backup_and_restore": (
        r"the gallery has 33 references by now",
        r"a damaged backup is refused, and 0 are restored",
        r"another key does not open it",
        r"restored 36 references; found Marie Curie",
        r"sound: True",
    ),
    "own_face_model": (
        r"pattern 2: pattern 2",
        r"pattern 99: non-match",
        r"refused: .*'edges-v2'",
    ),
    "batch_search": (
        r"part-00003\.parquet: 116 matches of 232 probes",
        r"1000 rows, 500 matches",
    ),
}


@scripts
def test_a_script_runs_and_says_what_it_shows(path: Path, tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GALLERY_")}
    done = subprocess.run(
        [sys.executable, "-W", "error", str(path), str(tmp_path)],
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(CHECKOUT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for pattern in SAYS[path.stem]:
        assert re.search(pattern, done.stdout), done.stdout
    assert list(tmp_path.glob("*.db")), "it did not work in the folder that it was given"


@scripts
def test_a_script_is_short_and_says_what_it_is(path: Path) -> None:
    text = path.read_text("utf-8")

    assert len(text.splitlines()) <= LONGEST
    assert f"python examples/{path.name} [FOLDER]" in (ast.get_docstring(ast.parse(text)) or "")


@scripts
def test_a_script_imports_public_names_alone(path: Path) -> None:
    public = {module.__name__: set(module.__all__) for module in PUBLIC}
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            assert not any(name.name.startswith("gallery") for name in node.names)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("gallery"):
            assert node.module in public or node.module in OPEN
            assert {name.name for name in node.names} <= public.get(
                str(node.module), {name.name for name in node.names}
            )


def test_the_list_of_examples_is_complete() -> None:
    listed = re.findall(r"^\| \[([\w.]+)\]\(\1\) \|", (EXAMPLES / "README.md").read_text(), re.M)

    there = {path.name for path in EXAMPLES.iterdir() if path.suffix in (".py", ".ipynb")}
    assert len(listed) == len(set(listed))
    assert set(listed) == there


def test_a_batch_search_goes_on_where_it_was_interrupted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    example = load_module(EXAMPLES / "batch_search.py")
    probes, results = tmp_path / "probes.npz", tmp_path / "results"
    example.write_inputs(tmp_path / "people.npz", probes)
    with (
        open_service(f"sqlite:///{tmp_path / 'gallery.db'}", create=True) as service,
        GalleryClient.create(
            service, GalleryKey.generate(), dimension=128, threshold=0.4
        ) as client,
        gallery.client.open_embeddings(tmp_path / "people.npz") as source,
    ):
        client.enroll_file(source)
        example.search(client, probes, results)
        first = {path.name: path.stat().st_mtime_ns for path in results.iterdir()}
        (results / "part-00002.parquet").unlink()
        capsys.readouterr()
        example.search(client, probes, results)

    again = {path.name: path.stat().st_mtime_ns for path in results.iterdir()}
    assert capsys.readouterr().out.startswith("part-00002.parquet: 128 matches")
    assert {name for name in first if first[name] != again[name]} == {"part-00002.parquet"}
    assert len(again) == 4
