"""Results as people and as programs read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from gallery.client import Results

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


def identification_table(found: Results) -> Table:
    """Return one row for each probe, and one for each further candidate; see `Results.records`."""
    table = result_table("probe", "decision", "label")
    table.add_column("distance", justify="right")
    table.add_column("candidate", overflow="fold")
    for record in found.records():
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
