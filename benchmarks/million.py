"""A gallery of a million: how long enrolling and searching take, and how much memory.

Run as ``python -m benchmarks.million``. Embeddings are random, made on the fly. Enrolling, a
service, a real server, and an owner without one are processes of their own, so that the most memory
that each of them takes (its resident set) can be told. `--folder` chooses the disk; a million of
128 values takes 3.4 GB of it.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from benchmarks import machine
from benchmarks.served import Server, make_token
from gallery.ciphertexts.blocks import columns_size
from gallery.client import GalleryClient, GalleryKey, read_key_file, write_key_file
from gallery.client.embeddings.sources import Batch, EmbeddingSource
from gallery.client.transport import AccessToken, RemoteService
from gallery.messages import SearchRequest, SearchResult
from gallery.parameters import PARAMETER_SETS, find_parameters
from gallery.protocol import GalleryService
from gallery.server import open_service

THRESHOLD = 0.3
_REFERENCES_PER_BLOCK = 2048
"""Bytes that a service is allowed for each reference of a block, beside its ciphertexts."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Plan:
    """What is measured, and where."""

    folder: Path
    references: int
    dimension: int
    parameters: str
    probes: int
    repeats: int

    @property
    def key_file(self) -> Path:
        return self.folder / "owner.key"

    @property
    def database(self) -> str:
        return f"sqlite:///{self.folder / 'gallery.db'}"

    @property
    def cache(self) -> int:
        """Bytes that the whole gallery takes in a server's memory, and some to spare."""
        parameters = find_parameters(self.parameters)
        blocks = self.references // (parameters.poly_modulus_degree - 2) + 1
        size = columns_size(self.dimension, parameters)
        return blocks * (size + _REFERENCES_PER_BLOCK * parameters.poly_modulus_degree)


class RandomFaces:
    """Random unit embeddings that are made when they are read; labels are numbers."""

    model: str | None = None
    has_labels = True

    def __init__(self, plan: Plan) -> None:
        self.count, self._dimension = plan.references, plan.dimension

    def close(self) -> None:
        pass

    def check(self) -> None:
        pass

    def read(self, labelled: bool) -> Batch:
        batches = list(self.batches(4096, labelled))
        everybody = [label for _, labels in batches for label in labels]
        return np.concatenate([some for some, _ in batches]), everybody

    def batches(self, rows: int, labelled: bool) -> Iterator[Batch]:
        for start in range(0, self.count, rows):
            stop = min(start + rows, self.count)
            labels = [f"person {number}" for number in range(start, stop)]
            yield unit_rows(start, stop, self._dimension), labels


def unit_rows(start: int, stop: int, dimension: int) -> Floats:
    """Return the embeddings with these numbers, those of one start always the same."""
    rows = np.random.default_rng(start).standard_normal((stop - start, dimension), np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


class Stopwatch:
    """A service that times searches until their last result, and keeps the largest request."""

    def __init__(self, service: GalleryService) -> None:
        self._service = service
        self.seconds = 0.0
        self.largest: SearchRequest | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._service, name)

    def search(self, request: SearchRequest) -> SearchResult:
        started = time.perf_counter()
        if self.largest is None or len(request.probes) > len(self.largest.probes):
            self.largest = request
        found = self._service.search(request)
        blocks = list(found.blocks)
        self.seconds += time.perf_counter() - started
        return SearchResult(found.manifest, iter(blocks))


# --- the processes --------------------------------------------------------------------------------


def enroll(plan: Plan) -> dict[str, float]:
    key, chosen = read_key_file(plan.key_file, None), find_parameters(plan.parameters)
    source = EmbeddingSource(plan.folder / "made on the fly", RandomFaces(plan))
    with (
        open_service(plan.database, create=True) as service,
        GalleryClient.create(service, key, dimension=plan.dimension, parameters=chosen) as client,
    ):
        seconds = _seconds(lambda: client.enroll_file(source))
    return {
        "enroll_per_second": plan.references / seconds,
        "enroll_seconds": seconds,
        "enroll_megabytes": _peak(),
    }


def search_without_cache(plan: Plan) -> dict[str, float]:
    """Search as a command does: owner and service in one process that keeps no block."""
    key = read_key_file(plan.key_file, None)
    probe = unit_rows(0, 4094, plan.dimension)[:1]
    figures = {}
    with (
        open_service(plan.database) as service,
        GalleryClient(watch := Stopwatch(service), key) as client,
    ):
        for turn in ("first", "next"):
            watch.seconds, started = 0.0, time.perf_counter()
            found = client.identify(probe, k=5, threshold=THRESHOLD)
            seconds = time.perf_counter() - started
            assert found.labels[0, 0] == "person 0", "the wrong person was found"
            figures[f"cold_{turn}_service_seconds"] = watch.seconds
            figures[f"cold_{turn}_owner_seconds"] = seconds - watch.seconds
    return figures | {"cold_megabytes": _peak()}


def make_requests(plan: Plan) -> dict[str, float]:
    """Leave requests for the server's process: of one probe and of several, tables known."""
    key = read_key_file(plan.key_file, None)
    probes = unit_rows(0, 4094, plan.dimension)[: plan.probes]
    with (
        open_service(plan.database) as service,
        GalleryClient(watch := Stopwatch(service), key) as client,
    ):
        for count in (1, plan.probes):
            client.identify(probes[:count], threshold=THRESHOLD)
            assert watch.largest is not None
            _request_file(plan, count).write_bytes(watch.largest.to_bytes())
    return {}


def serve(plan: Plan) -> dict[str, float]:
    """Search with a server's memory; no owner is in this process."""
    figures: dict[str, float] = {}
    with open_service(plan.database, cache_size=plan.cache) as service:
        for count in (1, plan.probes):
            request = SearchRequest.from_bytes(_request_file(plan, count).read_bytes())
            filling, *times = [_searching(service, request) for _ in range(plan.repeats + 1)]
            if count == 1:
                figures["filling_seconds"] = filling
            name, sent = f"warm_seconds_per_probe_of_{count}", len(request.probes)
            figures[f"{name}_best"] = min(times) / sent
            figures[f"{name}_median"] = float(np.median(times)) / sent
            figures[f"probes_in_a_request_of_{count}"] = sent
        kept = service.cache_statistics()
    return figures | {
        "cached_blocks": kept.blocks,
        "cached_megabytes": kept.bytes / 1e6,
        "server_megabytes": _peak(),
    }


def serve_over_http(plan: Plan) -> dict[str, float]:
    """Search through a real ``gallery serve``, the only child of this process that is large."""
    key, probe = read_key_file(plan.key_file, None), unit_rows(0, 4094, plan.dimension)[:1]
    token = AccessToken(make_token(plan.database, "million", "search", "default"))
    options = ["--cache-size", f"{plan.cache // 2**20 + 1}MiB"]
    server = Server(plan.database, plan.folder / "server.log", options)
    server.start()
    try:
        server.wait_ready()
        with (
            closing(RemoteService(server.url, token)) as service,
            GalleryClient(watch := Stopwatch(service), key) as client,
        ):
            times = []
            for _ in range(plan.repeats + 1):
                watch.seconds = 0.0
                seconds = _seconds(lambda: client.identify(probe, k=5, threshold=THRESHOLD))
                times.append((seconds, watch.seconds))
    finally:
        server.stop()
    owner, served = np.median(times[1:], axis=0)
    return {
        "http_seconds_per_probe": owner,
        "http_service_seconds_per_probe": served,
        "http_server_megabytes": _peak(resource.RUSAGE_CHILDREN),
    }


def search_many(plan: Plan) -> dict[str, float]:
    """Search with many probes in one call, service and owner in one process, blocks cached."""
    key, count = read_key_file(plan.key_file, None), 4 * plan.probes
    probes = unit_rows(0, 4094, plan.dimension)[:count]
    with (
        open_service(plan.database, cache_size=plan.cache) as service,
        GalleryClient(watch := Stopwatch(service), key) as client,
    ):
        client.identify(probes[:1], threshold=THRESHOLD)
        watch.seconds = 0.0
        seconds = _seconds(lambda: client.identify(probes, k=5, threshold=THRESHOLD))
    return {
        "batch_probes": count,
        "batch_seconds_per_probe": seconds / count,
        "batch_service_seconds_per_probe": watch.seconds / count,
        "batch_megabytes": _peak(),
    }


def _searching(service: GalleryService, request: SearchRequest) -> float:
    """Return the seconds until the last result, each of which is let go of when it comes."""

    def take_all() -> None:
        for _ in service.search(request).blocks:
            pass

    return _seconds(take_all)


def _seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def _peak(whose: int = resource.RUSAGE_SELF) -> float:
    """Return the most memory that this process, or the largest of its children, has had; in MB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(whose).ru_maxrss * unit / 1e6


def _request_file(plan: Plan, count: int) -> Path:
    return plan.folder / f"request-{count}"


def _apart(phase: Callable[[Plan], dict[str, float]], plan: Plan) -> dict[str, float]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as process:
        return process.submit(phase, plan).result()


# --- the command ----------------------------------------------------------------------------------


@click.command()
@click.option("--references", default=1_000_000, show_default=True)
@click.option("--dimension", default=128, show_default=True)
@click.option("--parameters", type=click.Choice(sorted(PARAMETER_SETS)), default="standard")
@click.option("--probes", default=8, show_default=True, help="Probes that are searched together.")
@click.option("--repeats", default=3, show_default=True)
@click.option("--folder", type=click.Path(exists=True, path_type=Path), help="Where to work.")
@click.option("--quick", is_flag=True, help="20,000 references, to see that it runs.")
def command(
    references: int,
    dimension: int,
    parameters: str,
    probes: int,
    repeats: int,
    folder: Path | None,
    quick: bool,
) -> None:
    """Measure a large gallery: enrolling, searching with and without memory, and its size."""
    notes = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="million-", dir=folder) as place:
        count = 20_000 if quick else references
        plan = Plan(Path(place), count, dimension, parameters, probes, repeats)
        write_key_file(plan.key_file, GalleryKey.generate(), None)
        figures: dict[str, float] = {}
        for phase in (
            enroll,
            search_without_cache,
            make_requests,
            serve,
            serve_over_http,
            search_many,
        ):
            notes.print(f"{phase.__name__.replace('_', ' ')} …")
            figures |= _apart(phase, plan)
        figures["database_megabytes"] = (plan.folder / "gallery.db").stat().st_size / 1e6
    asked = {name: value for name, value in asdict(plan).items() if name != "folder"}
    Console().print(_table(plan, figures))
    click.echo(json.dumps({**machine.describe(), **asked, **figures}))


def _table(plan: Plan, figures: dict[str, float]) -> Table:
    table = Table(
        "figure",
        title=f"{plan.references:,} references of {plan.dimension} values, {plan.parameters}",
    )
    table.add_column("value", justify="right")
    for name, value in figures.items():
        shown = f"{value:,.3f}" if "seconds" in name and value < 100 else f"{value:,.0f}"
        table.add_row(name.replace("_", " "), shown)
    return table


if __name__ == "__main__":
    command()
