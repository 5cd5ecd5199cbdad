"""The compilation of a kernel by numba to an object file that needs nothing else."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir

from gallery.compilation.arguments import Kind
from gallery.compilation.code_folder import VARIABLE
from gallery.compilation.machine import target_machine
from gallery.compilation.parts import OPTIONS, with_parts
from gallery.errors import GalleryError, MachineError

_LIBRARY: Final = frozenset({"memcpy", "memmove", "memset", "sqrt", "sqrtf"})
"""The functions of C's library that every process has."""

_MEANT: Final = frozenset({VARIABLE, "NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES"})
"""Variables of numba's name that are heeded here, before numba sees them."""


def object_code(function: Any, kinds: Sequence[Kind], symbol: str, *, gives: bool) -> bytes:
    """Compile a function for arguments of some kinds.

    Parameters
    ----------
    function
        The function, with parts in it.
    kinds
        One for each argument.
    symbol
        Name of what is compiled: a C function that takes the address of packed arguments, and
        returns an integer of 64 bits.
    gives
        Whether the function returns an integer.

    Returns
    -------
    bytes
        An object file for this machine. It calls nothing but a few functions of C's library.

    Raises
    ------
    MachineError
        If numba cannot be used, or compiles something else, with the variables that are set.
    """
    with _variables_blamed():
        return _object_code(function, kinds, symbol, gives=gives)


@contextmanager
def _variables_blamed() -> Iterator[None]:
    """Name the variables that change what numba does when something goes wrong with them."""
    names = sorted(name for name in os.environ if name.startswith("NUMBA_") and name not in _MEANT)
    try:
        with warnings.catch_warnings():
            # Which it says with a traceback, and goes on.
            warnings.filterwarnings("error", r"\s*Environment variable", RuntimeWarning)
            yield
    except GalleryError:
        raise
    except Exception as error:
        if not names or isinstance(error, MemoryError | OSError):
            raise
        words = next(iter(str(error).split("\n")), "")[:200].rstrip(".")
        raise MachineError(
            f"kernels cannot be compiled by numba while {', '.join(names)} "
            f"{'is' if len(names) == 1 else 'are'} set: {words}; unset what this program does not "
            "need"
        ) from error


def _object_code(function: Any, kinds: Sequence[Kind], symbol: str, *, gives: bool) -> bytes:
    from numba import cfunc, njit, types

    inner = njit(**OPTIONS)(with_parts(function))
    unpacked = _unpacking(kinds)

    def entry(place: Any) -> Any:
        inner(*unpacked(place))
        return 0

    def giving_entry(place: Any) -> Any:
        return np.int64(inner(*unpacked(place)))

    signature = types.int64(types.intp)
    made = cfunc(signature, **OPTIONS)(giving_entry if gives else entry)
    return _emitted(made.inspect_llvm(), made.native_name, symbol)


def _emitted(text: str, name: str, symbol: str) -> bytes:
    """Optimise a module as a whole, of which only one function is called from outside."""
    machine, module = target_machine(), llvm.parse_assembly(text)
    for function in module.functions:
        if function.name != name and not function.is_declaration:
            function.linkage = "internal"
    # What raises errors is found to be called by nobody, and goes.
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=3))
    builder.getModulePassManager().run(module, builder)
    wanted = {f.name for f in module.functions if f.is_declaration} - _LIBRARY
    if missing := [one for one in wanted if not one.startswith("llvm.")]:
        raise RuntimeError(f"a kernel calls {', '.join(sorted(missing))}")
    module.get_function(name).name = symbol
    found: bytes = machine.emit_object(module)
    return found


def _unpacking(kinds: Sequence[Kind]) -> Any:
    """Make the intrinsic that reads arguments of some kinds from an address; see `Packing`."""
    from numba import types
    from numba.extending import intrinsic

    given = types.Tuple([_numba_type(kind) for kind in kinds])

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        words = _Words(context, builder, arguments[0])
        values = [words.value(kind) for kind in given.types]
        return context.make_tuple(builder, given, values)

    def unpacked(_: Any, place: Any) -> Any:
        return given(types.intp), generate

    return intrinsic(unpacked)


def _numba_type(kind: Kind) -> Any:
    from numba import from_dtype, types

    scalar = from_dtype(kind.dtype)
    if kind.axes is None:
        return scalar
    return types.Array(scalar, kind.axes, "C", readonly=not kind.writeable)


class _Words:
    """Packed arguments, read one after the other by LLVM instructions."""

    def __init__(self, context: Any, builder: Any, place: Any) -> None:
        self._context, self._builder, self._read = context, builder, 0
        self._place = place

    def value(self, kind: Any) -> Any:
        """Emit what reads the next argument, of one of numba's types."""
        from numba import types
        from numba.np.arrayobj import make_array, populate_array

        if not isinstance(kind, types.Array):
            return self._number(kind)
        array = make_array(kind)(self._context, self._builder)
        address = self._number(types.intp)
        shape = [self._number(types.intp) for _ in range(kind.ndim)]
        itemsize = self._context.get_abi_sizeof(self._context.get_data_type(kind.dtype))
        strides = [ir.Constant(address.type, itemsize)]
        for length in shape[:0:-1]:
            strides.insert(0, self._builder.mul(strides[0], length))
        populate_array(
            array,
            data=self._builder.inttoptr(address, array.data.type),
            shape=shape,
            strides=strides,
            itemsize=ir.Constant(address.type, itemsize),
            meminfo=None,
        )
        return array._getvalue()

    def _number(self, kind: Any) -> Any:
        from numba import types

        builder, wanted = self._builder, self._context.get_value_type(kind)
        real = isinstance(kind, types.Float)
        word = ir.DoubleType() if real else ir.IntType(64)
        at = builder.add(self._place, ir.Constant(self._place.type, 8 * self._read))
        self._read += 1
        value = builder.load(builder.inttoptr(at, word.as_pointer()), align=1)
        if wanted == word:
            return value
        return (builder.fptrunc if real else builder.trunc)(value, wanted)
