"""The processor that the environment chooses to compile for, tried before anything is compiled."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

import llvmlite.binding as llvm

from gallery.errors import MachineError

_NAME: Final = "NUMBA_CPU_NAME"
_FEATURES: Final = "NUMBA_CPU_FEATURES"

_TRIAL: Final = Path(__file__).with_name("processor_trial.py")
_TRIAL_SECONDS: Final = 60
_FEATURE: Final = re.compile(r"[+-][\w.-]+", re.ASCII)
_REFUSAL: Final = re.compile(r"LLVM ERROR|not a recognized|^Use \+feature")
"""LLVM's words for a processor or a feature that it cannot compile for, or does not know."""


class Processor(NamedTuple):
    """A processor's name and its features, as LLVM writes them."""

    name: str
    features: str


def host_processor() -> Processor:
    """Return the processor of this machine."""
    return Processor(llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten())


def chosen_processor() -> Processor | None:
    """Return the processor that ``NUMBA_CPU_NAME`` and ``NUMBA_CPU_FEATURES`` choose, or None.

    They mean what they mean for numba. A trial of it runs in a process of its own.

    Raises
    ------
    MachineError
        If LLVM knows no such processor, or this machine cannot run what is compiled for it.
    """
    name, features = os.environ.get(_NAME), os.environ.get(_FEATURES)
    if not name and features is None:
        return None
    host = host_processor()
    if features is None:
        features = "" if name and name.lower() == "generic" else host.features
    else:
        _check_features(features)
    chosen = Processor(name or host.name, features)
    _try(chosen)
    return chosen


def _check_features(features: str) -> None:
    here = llvm.get_host_cpu_features()
    for one in filter(None, features.split(",")):
        if not _FEATURE.fullmatch(one):
            raise _refusal(
                f"{one[:40]!r} is no feature: they are written as +avx2 or -avx512f, with commas "
                "in between"
            )
        if one.startswith("+") and here.get(one[1:]) is False:
            raise _refusal(f"this machine's processor has no {one[1:]}")


def _try(chosen: Processor) -> None:
    words = [sys.executable, "-P", str(_TRIAL), *chosen]
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, errors="replace", timeout=_TRIAL_SECONDS
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise _refusal(f"a trial of it cannot be made: {error}") from error
    said = next((line for line in done.stderr.splitlines() if _REFUSAL.search(line)), None)
    if said is not None:
        raise _refusal(f"LLVM says: {said.strip()[:200]}")
    if done.returncode < 0:
        raise _refusal("this machine cannot run what is compiled for it")
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["nothing was said"])[-1]
        raise _refusal(f"a trial of it failed: {last[:200]}")


def _refusal(reason: str) -> MachineError:
    named = [name for name in (_NAME, _FEATURES) if name in os.environ]
    verb, them = ("chooses", "it") if len(named) == 1 else ("choose", "them")
    return MachineError(
        f"kernels cannot be compiled for the processor that {' and '.join(named)} {verb}: "
        f"{reason}; unset {them}, and they are compiled for this machine's"
    )
