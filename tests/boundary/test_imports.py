"""Imports of processes: no secrets on the keyless side, no more than needed for commands."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gallery.client import GalleryClient, GalleryKey, write_key_file

CHECKOUT = Path(__file__).resolve().parents[2]

SERVE_AND_SEARCH = """
import json, sys
from gallery.server import open_service
from gallery.messages import SearchRequest
with open_service(sys.argv[1]) as service:
    description = service.describe("default")
    import numpy
    from gallery.messages import EncryptedProbe
    from gallery.parameters import find_parameters
    parameters = find_parameters(description.parameters)
    constants = numpy.ones(parameters.probe_shape(description.columns), "<u4")
    probe = EncryptedProbe(bytes(16), description.key_id, parameters.name, 8, constants)
    result = service.search(SearchRequest(description.gallery_id, (probe,), {}))
    assert len(list(result.blocks)) == 1
print(json.dumps(sorted(sys.modules)))
"""


def modules_of(code: str, *arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        cwd=CHECKOUT,
        check=True,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_a_serving_process_never_loads_the_secret_side(client: object, database: str) -> None:
    client.enroll([[1.0] * 8], ["somebody"])  # type: ignore[attr-defined]

    loaded = modules_of(SERVE_AND_SEARCH, database)

    assert "gallery.server.service" in loaded
    assert "gallery.evaluator.native" in loaded
    secret = {"gallery.client", "tenseal", "deepface", "tensorflow", "cv2", "dlib"}
    assert not loaded & secret


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("gallery", {"gallery.errors", "click", "numpy"}),
        # Commands erase thumbnails where the packages of the desk are not installed.
        ("gallery.desk.thumbnails", {"fastapi", "starlette", "jinja2", "structlog", "PIL"}),
        ("gallery.commands", {"numpy", "tenseal", "numba", "sqlalchemy", "gallery.client"}),
        ("gallery.client", {"sqlalchemy", "alembic", "numba", "deepface", "tensorflow"}),
        ("gallery.store", {"tenseal", "numba", "gallery.client"}),
    ],
)
def test_importing_a_room_does_not_load_the_others(module: str, unwanted: set[str]) -> None:
    loaded = modules_of(f"import json, sys, {module}; print(json.dumps(sorted(sys.modules)))")

    assert module in loaded
    assert not loaded & unwanted


@pytest.mark.parametrize(
    ("modules", "unwanted"),
    [
        (
            ["gallery.commands.serve", "gallery.server.http"],
            {"gallery.desk", "gallery.client", "tenseal"},
        ),
        (
            ["gallery.commands.desk", "gallery.desk.web_server"],
            {"gallery.server", "gallery.store", "gallery.evaluator", "sqlalchemy"},
        ),
    ],
)
def test_server_and_desk_load_nothing_of_each_other(modules: list[str], unwanted: set[str]) -> None:
    loaded = modules_of(
        f"import json, sys, {', '.join(modules)}; print(json.dumps(sorted(sys.modules)))"
    )

    assert {*modules, "gallery.web.listener"} <= loaded
    assert not loaded & unwanted


def test_help_loads_no_numerics() -> None:
    code = (
        "import json, sys\n"
        "from gallery.commands.main import run\n"
        "assert run(['--help']) == 0\n"
        "print(json.dumps(sorted(sys.modules)))"
    )

    assert not modules_of(code) & {
        "numpy",
        "tenseal",
        "numba",
        "sqlalchemy",
        "rich",
        "cryptography",
    }


def test_a_search_loads_no_compiler_and_nothing_of_other_tasks_or_the_other_scheme(
    client: GalleryClient, database: str, key: GalleryKey, tmp_path: Path
) -> None:
    client.enroll([[1.0] * 8], ["somebody"])
    client.identify([[1.0] * 8], threshold=0.5)  # what is not compiled yet is compiled
    write_key_file(tmp_path / "gallery.key", key, None)
    np.save(tmp_path / "one.npy", np.ones((1, 8)))
    code = (
        "import json, sys\n"
        "from gallery.commands.main import run\n"
        "words = ['--key', sys.argv[1], '--database', sys.argv[2]]\n"
        "assert run(['identify', *words, '--threshold', '0.5', sys.argv[3]]) == 0\n"
        "print(json.dumps(sorted(sys.modules)))"
    )

    loaded = modules_of(code, str(tmp_path / "gallery.key"), database, str(tmp_path / "one.npy"))

    assert "gallery.client.hinted.probe_cipher" in loaded
    assert not loaded & {
        "alembic",
        "cv2",
        "deepface",
        "gallery.client.backup",
        "gallery.client.ckks",
        "gallery.client.enrolling",
        "gallery.client.photos.embedder",
        "gallery.client.syncing",
        "gallery.desk",
        "http.client",
        "httpx",
        "numba",
        "numpy.ma",
        "pandas",
        "scipy",
        "sqlalchemy.orm",
        "tenseal",
    }
