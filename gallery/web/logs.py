"""Logs of a process that serves: lines of JSON on standard error."""

from __future__ import annotations

import logging
import sys
import traceback
from pathlib import Path
from typing import Any

import structlog

from gallery.url_masking import masked_text

_FRAMES = 8
"""Places of an error that are logged: the innermost ones."""


def configure_logging(level: int = logging.INFO, *, quoting: bool = True) -> None:
    """Write the logs of this process, those of libraries too, to standard error as JSON.

    Parameters
    ----------
    level
        The least that is written.
    quoting
        Whether words of libraries are written. Without, a line says which library had something to
        say, and the kind and the place of an error: its text may hold secrets.
    """
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared if quoting else [*shared, _without_words],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                # Without the values of local variables: a token is one, and so are bodies.
                structlog.processors.ExceptionRenderer(
                    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
                ),
                # Words of a driver or another library may hold a URL as it was given.
                lambda _logger, _name, event: _masked(event),
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # The log of requests says the same and more; its colours are for people.
    logging.getLogger("uvicorn.access").disabled = True
    logging.getLogger("alembic").setLevel(logging.WARNING)


def places_of(error: BaseException) -> list[str]:
    """Return the places where an error was raised, without its text and the values of variables."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    return [f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames]


def _without_words(
    _logger: Any, _name: str, event: structlog.types.EventDict
) -> structlog.types.EventDict:
    """Return a library's log event without its text."""
    said = {**event, "event": "a library's message"}
    found = said.pop("exc_info", None)
    error = found[1] if isinstance(found, tuple) else None
    if error is not None:
        said.update(error=type(error).__name__, at=places_of(error))
    return said


def _masked(value: Any) -> Any:
    """Return a value to be logged with every URL in it masked."""
    if isinstance(value, str):
        return masked_text(value)
    if isinstance(value, dict):
        return {key: _masked(item) for key, item in value.items()}
    return [_masked(item) for item in value] if isinstance(value, list | tuple) else value
