"""Statistics of requests for Prometheus: counts and times, without names."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from gallery.web.observed_requests import Answered

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
"""Upper ends of the histograms' buckets in seconds."""


class RequestStatistics:
    """The figures of one process, as Prometheus' collectors.

    Parameters
    ----------
    prefix
        The prefix of the names.

    Attributes
    ----------
    registry
        Where further figures are registered.
    in_flight
        Requests under way.
    """

    def __init__(self, prefix: str) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            f"{prefix}_requests", "Requests", ["method", "route", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            f"{prefix}_request_seconds",
            "Time of a request",
            ["route"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.in_flight = Gauge(
            f"{prefix}_requests_in_flight", "Requests under way", registry=self.registry
        )

    def observe(self, request: Answered) -> None:
        """Count a request that has ended."""
        self._requests.labels(request.method, request.route, request.status).inc()
        self._seconds.labels(request.route).observe(request.seconds)

    def text(self) -> bytes:
        """Return all figures in Prometheus' text format."""
        return generate_latest(self.registry)
