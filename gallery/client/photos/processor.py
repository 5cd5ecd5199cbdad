"""The instructions of the processor that compiled packages need, and die without in silence."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, distribution
from typing import Final

from gallery.errors import MachineError

_NEEDED: Final[Mapping[str, tuple[str, str]]] = {
    "dlib-bin": ("dlib", "avx"),
    "tensorflow": ("tensorflow", "avx"),
}
"""Module and instruction set of distributions whose wheels for x86-64 need more than all have.

One that its user has compiled on the same machine, such as ``dlib``, has another name, or fits.
"""


def require_instructions(modules: Iterable[str], wanted_by: str) -> None:
    """Check that the processor has the instructions that modules were compiled for.

    Parameters
    ----------
    modules
        Names of modules that are installed; none is imported.
    wanted_by
        What needs them.

    Raises
    ------
    MachineError
        If it lacks some: loading the module would end the process without a word (SIGILL).
    """
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return
    # LLVM knows whether the system lets programs use them, too.
    from llvmlite.binding import get_host_cpu_features

    has, wanted = get_host_cpu_features(), set(modules)
    for name, (module, instructions) in _NEEDED.items():
        if module in wanted and not has.get(instructions, False) and _is_installed(name):
            raise MachineError(
                f"{wanted_by} cannot run on this processor, which lacks the instruction set "
                f"{instructions.upper()}: the package {name} was compiled for it"
                + ("; compiled here, it fits: pip install dlib" if module == "dlib" else "")
            )


def _is_installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True
