"""The phases of the measurement, each a process of its own, so that its peak memory can be told.

A phase returns its figures by name; times are in seconds, memory in megabytes (1e6 bytes).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import numpy as np
import numpy.typing as npt

from benchmarks.million.random_embeddings import RandomEmbeddings, label_of, unit_rows
from benchmarks.million.settings import MillionSettings
from benchmarks.shared.resident_memory import peak_resident, peak_resident_of_children
from benchmarks.shared.server_process import ServerProcess, create_token
from benchmarks.shared.timed_service import TimedService
from gallery.client import GalleryClient, read_key_file
from gallery.client.embeddings.embedding_files import EmbeddingSource
from gallery.client.transport import AccessToken, RemoteService
from gallery.messages import SearchRequest
from gallery.parameters import find_parameters
from gallery.protocol import GalleryService
from gallery.server import open_service

THRESHOLD = 0.3

Phase = Callable[[MillionSettings], dict[str, float]]


def enroll(settings: MillionSettings) -> dict[str, float]:
    """Enroll all references through a service in the same process."""
    key, parameters = read_key_file(settings.key_file), find_parameters(settings.parameters)
    embeddings = RandomEmbeddings(settings.references, settings.dimension)
    source = EmbeddingSource(settings.folder / "made on the fly", embeddings)
    with (
        open_service(settings.database, create=True) as service,
        GalleryClient.create(
            service, key, dimension=settings.dimension, parameters=parameters
        ) as client,
    ):
        seconds = _seconds(lambda: client.enroll_file(source))
    return {
        "enroll_per_second": settings.references / seconds,
        "enroll_seconds": seconds,
        "enroll_megabytes": peak_resident() / 1e6,
    }


def search_without_cache(settings: MillionSettings) -> dict[str, float]:
    """Search as a command does: owner and service in one process that keeps no block."""
    probe = _probes(settings, 1)
    figures = {}
    with _embedded_client(settings, cache_size=0) as (client, timed):
        for turn in ("first", "next"):
            timed.seconds, started = 0.0, time.perf_counter()
            found = client.identify(probe, k=5, threshold=THRESHOLD)
            seconds = time.perf_counter() - started
            assert found.labels[0, 0] == label_of(0), "the wrong reference was found"
            figures[f"cold_{turn}_service_seconds"] = timed.seconds
            figures[f"cold_{turn}_owner_seconds"] = seconds - timed.seconds
    return figures | {"cold_megabytes": peak_resident() / 1e6}


def make_requests(settings: MillionSettings) -> dict[str, float]:
    """Leave requests for the server's process: of one probe and of several, tables known."""
    with _embedded_client(settings, cache_size=0) as (client, timed):
        for count in (1, settings.probes):
            client.identify(_probes(settings, count), threshold=THRESHOLD)
            assert timed.largest is not None
            settings.request_file(count).write_bytes(timed.largest.to_bytes())
    return {}


def serve(settings: MillionSettings) -> dict[str, float]:
    """Search with a server's cache; no owner is in this process."""
    figures: dict[str, float] = {}
    with open_service(settings.database, cache_size=settings.cache_size) as service:
        for count in (1, settings.probes):
            request = SearchRequest.from_bytes(settings.request_file(count).read_bytes())
            turns = range(settings.repeats + 1)
            filling, *times = [_search_seconds(service, request) for _ in turns]
            if count == 1:
                figures["filling_seconds"] = filling
            name, sent = f"warm_seconds_per_probe_of_{count}", len(request.probes)
            figures[f"{name}_best"] = min(times) / sent
            figures[f"{name}_median"] = float(np.median(times)) / sent
            figures[f"{name}_worst"] = max(times) / sent
            figures[f"probes_in_a_request_of_{count}"] = sent
        kept = service.cache_statistics()
    return figures | {
        "cached_blocks": kept.blocks,
        "cached_megabytes": kept.bytes / 1e6,
        "server_megabytes": peak_resident() / 1e6,
    }


def serve_over_http(settings: MillionSettings) -> dict[str, float]:
    """Search through a real ``gallery serve``, the only child of this process that is large."""
    key, probe = read_key_file(settings.key_file), _probes(settings, 1)
    token = AccessToken(create_token(settings.database, "million", "search", "default"))
    cache_size = f"{settings.cache_size // 2**20 + 1}MiB"
    server = ServerProcess(settings.database, settings.folder / "server.log", cache_size)
    server.start()
    try:
        server.wait_ready()
        with (
            closing(RemoteService(server.url, token)) as service,
            GalleryClient(timed := TimedService(service), key) as client,
        ):
            times = []
            for _ in range(settings.repeats + 1):
                timed.seconds = 0.0
                seconds = _seconds(lambda: client.identify(probe, k=5, threshold=THRESHOLD))
                times.append((seconds, timed.seconds))
    finally:
        server.stop()
    owner, served = np.median(times[1:], axis=0)
    return {
        "http_seconds_per_probe": owner,
        "http_service_seconds_per_probe": served,
        "http_server_megabytes": peak_resident_of_children() / 1e6,
    }


def search_many(settings: MillionSettings) -> dict[str, float]:
    """Search with many probes in one call, service and owner in one process, blocks cached."""
    count = 4 * settings.probes
    probes = _probes(settings, count)
    with _embedded_client(settings, settings.cache_size) as (client, timed):
        client.identify(probes[:1], threshold=THRESHOLD)
        timed.seconds = 0.0
        seconds = _seconds(lambda: client.identify(probes, k=5, threshold=THRESHOLD))
    return {
        "batch_probes": count,
        "batch_seconds_per_probe": seconds / count,
        "batch_service_seconds_per_probe": timed.seconds / count,
        "batch_megabytes": peak_resident() / 1e6,
    }


PHASES: tuple[Phase, ...] = (
    enroll,
    search_without_cache,
    make_requests,
    serve,
    serve_over_http,
    search_many,
)


@contextmanager
def _embedded_client(
    settings: MillionSettings, cache_size: int
) -> Iterator[tuple[GalleryClient, TimedService]]:
    """Give a client of a service in this process, and the service with its times."""
    key = read_key_file(settings.key_file)
    with open_service(settings.database, cache_size=cache_size) as service:
        timed = TimedService(service)
        with GalleryClient(timed, key) as client:
            yield client, timed


def _probes(settings: MillionSettings, count: int) -> npt.NDArray[np.float32]:
    """Return the first embeddings of the gallery, shape (count, d)."""
    return unit_rows(0, count, settings.dimension)


def _search_seconds(service: GalleryService, request: SearchRequest) -> float:
    """Return the seconds until the last result, each of which is let go of when it comes."""

    def take_all() -> None:
        for _ in service.search(request).blocks:
            pass

    return _seconds(take_all)


def _seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started
