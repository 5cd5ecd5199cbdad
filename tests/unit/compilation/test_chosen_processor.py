"""The processor that variables choose: what cannot be compiled for or run is refused in words."""

from __future__ import annotations

import os

import llvmlite.binding as llvm
import pytest

from gallery.compilation.chosen_processor import Processor, chosen_processor, host_processor
from gallery.errors import MachineError

NAME, FEATURES = "NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES"

pytestmark = pytest.mark.skipif(os.uname().machine != "x86_64", reason="names features of x86-64")


@pytest.fixture(autouse=True)
def _nothing_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NAME, raising=False)
    monkeypatch.delenv(FEATURES, raising=False)


def test_without_variables_it_is_this_machines() -> None:
    assert chosen_processor() is None


@pytest.mark.parametrize(
    ("name", "features", "chosen"),
    [
        ("generic", None, Processor("generic", "")),
        ("x86-64", "+sse2", Processor("x86-64", "+sse2")),
        ("", "-avx512f", Processor(host_processor().name, "-avx512f")),
    ],
)
def test_one_that_works_is_taken(
    monkeypatch: pytest.MonkeyPatch, name: str, features: str | None, chosen: Processor
) -> None:
    monkeypatch.setenv(NAME, name)
    if features is not None:
        monkeypatch.setenv(FEATURES, features)

    assert chosen_processor() == chosen


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        (NAME, "foo", "'foo' is not a recognized processor"),
        (NAME, "help", "LLVM says: Use"),
        (FEATURES, "foo", "'foo' is no feature: they are written as"),
        (FEATURES, "+avx2 -sse", "is no feature"),
        (FEATURES, "+foo", "'+foo' is not a recognized feature"),
        (FEATURES, "-64bit", "64-bit code requested"),
        (FEATURES, "-sse2", "a trial of it failed"),
    ],
)
def test_one_that_does_not_is_refused_with_the_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(MachineError) as caught:
        chosen_processor()

    assert f"the processor that {variable} chooses: " in caught.value.message
    assert said in caught.value.message
    assert caught.value.message.endswith("unset it, and they are compiled for this machine's")


def test_a_feature_that_this_machine_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = next(name for name, there in llvm.get_host_cpu_features().items() if not there)
    monkeypatch.setenv(FEATURES, f"+sse2,+{lacking}")

    with pytest.raises(MachineError, match=f"this machine's processor has no {lacking}"):
        chosen_processor()
