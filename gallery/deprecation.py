"""Former names of the library: accepted until the next minor version, each with a warning."""

from __future__ import annotations

import functools
import importlib
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Final, ParamSpec, TypeVar

REMOVED_IN: Final = "0.3"
"""The version that accepts no former name any more."""

P = ParamSpec("P")
R = TypeVar("R")


def renamed_arguments(
    names: Mapping[str, str], values: Mapping[str, str] | None = None
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator with which a function accepts former keyword arguments.

    Parameters
    ----------
    names
        The present name of each former keyword.
    values
        The present value of each former value. Former values are known by former keywords alone.

    Raises
    ------
    TypeError
        By the decorated function, if an argument is given under both its names.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def accept(*args: P.args, **kwargs: P.kwargs) -> R:
            for former in names.keys() & kwargs.keys():
                name, value = names[former], kwargs.pop(former)
                if name in kwargs:
                    raise TypeError(f"{function.__qualname__}() got both {name!r} and {former!r}")
                if values and isinstance(value, str):
                    value = values.get(value, value)
                kwargs[name] = value
                _warn(f"the argument {former!r} of {function.__qualname__}()", repr(name))
            return function(*args, **kwargs)

        return accept

    return decorate


def renamed_attributes(
    module: str, names: Mapping[str, str], present: Callable[[str], Any] | None = None
) -> Callable[[str], Any]:
    """Return a ``__getattr__`` with which a module has former names as well.

    Parameters
    ----------
    module
        The module's own name.
    names
        The present name, in the same module, of each former one.
    present
        The ``__getattr__`` of the module's present names, if it has one.
    """

    def find(name: str) -> Any:
        if name not in names and present is not None:
            return present(name)
        if name not in names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        _warn(f"{module}.{name}", names[name])
        return getattr(importlib.import_module(module), names[name])

    return find


def _warn(former: str, present: str) -> None:
    warnings.warn(
        f"{former} is called {present} now; version {REMOVED_IN} will not know the former name",
        DeprecationWarning,
        stacklevel=3,
    )
