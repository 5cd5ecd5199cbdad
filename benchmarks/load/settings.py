"""The settings of a load."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LoadSettings:
    """What to measure; the options of the command.

    Attributes
    ----------
    seconds
        How long the clients work.
    clients, enrollers
        Numbers of clients that search and that enroll.
    references, dimension, parameters
        The gallery at the beginning.
    processes
        Processes that the searching clients are spread over.
    cache_size
        Memory for blocks, as ``gallery serve`` takes it.
    kill, down
        Whether the server is killed at half time, and after how many seconds it starts again.
    """

    seconds: float
    clients: int
    enrollers: int
    references: int
    dimension: int
    parameters: str
    processes: int
    cache_size: str
    kill: bool
    down: float
