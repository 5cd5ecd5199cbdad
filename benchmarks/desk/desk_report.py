"""The report of a measurement: as a table, as the section of a page, and as figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from benchmarks.desk.desk_goals import check_memory, check_times
from benchmarks.desk.measurement import SearchRow, SearchTimes, spread_of
from benchmarks.shared.goals import GoalOutcome
from benchmarks.shared.page_tables import table

BEGIN = "<!-- Written by `make bench-desk`, from here: -->"
END = "<!-- to here: desk. -->"

Figure = Callable[[SearchTimes], float]

FIGURES: dict[str, tuple[str, Figure]] = {
    "photo": ("a photo by the desk, whole", lambda item: item.photo),
    "decode": ("of it decoding", lambda item: item.stages["decode"]),
    "embed": ("of it detection and embedding", lambda item: item.stages["embed"]),
    "search": ("of it the search of the gallery", lambda item: item.stages["search"]),
    "answering": ("of it answering, the rest", lambda item: item.answering),
    "beyond_embedding": (
        "all but detection and embedding",
        lambda item: item.beyond_embedding,
    ),
    "embedding": ("a ready embedding by the desk, whole", lambda item: item.embedding),
    "command": ("the photo by `gallery identify`, whole", lambda item: item.command),
}
"""What is told of searches: words, and seconds."""


@dataclass(frozen=True)
class DeskReport:
    """What was measured, and on what.

    Attributes
    ----------
    machine
        As `describe_machine` describes it.
    references, parameters
        Of the gallery.
    photo_bytes
        Of the photo that was searched with.
    times
        One for each repeat.
    rows
        Rows of searches by what was searched with.
    busy
        Share of the machine's processor time that other programs took.
    """

    machine: dict[str, str | int]
    references: int
    parameters: str
    photo_bytes: int
    times: Sequence[SearchTimes]
    rows: dict[str, SearchRow]
    busy: float

    def outcomes(self) -> list[GoalOutcome]:
        """Hold it to its goals."""
        rows = [*self.rows.values()]
        return [*check_times(self.references, self.times), *check_memory(rows)]

    def lines(self) -> list[tuple[str, str]]:
        """Return what was found, in words and milliseconds."""
        found = []
        for words, figure in FIGURES.values():
            spread = spread_of(self.times, figure).times(1e3)
            found.append(
                (words, f"{spread.median:,.1f} ms ({spread.least:,.1f} to {spread.most:,.1f})")
            )
        ratio = spread_of(self.times, lambda item: item.times_faster)
        found.append(
            (
                "the command takes",
                f"{ratio.median:.1f} times as long ({ratio.least:.1f} to {ratio.most:.1f})",
            )
        )
        for kind, row in self.rows.items():
            sizes = f"{row.resident[0] / 1e6:,.0f} to {row.resident[-1] / 1e6:,.0f} MB"
            found += [
                (f"processor time of a search with the {kind}", f"{_ms(row.processor_seconds)}"),
                (f"memory over {100 * (len(row.resident) - 1):,} searches with it", sizes),
            ]
        return found

    def section(self) -> str:
        """Return it in Markdown."""
        shared = (
            "did nothing else" if self.busy < 0.05 else f"was busy with others to {self.busy:.0%}"
        )
        circumstances = (
            f"{datetime.now(UTC):%Y-%m-%d}, {self.machine['cores']} cores of "
            f"{self.machine['processor']}, which {shared}: {self.references:,} references, "
            f"`{self.parameters}`, {len(self.times)} repeats, a photo of "
            f"{self.photo_bytes / 1e3:,.0f} KB."
        )
        goals = "\n".join(f"- {outcome}" for outcome in self.outcomes())
        return "\n\n".join([circumstances, table(("", ""), self.lines()), goals])

    def figures(self) -> dict[str, object]:
        """Return it for a line of JSON."""
        found: dict[str, object] = {
            **self.machine,
            "references": self.references,
            "parameters": self.parameters,
            "repeats": len(self.times),
            "busy_with_others": self.busy,
        }
        for name, (_, figure) in FIGURES.items():
            spread = spread_of(self.times, figure)
            found[f"{name}_seconds"] = spread.median
            found[f"{name}_seconds_least"] = spread.least
            found[f"{name}_seconds_most"] = spread.most
        found["times_faster"] = spread_of(self.times, lambda item: item.times_faster).median
        for kind, row in self.rows.items():
            found[f"{kind}_row_megabytes"] = [size / 1e6 for size in row.resident]
            found[f"{kind}_row_growth_megabytes"] = row.growth / 1e6
            found[f"{kind}_row_processor_seconds"] = row.processor_seconds
        return found


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:,.1f} ms"
