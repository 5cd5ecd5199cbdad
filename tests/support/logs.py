"""Logs of servers that run in this process: into Python's logging, where pytest finds them.

Not to standard output, which commands write to. Importing this module configures them.
"""

from __future__ import annotations

import structlog

structlog.configure(
    processors=[structlog.contextvars.merge_contextvars, structlog.processors.JSONRenderer()],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
)
