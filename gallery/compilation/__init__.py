"""Kernels: functions that are compiled when they are first called, and their code on disk.

A process that finds its kernels on disk loads them with LLVM's own loader and calls them through
``ctypes``. It never imports numba, which takes longer than a search.
"""

from gallery.compilation.kernel import kept, require_code_folder
from gallery.compilation.parts import compiled, inlined, intrinsic, stack_space

__all__ = ["compiled", "inlined", "intrinsic", "kept", "require_code_folder", "stack_space"]
