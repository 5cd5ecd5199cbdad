"""The program ``python -m benchmarks.history``: adds what was just measured, and draws it all."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import click

from benchmarks.history.entries import HistoryEntry, read_history, with_entry, write_history
from benchmarks.history.history_plot import plot_history
from benchmarks.history.paths import CHECKOUT, HISTORY, PLOT, RESULTS

_WRITTEN = (":!benchmarks/results", ":!docs/performance.md")
"""What a measurement itself writes, which changes nothing of what it measured."""


@click.command()
@click.option(
    "--report",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Report to add, as `make bench` writes it. [default: benchmarks/results/compare.json]",
)
@click.option("--commit", help="Commit that it is of. [default: the one that is checked out]")
@click.option("--only-plot", is_flag=True, help="Add nothing, and draw what is there.")
def main(report: Path | None, commit: str | None, only_plot: bool) -> None:
    """Add a report to benchmarks/results/history.jsonl, and draw history.svg beside it."""
    try:
        entries = read_history(HISTORY)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    if not only_plot:
        text = (report or RESULTS / "compare.json").read_text(encoding="utf-8")
        added = HistoryEntry.of(json.loads(text), commit or _checked_out())
        write_history(HISTORY, with_entry(entries, added))
        entries = read_history(HISTORY)
        click.echo(f"{added.commit}: {len(added.figures)} figures of {added.measured}")
    plot_history(entries, PLOT)


def _checked_out() -> str:
    """Return the commit that is checked out, with a ``+`` if files were changed since."""
    commit = _git("rev-parse", "--short=7", "HEAD").strip()
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", *_WRITTEN)
    return f"{commit}+" if changed.strip() else commit


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise click.ClickException(f"git {arguments[0]} failed; give --commit")
    return done.stdout


if __name__ == "__main__":
    main()
