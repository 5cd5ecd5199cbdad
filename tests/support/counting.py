"""Counts of calls: what an operation asks of the service, and how often it does something else."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from gallery.protocol import GalleryService


class CountingService:
    """Passes everything on, and counts.

    Attributes
    ----------
    calls
        How often each method was called.
    """

    def __init__(self, service: GalleryService) -> None:
        self._service = service
        self.calls: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        self.calls[name] += 1
        return getattr(self._service, name)


def count_calls(patch: pytest.MonkeyPatch, owner: type, method: str) -> list[tuple[Any, ...]]:
    """Return the list that the arguments of each call of a method are put into from now on."""
    calls: list[tuple[Any, ...]] = []
    real = getattr(owner, method)

    def counted(instance: Any, *arguments: Any, **named: Any) -> Any:
        calls.append(arguments)
        return real(instance, *arguments, **named)

    patch.setattr(owner, method, counted)
    return calls
