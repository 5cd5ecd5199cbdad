"""Results as people and as programs read them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from gallery.client import Identification

DECIMALS = 4
"""Decimals of released distances. CKKS is approximate, and its noise depends on the key: distances
released with all digits would help an attacker who also sees the ciphertexts (Li and Micciancio,
EUROCRYPT 2021). Thresholds of face models have two decimals."""


_PIPE_WIDTH = 200


def results() -> Console:
    """Return where results go: standard output, which a pipe does not cut to 80 columns."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_PIPE_WIDTH)


def result_table(*titles: str) -> Table:
    """Return an empty table as all commands print theirs."""
    return Table(
        *titles,
        box=None,
        pad_edge=False,
        header_style="bold",
        padding=(0, 2, 0, 0),
        show_header=bool(titles),
    )


def released(distance: float, full_precision: bool) -> float:
    """Return a distance as it may leave the owner's hands."""
    return distance if full_precision else round(distance, DECIMALS)


def records(
    names: Sequence[str | int], found: Identification, full_precision: bool
) -> Iterator[dict[str, Any]]:
    """Yield one JSON-ready record for each probe."""
    for row, name in enumerate(names):
        candidates = [
            {
                "label": str(found.labels[row, rank]),
                "reference_id": str(found.reference_ids[row, rank]),
                "distance": released(float(distance), full_precision),
            }
            for rank, distance in enumerate(found.distances[row])
            if math.isfinite(distance)
        ]
        match = bool(found.decisions[row])
        best = candidates[0] if candidates else None
        yield {
            "probe": name,
            "decision": "match" if match else "non-match",
            "label": best["label"] if best and match else None,
            "reference_id": best["reference_id"] if best and match else None,
            "distance": best["distance"] if best else None,
            "threshold": found.threshold,
            "metric": str(found.metric),
            "searched": int(found.searched[row]),
            "candidates": candidates,
        }


def identification_table(
    names: Sequence[str | int], found: Identification, full_precision: bool
) -> Table:
    """Return one row for each probe, and one for each further candidate."""
    table = result_table("probe", "decision", "label")
    table.add_column("distance", justify="right")
    table.add_column("candidate", overflow="fold")
    for record in records(names, found, full_precision):
        match = record["decision"] == "match"
        decision = Text(record["decision"], style="green" if match else "yellow")
        shown: list[dict[str, Any]] = record["candidates"] or [{}]
        for rank, candidate in enumerate(shown):
            first = rank == 0
            table.add_row(
                Text(str(record["probe"])) if first else "",
                decision if first else "",
                Text(record["label"] or "-") if first else "",
                _number(candidate.get("distance"), full_precision),
                Text(candidate.get("label", "-")),
            )
    return table


def _number(value: float | None, full_precision: bool) -> str:
    if value is None:
        return "-"
    return repr(value) if full_precision else f"{value:.{DECIMALS}f}"
