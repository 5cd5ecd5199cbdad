"""Figures for Prometheus: counts and times, without names, labels or distances."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from gallery.desk.stages import STAGE_SECONDS


class Statistics:
    """The figures of one process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "gallery_desk_requests_total",
            "Requests by route and status.",
            ("route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "gallery_desk_request_seconds",
            "Time of a request by route.",
            ("route",),
            registry=self._registry,
        )
        self._registry.register(STAGE_SECONDS)

    def observe(self, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(route, status).inc()
        self._seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """Return all figures in Prometheus' text format."""
        return generate_latest(self._registry)


STATISTICS = Statistics()
