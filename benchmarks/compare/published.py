"""Published systems for the same task, as they were measured elsewhere; nothing here runs them."""

from __future__ import annotations

from dataclasses import dataclass

MACHINE = "one thread of an Intel Xeon (family 6, model 167)"
"""The processor that the figures are of; its kind is that of entries in the history."""

REFERENCES = 1_000_000
DIMENSION = 128


@dataclass(frozen=True)
class PublishedSystem:
    """A system that compares an encrypted probe with encrypted references.

    Attributes
    ----------
    name, source
        The system, and where it is published.
    scan_nanoseconds, faiss_nanoseconds
        Least and most nanoseconds for a reference, and those of plain search in the same runs.
    server_keys, sent, answer, notes
        What its server has to hold of keys, the bytes up, those down for a reference, and the rest.
    """

    name: str
    source: str
    scan_nanoseconds: tuple[float, float]
    faiss_nanoseconds: tuple[float, float]
    server_keys: str
    sent: str
    answer: str
    notes: str

    @property
    def times_faiss(self) -> tuple[float, float]:
        """Least and most times as long as plain search."""
        (least, most), (faiss_least, faiss_most) = self.scan_nanoseconds, self.faiss_nanoseconds
        return least / faiss_most, most / faiss_least

    def __str__(self) -> str:
        least, most = self.scan_nanoseconds
        times, more = self.times_faiss
        return (
            f"{self.name} ({self.source}): {least:.0f} to {most:.0f} ns a reference, "
            f"{times:.0f} to {more:.0f} times FAISS in the same runs, n = {REFERENCES:,}; measured "
            f"elsewhere, on {MACHINE}, and not by this run"
        )


_FAISS = (46.0, 61.0)

PUBLISHED = (
    PublishedSystem(
        "HEVEC",
        "arXiv 2506.17336, MIT licence",
        (878.0, 940.0),
        _FAISS,
        "1 GiB",
        "33.8 KB",
        "16 B",
        "probe and references encrypted; error 1.5e-3",
    ),
    PublishedSystem(
        "encrypted matrix-vector products",
        "eprint 2025/858",
        (700.0, 780.0),
        _FAISS,
        "none",
        "",
        "320 B",
        "430 ns a reference on the client's side",
    ),
)
"""The systems: with `REFERENCES` of `DIMENSION` values, on `MACHINE`."""
