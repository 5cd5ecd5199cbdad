"""Results as people and as programs read them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from gallery.client import Identification

Floats = npt.NDArray[np.float64]

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


def records(
    names: Sequence[str | int], found: Identification, distances: Floats
) -> Iterator[dict[str, Any]]:
    """Yield one JSON-ready record for each probe, with the distances that are to be shown."""
    for row, name in enumerate(names):
        candidates = [
            {
                "label": str(found.labels[row, rank]),
                "reference_id": str(found.reference_ids[row, rank]),
                "distance": float(distance),
            }
            for rank, distance in enumerate(distances[row])
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
    names: Sequence[str | int], found: Identification, distances: Floats
) -> Table:
    """Return one row for each probe, and one for each further candidate; see `records`."""
    table = result_table("probe", "decision", "label")
    table.add_column("distance", justify="right")
    table.add_column("candidate", overflow="fold")
    for record in records(names, found, distances):
        match = record["decision"] == "match"
        decision = Text(record["decision"], style="green" if match else "yellow")
        shown: list[dict[str, Any]] = record["candidates"] or [{}]
        for rank, candidate in enumerate(shown):
            first = rank == 0
            table.add_row(
                Text(str(record["probe"])) if first else "",
                decision if first else "",
                Text(record["label"] or "-") if first else "",
                _number(candidate.get("distance")),
                Text(candidate.get("label", "-")),
            )
    return table


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}" if round(value, 4) == value else repr(value)
