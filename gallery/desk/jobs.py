"""Jobs: long work in threads of its own, whose progress pages ask for."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from gallery.client.progress import Progress
from gallery.desk.errors import BusyError
from gallery.desk.texts import english
from gallery.errors import GalleryError

_KEPT = 16
"""Finished jobs that are kept for pages that have not asked yet."""

_log = structlog.get_logger("gallery.desk")

Work = Callable[["JobProgress"], str]
"""Does the work; calls what it is given with what was just done, and returns the result in words.
"""


@dataclass
class Job:
    """A job: one piece of long work.

    Attributes
    ----------
    identifier
        Random, so that no other page guesses it.
    subject
        The thing that it is done to; one piece of work at a time.
    title
        Its title, in words.
    total
        Units of work.
    done
        How many of them are done.
    leads_to
        Address of the page that shows what came of it, or None.
    result, failure
        Its outcome, in words; one of the two is set at the end.
    """

    identifier: str
    subject: str
    title: str
    total: int
    leads_to: str | None = None
    done: int = 0
    result: str | None = None
    failure: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.result is not None or self.failure is not None


class JobProgress:
    """Tells how far a job is; a call says how many units were just done.

    Parameters
    ----------
    job
        The job.
    check
        Called often; raises what ends the job early.
    """

    def __init__(self, job: Job, check: Callable[[], None]) -> None:
        self._job, self._check = job, check

    def __call__(self, count: int) -> None:
        """Count units that were just done."""
        self._check()
        self._job.done += count

    @contextmanager
    def stage(self, title: str, total: int) -> Iterator[Progress]:
        """Begin a part of the job that has units of its own; give what counts them."""
        self._check()
        self._job.title, self._job.total, self._job.done = title, total, 0
        yield self


class Jobs:
    """The long work of a desk, each piece in a thread of its own."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._changing = threading.Lock()

    def start(
        self,
        subject: str,
        title: str,
        total: int,
        work: Work,
        *,
        leads_to: str | None = None,
        check: Callable[[], None] = lambda: None,
    ) -> Job:
        """Begin work and return its job.

        Parameters
        ----------
        subject, title, total, leads_to
            As for `Job`.
        work
            The function that does it, in a thread of its own.
        check
            Called whenever some of it is done; an error that it raises ends the work.

        Raises
        ------
        BusyError
            If there is work under way on the same.
        """
        job = Job(secrets.token_urlsafe(16), subject, title, total, leads_to)
        with self._changing:
            self.check_free(subject)
            for old in [item for item in self._jobs.values() if item.is_over][:-_KEPT]:
                del self._jobs[old.identifier]
            self._jobs[job.identifier] = job

        def run() -> None:
            try:
                job.result = work(JobProgress(job, check))
            except GalleryError as error:
                job.failure = error.message
            except Exception as error:  # a thread's end must not look like work that goes on
                # The error's own text may hold secrets.
                job.failure = f"it failed ({type(error).__name__})"
                _log.error("broke", job=True, error=type(error).__name__)

        threading.Thread(target=run, name=f"desk {title}", daemon=True).start()
        return job

    def check_free(self, subject: str) -> None:
        """Check that no work is under way on something (`BusyError`)."""
        if self.running(subject) is not None:
            raise BusyError(english()("gallery.verify.under_way"))

    def running(self, subject: str) -> Job | None:
        """Return the work that is under way on something, or None."""
        jobs = (item for item in list(self._jobs.values()) if item.subject == subject)
        return next((item for item in jobs if not item.is_over), None)

    def find(self, identifier: str) -> Job | None:
        """Return a job, or None if there is none of this identifier."""
        return self._jobs.get(identifier)
