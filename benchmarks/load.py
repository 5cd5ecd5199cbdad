"""A server under load: many clients search, some enroll, and every answer is checked.

Run as ``python -m benchmarks.load``. The server is a real ``gallery serve`` in a process of its own
on the same machine as its clients, which do the work of key owners and take most of the processor.
"""

from __future__ import annotations

import json
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import psutil
from rich.console import Console

from benchmarks.clients import Account
from benchmarks.crew import Crew, shares_of
from benchmarks.inspection import inspect
from benchmarks.load_figures import Outage, server_work
from benchmarks.load_report import Course, Plan, assemble, show
from benchmarks.postgresql import temporary_postgresql
from benchmarks.served import Server, make_token
from benchmarks.workload import Workload, make_workload, reference_label
from gallery.client import GalleryClient, GalleryKey, write_key_file
from gallery.parameters import PARAMETER_SETS
from gallery.server import open_service

_RATE = "1000000/minute"
"""Limit of one token's requests, out of the way: here all clients of a kind share a token."""


def enroll_crowd(database: str, gallery: str, key: GalleryKey, plan: Plan, crowd: Workload) -> None:
    """Make the gallery straight in the database, which takes no server."""
    parameters = PARAMETER_SETS[plan.parameters]
    with (
        open_service(database, create=True) as service,
        GalleryClient.create(
            service, key, gallery, dimension=plan.dimension, parameters=parameters
        ) as client,
    ):
        client.enroll(crowd.references, [reference_label(i) for i in range(plan.references)])


@contextmanager
def prepared(
    database: str, log: Path | None, plan: Plan, console: Console
) -> Iterator[tuple[Server, list[Account]]]:
    """Give a server that runs on a gallery, and the accounts of searchers and of enrollers."""
    # A name of its own, so that one database can serve several measurements.
    gallery = f"load-{uuid.uuid4().hex[:8]}"
    with tempfile.TemporaryDirectory(prefix="gallery-load-") as name:
        folder = Path(name)
        console.print(f"enrolling {plan.references:,} references ...")
        crowd, key = make_workload(plan.references, plan.dimension), GalleryKey.generate()
        crowd.save(folder)
        write_key_file(folder / "key", key, None)
        url = database or f"sqlite:///{folder}/load.db"
        enroll_crowd(url, gallery, key, plan, crowd)
        del crowd
        options = ["--cache-size", plan.cache_size, "--rate", _RATE]
        server = Server(url, log or folder / "server.log", options)
        accounts = [
            Account(
                server.url,
                make_token(url, f"{gallery}-{scope}", scope, gallery),
                gallery,
                folder / "key",
                folder,
            )
            for scope in ("search", "enroll")
        ]
        server.start()
        try:
            server.wait_ready()
            yield server, accounts
        finally:
            server.stop()


def run_course(server: Server, accounts: list[Account], plan: Plan, console: Console) -> Course:
    """Let the clients work, watch the server, and kill it in between if that is the plan."""
    searching, enrolling = accounts
    shares = shares_of(searching, enrolling, plan.clients, plan.enrollers, plan.processes)
    with Crew(shares) as crew:
        console.print(f"{plan.clients} clients open the gallery ...")
        crew.wait_ready()
        console.print(f"they work for {plan.seconds:g} seconds ...")
        before, used, busy = server.figures(), server.processor_seconds(), machine_busy()
        began = time.monotonic()
        until, half = began + plan.seconds, began + plan.seconds / 2
        crew.begin(until)
        samples, outage = watch(server, half if plan.kill else until), None
        if plan.kill:
            outage = interrupt(server, plan.down)
            before, used = server.figures(), server.processor_seconds()
            samples = watch(server, until)
        seconds = plan.seconds if outage is None else until - outage.restarted
        work = server_work(before, server.figures(), seconds)
        work["processor_seconds"] = server.processor_seconds() - used
        busy = machine_busy() - busy
        return Course(began, until, crew.collect(), samples, work, outage, busy)


def machine_busy() -> float:
    """Return the processor time that all programs of this machine have used since it started."""
    times = psutil.cpu_times()
    idle: float = times.idle + getattr(times, "iowait", 0.0)
    return sum(times[:7]) - idle


def watch(server: Server, until: float) -> list[tuple[float, int]]:
    """Look at the server's memory each second until a moment."""
    samples = []
    while (now := time.monotonic()) < until:
        samples.append((now, server.resident()))
        time.sleep(min(1.0, max(0.0, until - now)))
    return samples


def interrupt(server: Server, down: float) -> Outage:
    """Kill the server, and start it again after a while."""
    server.kill()
    killed = time.monotonic()
    time.sleep(down)
    server.start()
    restarted = time.monotonic()
    return Outage(killed, restarted, server.wait_ready())


def measure(plan: Plan, database: str, log: Path | None, console: Console) -> dict[str, Any]:
    """Run one load and return all that there is to say about it."""
    with prepared(database, log, plan, console) as (server, accounts):
        course = run_course(server, accounts, plan, console)
        console.print("inspecting what the gallery holds ...")
        with accounts[1].open() as (client, _):
            inspection = inspect(client, plan.references, course.enrollings)
    return assemble(plan, database, course, inspection)


@click.command()
@click.option("--seconds", type=float, default=300.0, show_default=True)
@click.option("--clients", type=click.IntRange(1), default=32, show_default=True)
@click.option("--enrollers", type=click.IntRange(0), default=2, show_default=True)
@click.option("--references", type=click.IntRange(1), default=100_000, show_default=True)
@click.option("--dimension", type=click.IntRange(64, 4096), default=128, show_default=True)
@click.option("--parameters", type=click.Choice([*PARAMETER_SETS]), default="standard")
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
@click.option("--json", "path", type=click.Path(dir_okay=False, path_type=Path))
def main(
    quick: bool,
    database: str,
    postgresql: bool,
    log: Path | None,
    path: Path | None,
    **options: Any,
) -> None:
    """Put a server under load; the last line of the output is the report in JSON."""
    plan = Plan(**options)
    if quick:
        plan = replace(plan, seconds=20.0, clients=8, references=8_000)
    with ExitStack() as stack:
        if postgresql:
            database = stack.enter_context(temporary_postgresql())
        report = measure(plan, database, log, Console(stderr=True))
    show(Console(width=120), report)
    text = json.dumps(report)
    if path:
        path.write_text(text + "\n", encoding="utf-8")
    click.echo(text)
    if False in report["verdicts"].values():
        raise SystemExit(1)


if __name__ == "__main__":
    main()
