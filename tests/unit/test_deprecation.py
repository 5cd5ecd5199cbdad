"""Former names: each still works, with a warning that says the present one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import gallery.client
import gallery.errors
from gallery.deprecation import renamed_arguments


def test_present_names_need_no_warning() -> None:
    @renamed_arguments({"old": "new"}, {"yes": "true"})
    def function(positional: int, *, new: object = None) -> tuple[int, object]:
        return positional, new

    assert function(1, new="yes") == (1, "yes")
    with pytest.warns(DeprecationWarning, match="'old' of .*function.* called 'new' now") as found:
        assert function(1, old="yes") == (1, "true")  # type: ignore[call-arg]
    assert [Path(item.filename).name for item in found] == [Path(__file__).name]
    with pytest.warns(DeprecationWarning):
        assert function(1, old=["not text"]) == (1, ["not text"])  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("module", "former", "present"),
    [
        (gallery.client, "FileMemory", "StateFile"),
        (gallery.client, "SessionMemory", "TransientStates"),
        (gallery.errors, "MemoryFileError", "StateFileError"),
        (gallery.errors, "FaceEngineError", "FaceRuntimeError"),
    ],
)
def test_a_module_has_its_former_names(module: Any, former: str, present: str) -> None:
    with pytest.warns(DeprecationWarning, match=f"{former} is called {present} now"):
        assert getattr(module, former) is getattr(module, present)
    assert former not in dir(module)


@pytest.mark.parametrize("module", [gallery.client, gallery.errors])
def test_a_module_has_no_other_names(module: Any) -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Engine'"):
        module.Engine  # noqa: B018
