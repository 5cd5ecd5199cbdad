"""The kernels are compiled on first use, once, and kept for later processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

RUN = """
import numpy as np
from gallery.evaluator import make_evaluator
from gallery.parameters import INSECURE_TOY, LIGHT
ones = np.ones((3, 64, 3, 2, 16), np.uint32)
evaluator = make_evaluator(threads=2)
assert (evaluator.distances(ones, ones, INSECURE_TOY)[1] == 6).all()
block, probe = np.ones(LIGHT.block_shape(17), np.uint32), np.ones(LIGHT.probe_shape(17), np.uint32)
assert (evaluator.distances(block, 2 * probe, LIGHT) == 34).all()
"""


def run(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_nothing_heavy_is_imported_before_an_evaluator_is_made() -> None:
    code = "import sys, gallery.evaluator; print({'numba', 'tenseal', 'llvmlite'} & {*sys.modules})"

    assert run(code).strip() == "set()"


def test_the_kernels_need_no_tenseal() -> None:
    assert run(RUN + "import sys; print('tenseal' in sys.modules)").strip() == "False"


def test_compiled_code_is_found_by_a_second_process(tmp_path: Path) -> None:
    told = "import sys; print('numba' in sys.modules)"
    outcomes = [run(RUN + told, NUMBA_CACHE_DIR=str(tmp_path)) for _ in range(2)]

    assert [outcome.strip() for outcome in outcomes] == ["True", "False"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_process_gets_threads_of_its_own() -> None:
    forked = """
import os, warnings
warnings.simplefilter("ignore")
child = os.fork()
assert (evaluator.distances(ones, ones, INSECURE_TOY)[0] == 3).all()
if child == 0:
    os._exit(0)
print(os.waitpid(child, 0)[1])
"""
    assert run(RUN + forked).strip() == "0"


RANDOM = """
import hashlib
import numpy as np
from gallery.evaluator import make_evaluator
from gallery.parameters import INSECURE_TOY, LIGHT, SWIFT

def residues(shape, parameters, seed):
    random = np.random.default_rng(seed)
    primes = parameters.data_primes
    return np.stack([random.integers(0, p, shape[1:], np.uint32) for p in primes])

evaluator, digest = make_evaluator(threads=2), hashlib.sha256()
for chosen in (INSECURE_TOY, SWIFT, LIGHT):
    shapes = chosen.block_shape(33), chosen.probe_shape(33)
    pair = [residues(shape, chosen, seed) for seed, shape in enumerate(shapes)]
    digest.update(evaluator.distances(*pair, chosen).tobytes())
print(digest.hexdigest())
"""


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="names features of x86-64")
@pytest.mark.parametrize(
    ("name", "features"),
    [("x86-64", "+sse2"), ("haswell", "+sse4.2,+avx,+avx2")],
    ids=["without AVX", "AVX2"],
)
def test_older_processors_compute_the_same(tmp_path: Path, name: str, features: str) -> None:
    older = run(
        RANDOM,
        NUMBA_CPU_NAME=name,
        NUMBA_CPU_FEATURES=features,
        NUMBA_CACHE_DIR=str(tmp_path),
    )

    assert older == run(RANDOM)
