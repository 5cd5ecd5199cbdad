"""The program ``python -m benchmarks.load``: a server under load, with every answer checked.

The server is a real ``gallery serve`` in a process of its own on the same machine as its clients,
which do the work of key owners and take most of the processor.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from benchmarks.load.consistency_check import check_consistency
from benchmarks.load.load_page import BEGIN, END, render
from benchmarks.load.load_plot import plot_load
from benchmarks.load.load_run import run_load
from benchmarks.load.postgresql import temporary_postgresql
from benchmarks.load.prepared_server import prepared_server
from benchmarks.load.report import assemble, show
from benchmarks.load.settings import LoadSettings
from benchmarks.shared.options import dimension_option, parameters_option, references_option
from benchmarks.shared.page_tables import replace_between

CHECKOUT = Path(__file__).parents[2]
RESULTS = CHECKOUT / "benchmarks" / "results"
PERFORMANCE_PAGE = CHECKOUT / "docs" / "performance.md"


def measure(
    settings: LoadSettings, database: str, log: Path | None, console: Console
) -> dict[str, Any]:
    """Run one load and return its report."""
    with prepared_server(database, log, settings, console) as (server, searching, enrolling):
        run = run_load(server, searching, enrolling, settings, console)
        console.print("checking what the gallery holds ...")
        with enrolling.open() as (client, _):
            consistency = check_consistency(client, settings.references, run.enrollments)
    return assemble(settings, database, run, consistency)


@click.command()
@click.option("--seconds", type=float, default=300.0, show_default=True)
@click.option("--clients", type=click.IntRange(1), default=32, show_default=True)
@click.option("--enrollers", type=click.IntRange(0), default=2, show_default=True)
@references_option(100_000)
@dimension_option(64)
@parameters_option
@click.option(
    "--processes",
    type=click.IntRange(1),
    default=4,
    show_default=True,
    help="Processes that the searching clients are spread over.",
)
@click.option("--cache-size", default="4GiB", show_default=True, help="As for gallery serve.")
@click.option("--kill", is_flag=True, help="Kill the server at half time and start it again.")
@click.option("--down", type=float, default=3.0, show_default=True, help="Seconds in between.")
@click.option("--quick", is_flag=True, help="20 seconds, 8 clients, 8,000 references.")
@click.option(
    "--database",
    default="",
    help="Database to use; it keeps the gallery afterwards. [default: a temporary SQLite file]",
)
@click.option("--postgresql", is_flag=True, help="Use a temporary PostgreSQL.")
@click.option(
    "--log",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to keep the server's log in.",
)
@click.option(
    "--write",
    is_flag=True,
    help="Write benchmarks/results/load.json and load.svg, and the table of docs/performance.md.",
)
@click.option("--json", "path", type=click.Path(dir_okay=False, path_type=Path))
def main(
    quick: bool,
    database: str,
    postgresql: bool,
    log: Path | None,
    write: bool,
    path: Path | None,
    **options: Any,
) -> None:
    """Put a server under load; the last line of the output is the report in JSON."""
    settings = LoadSettings(**options)
    if quick:
        settings = replace(settings, seconds=20.0, clients=8, references=8_000)
    with ExitStack() as stack:
        if postgresql:
            database = stack.enter_context(temporary_postgresql())
        report = measure(settings, database, log, Console(stderr=True))
    show(Console(width=120), report)
    text = json.dumps(report)
    if path:
        path.write_text(text + "\n", encoding="utf-8")
    if write:
        kept = json.dumps(report, indent=1) + "\n"
        (RESULTS / "load.json").write_text(kept, encoding="utf-8")
        plot_load(report, RESULTS / "load.svg")
        replace_between(PERFORMANCE_PAGE, BEGIN, END, render(report))
    click.echo(text)
    if False in report["verdicts"].values():
        raise SystemExit(1)


if __name__ == "__main__":
    main()
