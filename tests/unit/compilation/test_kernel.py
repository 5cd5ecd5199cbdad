"""Kernels give what Python gives, take what they can take, and need no numba once they are kept."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba.core.errors import TypingError

from tests.unit.compilation.conftest import Loading

pytestmark = pytest.mark.usefixtures("code_folder")

KERNELS = """
@inlined
def weighted(x, weight):
    return x * weight

@compiled
def total(row, weight):
    sum = row[0] - row[0]
    for x in row:
        sum += weighted(x, weight)
    return sum

@kept
def sums(table: Any, weight: Any, out: Any) -> None:
    for i in range(table.shape[0]):
        out[i] = total(table[i], weight)

@kept
def is_above(number: float, limit: np.uint32) -> bool:
    return number > limit

def adding(step):
    @compiled
    def add(number):
        return number + step

    @kept
    def twice(number: int) -> int:
        return add(add(number))

    return twice

add_ten = adding(5)
scratch = stack_space(64)

@kept
def address(_: int) -> int:
    return scratch()

@kept
def on_the_heap(count: int) -> int:
    return np.empty(count).size
"""


@pytest.mark.parametrize("dtype", [np.int8, np.uint32, np.int64, np.float32, np.float64])
def test_arrays_of_each_type_are_read_and_written(load: Loading, dtype: Any) -> None:
    kernels = load(KERNELS)
    table, out = np.arange(12).reshape(3, 4).astype(dtype), np.empty(3, dtype)

    assert kernels.sums(table, dtype(3), out) is None

    assert out.tolist() == (3 * table.sum(axis=1)).tolist()


def test_numbers_come_and_go(load: Loading) -> None:
    kernels = load(KERNELS)

    assert kernels.is_above(2.5, np.uint32(2)) is True
    assert kernels.is_above(1.5, np.uint32(2)) is False
    assert kernels.add_ten(-(2**62)) == 10 - 2**62


def test_the_stack_is_aligned_for_words(load: Loading) -> None:
    assert load(KERNELS).address(0) % 8 == 0


def test_what_a_kernel_cannot_read_as_it_lies_is_refused(load: Loading) -> None:
    kernels, out = load(KERNELS), np.empty(3)

    for array in (np.ones((4, 3)).T, np.ones((3, 8))[:, ::2]):
        with pytest.raises(TypeError, match="contiguous"):
            kernels.sums(array, 1.0, out)
    with pytest.raises(TypeError, match="str"):
        kernels.add_ten("1")


def test_what_may_not_be_written_is_not_written(load: Loading) -> None:
    kernels, out = load(KERNELS), np.zeros(3)
    out.flags.writeable = False

    with pytest.raises(TypingError):
        kernels.sums(np.ones((3, 4)), 1.0, out)


def test_a_kernel_may_read_what_may_not_be_written(load: Loading) -> None:
    kernels, out = load(KERNELS), np.empty(3)

    kernels.sums(np.frombuffer(np.ones(12).tobytes()).reshape(3, 4), 1.0, out)

    assert out.tolist() == [4.0] * 3


def test_a_kernel_that_returns_an_array_is_refused_when_it_is_defined(load: Loading) -> None:
    with pytest.raises(TypeError, match="not Floats"):
        load("@kept\ndef ones(count: int) -> Floats:\n    return np.ones(count)\n")


def test_a_kernel_that_needs_a_heap_is_not_compiled(load: Loading) -> None:
    with pytest.raises(TypingError):
        load(KERNELS).on_the_heap(3)


def test_threads_may_call_first_at_once(load: Loading) -> None:
    kernels = load(KERNELS)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(kernels.add_ten, range(32))) == list(range(10, 42))


def test_a_module_that_was_replaced_before_its_first_call_keeps_no_code_for_the_new_one(
    load: Loading,
) -> None:
    """As when a package is upgraded while a program runs."""
    source = "@kept\ndef moved(number: int) -> int:\n    return number + 1\n"
    old, new = load(source), load(source.replace("+ 1", "+ 2"))

    assert old.moved(1) == 2
    assert new.moved(1) == 3


def test_a_variable_that_numba_cannot_use_is_named(installed: Path, load: Loading) -> None:
    load(KERNELS)
    paths = os.pathsep.join([str(installed), str(Path(__file__).resolve().parents[3])])

    done = subprocess.run(
        [sys.executable, "-c", "import kernels; kernels.add_ten(1)"],
        env=os.environ | {"PYTHONPATH": paths, "NUMBA_NUM_THREADS": "0"},
        capture_output=True,
        text=True,
    )

    last = done.stderr.splitlines()[-1]
    assert last.startswith("gallery.errors.MachineError: ")
    assert "NUMBA_NUM_THREADS is set: Number of threads specified must be > 0;" in last


def test_a_second_process_calls_without_numba(
    load: Loading, code_folder: Path, installed: Path
) -> None:
    assert load(KERNELS).add_ten(1) == 11
    code = "import sys, kernels; print(kernels.add_ten(1), 'numba' in sys.modules)"
    paths = os.pathsep.join([str(installed), str(Path(__file__).resolve().parents[3])])

    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split() == ["11", "False"]
