"""The chain of the audit log: each row's digest covers the row and the digest before it.

No key is needed, and none could be kept from the log's owner. So the chain shows any reader that
rows were changed, deleted or put in between; an attacker who may write the table at will could
compute all of it anew, and is caught by a digest that was noted elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

DIGEST_SIZE = 32
BEGINNING = bytes(DIGEST_SIZE)
"""The digest that the first row of a log is chained to."""

_FIELDS = [
    *("time", "token_id", "token_name", "action", "gallery_id", "gallery", "probes", "blocks"),
    *("result", "request_id", "count", "boundary"),
]


@dataclass(frozen=True)
class AuditGap:
    """A row of the audit log that does not follow on the one before it.

    Attributes
    ----------
    event_id
        Its number.
    time
        Its time, microseconds since 1970 UTC.
    """

    event_id: int
    time: int


@dataclass(frozen=True)
class AuditCheck:
    """The outcome of a check of the audit log.

    Attributes
    ----------
    rows
        Rows that the log holds.
    pruned
        Rows that were pruned, as far as the log still says so.
    gaps
        The first hundred rows that were changed, or before which others are missing or were
        changed.
    head
        Digest of the newest row, 32 bytes; what noting it elsewhere is good for, see
        `gallery.store.AuditStore.check`.
    holds_noted
        Whether the digest that was noted before is in the log; None if none was given.
    """

    rows: int
    pruned: int
    gaps: tuple[AuditGap, ...]
    head: bytes
    holds_noted: bool | None

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing and nothing was changed."""
        return not self.gaps and self.holds_noted is not False


def row_digest(previous: bytes, values: Mapping[str, Any]) -> bytes:
    """Return the digest of a row.

    Parameters
    ----------
    previous
        The digest of the row before it, 32 bytes.
    values
        The row as it is stored, by column.
    """
    fields = [values[name] for name in _FIELDS]
    shown = [item.hex() if isinstance(item, bytes) else item for item in fields]
    text = json.dumps(shown, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(b"gallery audit row" + previous + text.encode("ascii")).digest()


def chained(previous: bytes, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows with their digests."""
    found = []
    for row in rows:
        previous = row_digest(previous, row)
        found.append({**row, "digest": previous})
    return found
