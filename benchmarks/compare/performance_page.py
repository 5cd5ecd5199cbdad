"""The tables of ``docs/performance.md``, out of a report."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.compare.published import DIMENSION, MACHINE, PUBLISHED, REFERENCES
from benchmarks.shared.page_tables import replace_between, table

BEGIN = "<!-- Written by `make bench`, from here: -->"
END = "<!-- to here. -->"

PLOT = "../benchmarks/results/latency.svg"
"""The plot's path, seen from the page."""

Report = dict[str, Any]


def write_tables(path: Path, report: Report) -> None:
    """Replace the text between the two markers of a page.

    Raises
    ------
    ValueError
        If the page does not have both, in this order.
    """
    replace_between(path, BEGIN, END, render(report))


def render(report: Report) -> str:
    """Return a report in Markdown."""
    parts = [
        _circumstances(report),
        "\n".join(f"- {outcome['text']}" for outcome in report["verdicts"]),
        "### Step by step",
        _steps(report),
        "### TenSEAL's parameters",
        _tenseal_parameters(report),
        "### Beside plain search",
        _beside_plain(report),
        "### Beside published systems",
        _beside_published(report),
        *(_scans(report) if report["growth"] else ()),
        "### From embeddings to candidates",
        _end_to_end(report["whole"]),
        "### Memory",
        _memory(report["peak_bytes"]),
        *(f"Not measured: {text}." for text in report["skipped"]),
    ]
    return "\n\n".join(parts)


def _circumstances(report: Report) -> str:
    machine = ", ".join(f"{name} {value}" for name, value in report["machine"].items())
    read, copy, two = (
        report["gigabytes_per_second"][way]["median"]
        for way in ("read", "copy", "read_on_two_threads")
    )
    load = ", ".join(map(str, report["load_average"]))
    return (
        f"Measured {report['started']} in {report['seconds'] / 60:.0f} minutes: {machine}. Load "
        f"average at the start {load}. One thread reads {read:.1f} GB/s from memory (NumPy, sum of "
        f"256 MiB) and copies {copy:.1f} GB/s (what it reads and what it writes); two threads read "
        f"{two:.1f} GB/s. Medians of {report['repeats']} repeats, with the least and the most."
    )


def _steps(report: Report) -> str:
    header = (
        "d", "scheme", "references", "enroll, µs a reference", "probe, ms",
        "scan, ns a reference", "check, ns a reference", "decrypt, ns a reference",
        "probe sent, MB", "answer, B a reference", "at rest, B a reference",
    )  # fmt: skip
    rows = [
        (
            row["dimension"],
            row["scheme"],
            f"{row['references']:,}",
            _spread(row["enroll"], 1e6),
            _spread(row["encrypt"], 1e3),
            _spread(row["scan"], 1e9),
            "" if row["check"] is None else _spread(row["check"], 1e9),
            _spread(row["decrypt"], 1e9),
            f"{row['sent_bytes'] / 1e6:.3g}",
            _number(row["answer_bytes"]),
            _number(row["stored_bytes"]),
        )
        for row in report["steps"]
    ]
    for row in report["beside"]:
        plain = _spread(row["faiss"], 1e9)
        rest = 4 * row["dimension"]
        rows.append(
            (row["dimension"], "FAISS in clear, 1 thread", *[""] * 3, plain, *[""] * 4, rest)
        )
        for name, series in row["backend_seal"].items():
            probe = _spread(series, 1e3)
            rows.append((row["dimension"], f"backend seal, {name}", "", "", probe, *[""] * 6))
    return table(header, rows)


def _tenseal_parameters(report: Report) -> str:
    header = ("d", "parameters and form", "ns a reference", "largest error", "fastest that is")
    rows = [
        (
            row["dimension"],
            row["choice"],
            _number(row["nanoseconds"]),
            f"{row['error']:.1e}",
            ", ".join(f"as accurate as {name}" for name in row["as_accurate_as"]),
        )
        for row in report["tenseal_parameters"]
    ]
    return table(header, rows)


def _beside_plain(report: Report) -> str:
    """Return a table of scans and FAISS in turn, one row for each parameter set and size."""
    header = (
        "d", "n", "scheme", "FAISS, ns", "1 thread, ns", "times FAISS", "GB/s read",
        "2 threads, ns", "times as fast as 1", "GB/s read by 2",
    )  # fmt: skip
    rows = []
    for row in report["beside_plain"]:
        read = row["gigabytes_per_second"]
        on_two: tuple[str, ...] = ("", "", "")
        if row["two_threads"] is not None:
            gain = _spread(row["gain_of_threads"], 1)
            on_two = _spread(row["two_threads"], 1e9), gain, _number(read["two_threads"])
        rows.append(
            (
                row["dimension"],
                f"{row['references']:,}",
                row["parameters"],
                _spread(row["faiss"], 1e9),
                _spread(row["one_thread"], 1e9),
                _spread(row["times_faiss"], 1),
                _number(read["one_thread"]),
                *on_two,
            )
        )
    return table(header, rows)


def _beside_published(report: Report) -> str:
    """Return a table of what others need, as measured elsewhere, and what this run found."""
    header = (
        "scheme", "source", "scan, ns a reference", "FAISS in the same runs, ns", "times FAISS",
        "keys at the server", "probe sent", "answer, a reference", "",
    )  # fmt: skip
    rows = [
        (
            one.name,
            one.source,
            _range(one.scan_nanoseconds),
            _range(one.faiss_nanoseconds),
            _range(one.times_faiss),
            one.server_keys,
            one.sent,
            one.answer,
            one.notes,
        )
        for one in PUBLISHED
    ]
    sizes = {row["role"]: row for row in report["steps"] if row["dimension"] == DIMENSION}
    for row in report["beside_plain"]:
        name = row["parameters"]
        if row["references"] == REFERENCES and name in sizes:
            scan, faiss = _spread(row["one_thread"], 1e9), _spread(row["faiss"], 1e9)
            sent = f"{sizes[name]['sent_bytes'] / 1e3:.0f} KB"
            answer = f"{_number(sizes[name]['answer_bytes'])} B"
            times = _spread(row["times_faiss"], 1)
            rows.append((name, "this run", scan, faiss, times, "none", sent, answer, ""))
    text = (
        f"The published ones were measured elsewhere, on {MACHINE}, and never by this program; "
        f"{REFERENCES:,} references of d = {DIMENSION}. Another machine has other times, so what "
        "compares is how many times as long as FAISS they take."
    )
    return f"{text}\n\n{table(header, rows)}"


def _range(values: tuple[float, float]) -> str:
    return "–".join(_number(value) for value in values)


def _scans(report: Report) -> Iterator[str]:
    """Yield a table with one row for each scheme and number of probes, one column for each size."""
    sizes = sorted({point["references"] for point in report["growth"]})
    cells: dict[tuple[int, str, int], dict[int, str]] = {}
    for point in report["growth"]:
        key = point["dimension"], point["scheme"], point["probes"]
        # FAISS was measured beside each parameter set; the first will do.
        cells.setdefault(key, {}).setdefault(point["references"], _spread(point["scan"], 1e9))
    header = ("d", "scheme", "probes", *(f"n = {size:,}" for size in sizes))
    rows = [(*key, *(found.get(size, "") for size in sizes)) for key, found in cells.items()]
    yield "### Against size and batch: ns a comparison"
    yield f"![Seconds of a scan against the number of references, log axes]({PLOT})"
    yield table(header, rows)


def _end_to_end(times: Report) -> str:
    sizes = f"{times['references']:,} references of d = {times['dimension']}, {times['parameters']}"
    header = (sizes, "as a library, ms a probe", "as a command, ms a probe")
    ways = times["library"], times["command"]
    rows = [
        (f"{times['probes']:,} probes in one call", *(_spread(way["batch"], 1e3) for way in ways)),
        ("one call a probe, backend `seal`", *(_spread(way["single"], 1e3) for way in ways)),
    ]
    enrolled = (
        f"Enrolling took {1e6 * times['enroll_seconds']:.0f} µs a reference, labels included."
    )
    return f"{table(header, rows)}\n\n{enrolled}"


def _memory(peaks: dict[str, dict[str, int]]) -> str:
    rows = [
        (role, f"{int(references):,}", f"{peak / 1e6:,.0f}")
        for role, found in peaks.items()
        for references, peak in found.items()
    ]
    return table(("scheme, d = 128", "references", "peak, MB"), rows)


def _spread(spread: dict[str, float], factor: float) -> str:
    median, least, most = (_number(factor * spread[k]) for k in ("median", "least", "most"))
    return f"{median} ({least}–{most})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
