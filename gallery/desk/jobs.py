"""Long work that goes on while pages ask how far it is."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass

from gallery.errors import GalleryError

_KEPT = 16
"""Finished jobs that are kept for pages that have not asked yet."""

Work = Callable[[Callable[[int], None]], str]
"""Does the work; calls what it is given with what was just done, and returns the result in words.
"""


@dataclass
class Job:
    """One piece of long work.

    Attributes
    ----------
    identifier
        Random, so that no other page guesses it.
    title
        What it is, in words.
    total
        Units of work.
    done
        How many of them are done.
    result, failure
        How it ended, in words; one of them is set then.
    """

    identifier: str
    title: str
    total: int
    done: int = 0
    result: str | None = None
    failure: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.result is not None or self.failure is not None


class Jobs:
    """The long work of a desk, each piece in a thread of its own."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._changing = threading.Lock()

    def start(self, title: str, total: int, work: Work) -> Job:
        """Begin work and return its job."""
        job = Job(secrets.token_urlsafe(16), title, total)
        with self._changing:
            for old in [item for item in self._jobs.values() if item.is_over][:-_KEPT]:
                del self._jobs[old.identifier]
            self._jobs[job.identifier] = job

        def advance(count: int) -> None:
            job.done += count

        def run() -> None:
            try:
                job.result = work(advance)
            except GalleryError as error:
                job.failure = str(error)
            except Exception as error:  # a thread's end must not look like work that goes on
                job.failure = f"it failed ({type(error).__name__})"
                raise

        threading.Thread(target=run, name=f"desk {title}", daemon=True).start()
        return job

    def find(self, identifier: str) -> Job | None:
        """Return a job, or None if there is none of this identifier."""
        return self._jobs.get(identifier)
