"""Settings of hypothesis: the same examples in every run, so that a failure is never a surprise.
And logging as each test found it: a server that ran in this process sends it elsewhere.

`HYPOTHESIS_PROFILE=thorough pytest` looks further and elsewhere in each run.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import HealthCheck, settings

settings.register_profile(
    "deterministic",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "thorough", parent=settings.get_profile("deterministic"), derandomize=False, max_examples=2000
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "deterministic"))


@pytest.fixture(autouse=True, scope="session")
def _cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what commands cache out of the user's own folder, those in other processes too."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("GALLERY_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        patched.delenv("GALLERY_CACHE_SIZE", raising=False)
        yield


LOGGERS = [logging.getLogger(name) for name in (None, "uvicorn", "uvicorn.access", "uvicorn.error")]


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Take away what a command that serves has set up for a process of its own."""
    configured, processors = structlog.is_configured(), structlog.get_config()
    before = [(one, [*one.handlers], one.level, one.propagate, one.disabled) for one in LOGGERS]
    yield
    for logger, handlers, level, propagate, disabled in before:
        logger.handlers[:], logger.propagate, logger.disabled = handlers, propagate, disabled
        logger.setLevel(level)
    if configured:
        structlog.configure(**processors)
    else:
        structlog.reset_defaults()
