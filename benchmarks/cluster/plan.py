"""The plan of a cluster that is simulated: its size, its machines, its load and its faults."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.cluster.costs import MessageBytes

GIGABIT = 1e9 / 8
"""Bytes a second."""


@dataclass(frozen=True)
class ClusterPlan:
    """What is simulated.

    Attributes
    ----------
    blocks, workers
        Blocks of the gallery, and the workers that hold them.
    bytes
        Sizes of messages.
    arrivals
        Searches of one probe that come each second, at random (Poisson).
    clients
        In the place of arrivals: clients that search again as soon as they have their answer.
    probes_per_pass
        Most searches that share a pass.
    worker_speed
        Blocks that a worker scans at a time, by the bandwidth of its memory: how many times as fast
        it is as the one thread whose costs were measured.
    server_cores
        Cores of the server that pack results.
    shared_cores
        Cores that workers and server have together; None if each has machines of its own.
    worker_network, owner_network
        Bytes a second into the server, and from it to each key owner.
    owners
        Key owners; each receives and decrypts one answer at a time.
    straggler_share, straggler_times
        Share of the passes of a worker that are slow, and how many times as long they take.
    losses_per_hour
        How often a worker is lost, each by itself.
    notice_seconds, restart_seconds, read_rate
        Until a loss is noticed, until the worker is back, and bytes a second that a worker reads
        from the database.
    """

    blocks: int
    workers: int
    bytes: MessageBytes
    arrivals: float = 0.0
    clients: int = 0
    probes_per_pass: int = 16
    worker_speed: float = 1.0
    server_cores: int = 4
    shared_cores: int | None = None
    worker_network: float = float("inf")
    owner_network: float = float("inf")
    owners: int = 1
    straggler_share: float = 0.0
    straggler_times: float = 1.0
    losses_per_hour: float = 0.0
    notice_seconds: float = 0.5
    restart_seconds: float = 30.0
    read_rate: float = 200e6
