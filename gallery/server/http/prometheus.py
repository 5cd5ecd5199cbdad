"""Statistics for Prometheus: sums and histograms without the name of any gallery or token."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from gallery.server.service import EmbeddedService
from gallery.web.statistics import BUCKETS, RequestStatistics


class ServerStatistics:
    """The statistics of one server, as Prometheus' collectors.

    Attributes
    ----------
    requests
        Those of requests.
    search_seconds
        Time from a search's first byte read to its answer complete.
    """

    def __init__(self, service: EmbeddedService) -> None:
        self.requests = RequestStatistics("gallery_http")
        registry = self.requests.registry
        self.search_seconds = Histogram(
            "gallery_search_seconds", "Time of a search", buckets=BUCKETS, registry=registry
        )
        registry.register(_ServiceCollector(service))

    def text(self) -> bytes:
        """Return all statistics in Prometheus' text format."""
        return self.requests.text()


class _ServiceCollector:
    """A collector that reads the service's own statistics when Prometheus asks."""

    def __init__(self, service: EmbeddedService) -> None:
        self._service = service

    def collect(self) -> Iterable[Metric]:
        """Yield the figures of searching and of the block cache."""
        search, cache = self._service.search_statistics(), self._service.cache_statistics()
        for name, text, value in (
            (
                "gallery_templates_scanned",
                "Comparisons of a template and a probe",
                search.comparisons,
            ),
            ("gallery_searches", "Searches", search.searches),
            ("gallery_search_passes", "Passes over a gallery's blocks", search.passes),
            ("gallery_probes", "Probes searched with", search.probes),
            ("gallery_block_cache_hits", "Blocks found in the cache", cache.hits),
            ("gallery_block_cache_misses", "Blocks read from the database", cache.misses),
            ("gallery_block_cache_evictions", "Blocks evicted from the cache", cache.evictions),
        ):
            yield CounterMetricFamily(name, text, value=value)
        for name, text, value in (
            ("gallery_block_cache_bytes", "Bytes of the cached blocks", cache.bytes),
            ("gallery_block_cache_budget_bytes", "Bytes that cached blocks may take", cache.budget),
            ("gallery_block_cache_blocks", "Cached blocks", cache.blocks),
        ):
            yield GaugeMetricFamily(name, text, value=value)
