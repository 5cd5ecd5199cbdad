"""The trial of a processor: compile for it with LLVM, and run what came out.

Run as a program of its own, since LLVM ends the process for what it cannot compile for, and the
system ends it for what this machine cannot run. It imports nothing of this package.
"""

from __future__ import annotations

import ctypes
import sys

import llvmlite.binding as llvm
from llvmlite import ir

DONE = "done"
"""The line that is printed if all went well."""


def _module() -> str:
    """Return a function over vectors as wide as those of kernels, a number to a number."""
    word, vector = ir.IntType(32), ir.VectorType(ir.IntType(32), 16)
    module = ir.Module()
    function = ir.Function(module, ir.FunctionType(ir.DoubleType(), [ir.DoubleType()]), "trial")
    b = ir.IRBuilder(function.append_basic_block())
    number = b.fptoui(function.args[0], word)
    first = b.insert_element(ir.Constant(vector, ir.Undefined), number, ir.Constant(word, 0))
    spread = b.shuffle_vector(first, first, ir.Constant(vector, [0] * 16))
    total = b.add(b.mul(spread, spread), ir.Constant(vector, list(range(16))))
    b.ret(b.uitofp(b.extract_element(total, number), ir.DoubleType()))
    return str(module)


def main(name: str, features: str) -> None:
    """Compile and run, as `gallery.compilation.machine` does."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_triple(llvm.get_process_triple())
    machine = target.create_target_machine(
        cpu=name, features=features, opt=3, reloc="default", codemodel="jitdefault"
    )
    code = machine.emit_object(llvm.parse_assembly(_module()))
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    call = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(engine.get_function_address("trial"))
    if call(3.0) == 12.0:
        print(DONE)


if __name__ == "__main__":
    main(*sys.argv[1:])
