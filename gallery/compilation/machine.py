"""The processor that kernels are compiled for, and the loader of object files."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from threading import Lock

import llvmlite.binding as llvm

from gallery.compilation.chosen_processor import chosen_processor, host_processor

Entry = Callable[[bytes], int]
"""A compiled kernel: it takes packed arguments, and returns an integer of 64 bits."""

_CALL = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_char_p)
_loading = Lock()


@cache
def processor() -> tuple[str, str, str]:
    """Return the system, the processor's name and its features, as LLVM writes them.

    Variables may choose others; see `chosen_processor`, also for the error.
    """
    return (llvm.get_process_triple(), *(chosen_processor() or host_processor()))


@cache
def target_machine() -> llvm.TargetMachine:
    """Return what emits and loads code for this process."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    triple, name, features = processor()
    return llvm.Target.from_triple(triple).create_target_machine(
        cpu=name, features=features, opt=3, reloc="default", codemodel="jitdefault"
    )


@cache
def _engine() -> llvm.ExecutionEngine:
    return llvm.create_mcjit_compiler(llvm.parse_assembly(""), target_machine())


def load(code: bytes, symbol: str) -> Entry:
    """Load an object file; return the function of that name. The code stays loaded."""
    with _loading:
        engine = _engine()
        engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        engine.finalize_object()
        return _CALL(engine.get_function_address(symbol))
