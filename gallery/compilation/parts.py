"""Parts of kernels: what numba makes its own objects of, once a kernel is compiled.

A module of kernels names its intrinsics and helpers when it is imported; numba is imported when it
is needed. Until then a part stands in their place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from types import CellType, CodeType, FunctionType
from typing import Any, Final

OPTIONS: Final[dict[str, Any]] = {"error_model": "numpy", "_nrt": False}
"""The options of numba: without errors that Python raises, and without its runtime, so that the
code needs nothing of Python and numba. A kernel neither divides by zero nor makes an array."""


@dataclass(frozen=True, eq=False)
class Part:
    """A function that kernels call, and what makes numba's object of it."""

    function: Any
    make: Callable[[Any], Any]

    def __call__(self, *arguments: Any) -> Any:
        """Refuse: compiled code alone calls a part."""
        raise TypeError("a part of a kernel is called by kernels only")


def intrinsic(function: Any) -> Any:
    """Mark a function that emits LLVM instructions, as ``numba.extending.intrinsic`` wants it."""

    def make(given: Any) -> Any:
        from numba.extending import intrinsic

        return intrinsic(given)

    return Part(function, make)


def compiled(function: Any) -> Any:
    """Mark a function of compiled code that kernels call."""

    def make(given: Any) -> Any:
        from numba import njit

        return njit(**OPTIONS)(with_parts(given))

    return Part(function, make)


def inlined(function: Any) -> Any:
    """Mark a function of compiled code that takes the place of its calls."""

    def make(given: Any) -> Any:
        from numba import njit

        return njit(inline="always", **OPTIONS)(with_parts(given))

    return Part(function, make)


def stack_space(size: int) -> Any:
    """Return the part that gives the address of ``size`` bytes, zeros, of its caller's stack.

    A kernel has no heap: it would need numba's runtime.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        from llvmlite import ir
        from numba.core import cgutils

        space = cgutils.alloca_once(builder, ir.ArrayType(ir.IntType(64), -(-size // 8)))
        cgutils.memset(builder, space, ir.Constant(ir.IntType(64), size), 0)
        return builder.ptrtoint(space, context.get_value_type(signature.return_type))

    def space(_: Any) -> Any:
        from numba import types

        return types.intp(), generate

    return intrinsic(space)


def with_parts(function: Any) -> Any:
    """Return a function with numba's objects in place of the parts that it names."""
    known = function.__globals__
    names = {name for name in _names(function.__code__) if isinstance(known.get(name), Part)}
    cells = [_cell(cell) for cell in function.__closure__ or ()]
    made = FunctionType(
        function.__code__,
        known | {name: _made(known[name]) for name in names},
        function.__name__,
        function.__defaults__,
        tuple(cells),
    )
    made.__module__, made.__qualname__ = function.__module__, function.__qualname__
    return made


@cache
def _made(part: Part) -> Any:
    return part.make(part.function)


def _cell(cell: CellType) -> CellType:
    held = cell.cell_contents
    return CellType(_made(held)) if isinstance(held, Part) else cell


def _names(code: CodeType) -> Iterator[str]:
    """Return the names that a function and those within it look up."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
