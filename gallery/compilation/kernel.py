"""Kernels: functions over numbers and arrays, compiled at their first call, or loaded from disk."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable, Iterable, Sequence
from functools import cache, update_wrapper
from pathlib import Path
from threading import Lock
from typing import Any

from gallery.compilation.arguments import Kind, Packing, kind_of, marks
from gallery.compilation.code_folder import CodeFolder

_Call = Callable[[Sequence[Any]], int]

_RESULTS = {"None": None, "bool": bool, "int": int, "np.intp": int}
"""The conversion of the 64 bits that a compiled kernel gives, by the annotation of its result."""


def _digest(files: Iterable[Path]) -> bytes:
    parts = (hashlib.sha256(file.read_bytes()).digest() for file in files)
    return hashlib.sha256(b"".join(parts)).digest()


_OWN = _digest(sorted(Path(__file__).parent.glob("*.py")))
"""Of this package as it was imported: its files may be those of another version later."""


def kept(function: Any) -> Callable[..., Any]:
    """Have a function compiled when it is first called, and keep the code for other processes.

    It runs without the interpreter's lock. It takes numbers and arrays that are contiguous and
    aligned, and returns an integer, a truth value or nothing, as its annotation says. Whatever it
    calls is in its own file or in this package: of those a change is noticed.

    A call raises `MachineError` if there is no folder in which the code could be kept.
    """
    return _Kernel(function)


def require_code_folder(kernel: Callable[..., Any]) -> None:
    """Check, before a kernel is called, that its code can be kept.

    Raises
    ------
    MachineError
        If there is no folder for it.
    """
    assert isinstance(kernel, _Kernel)
    CodeFolder(kernel.source).require()


class _Kernel:
    def __init__(self, function: Any) -> None:
        self._function = function
        self._calls: dict[tuple[Any, ...], _Call] = {}
        self._lock = Lock()
        given = function.__annotations__["return"]
        if given not in _RESULTS:
            raise TypeError(f"a kernel returns an integer, a truth value or nothing, not {given}")
        self._result = _RESULTS[given]
        # Now, since an upgrade may put another file there before the first call: what this one is
        # compiled to must not be kept as that one's.
        self._made_of = _digest([self.source])
        update_wrapper(self, function)

    @property
    def source(self) -> Path:
        """The file that the kernel is in."""
        return Path(self._function.__code__.co_filename)

    def __call__(self, *arguments: Any) -> Any:
        marked = marks(arguments)
        call = self._calls.get(marked)
        if call is None:
            call = self._prepared(marked, [kind_of(one) for one in arguments])
        given = call(arguments)
        return None if self._result is None else self._result(given)

    def _prepared(self, marked: tuple[Any, ...], kinds: Sequence[Kind]) -> _Call:
        from gallery.compilation.machine import load

        with self._lock:
            if marked in self._calls:
                return self._calls[marked]
            code, symbol = self._code(kinds)
            entry, packing = load(code, symbol), Packing(kinds)
            self._calls[marked] = lambda arguments: entry(packing.pack(arguments))
            return self._calls[marked]

    def _code(self, kinds: Sequence[Kind]) -> tuple[bytes, str]:
        """Return the object file for arguments of some kinds, and the name of its function."""
        from gallery.compilation.machine import processor

        variant = "-".join([*(kind.name for kind in kinds), *processor()])
        short = hashlib.sha256(variant.encode()).hexdigest()[:16]
        symbol = f"{self._function.__module__}.{self._function.__name__}.{short}"
        origin = hashlib.sha256(_compiler() + self._made_of + variant.encode()).digest()
        folder, name = CodeFolder(self.source), f"{symbol}.code"
        if (code := folder.read(name, origin)) is None:
            folder.require()
            from gallery.compilation.compiler import object_code

            gives = self._result is not None
            code = object_code(self._function, kinds, symbol, gives=gives)
            folder.write(name, origin, code)
        return code, symbol


@cache
def _compiler() -> bytes:
    """Return a digest of the compiler: of its releases, and of this package."""
    import llvmlite

    spec = importlib.util.find_spec("numba")
    assert spec is not None and spec.origin is not None
    release = Path(spec.origin).with_name("_version.py").read_bytes()
    parts = (_OWN, llvmlite.__version__.encode(), release)
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).digest()
