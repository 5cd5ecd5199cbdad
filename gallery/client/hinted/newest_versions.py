"""A store of values computed of block versions, which keeps those of the newest versions alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from gallery.client.keys.secrets import Secret
from gallery.messages import BlockHeader

T = TypeVar("T")


class NewestVersions(Secret, Generic[T]):
    """Keeps the value computed last of each block, so that memory does not grow with writes.

    Threads may use it at the same time: at worst something is computed twice.
    """

    def __init__(self) -> None:
        self._kept: dict[int, tuple[bytes, T]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def of(self, header: BlockHeader, compute: Callable[[], T]) -> T:
        """Return the value of a block version, computed if it is not the one that is kept."""
        kept = self._kept.get(header.index)
        if kept is None or kept[0] != header.nonce:
            self._kept[header.index] = kept = header.nonce, compute()
        return kept[1]

    def drop_from(self, count: int) -> None:
        """Drop what is kept of blocks whose index is ``count`` or more."""
        for index in [index for index in list(self._kept) if index >= count]:
            self._kept.pop(index, None)
