"""Warm-up: face models and references are loaded before the first search asks for them."""

from __future__ import annotations

import structlog

from gallery.desk.state import DeskState

_log = structlog.get_logger("gallery.desk")


def warm_up(desk: DeskState) -> None:
    """Load what searches of all galleries need; what fails is told by the first search."""
    for name in desk.owner.names:  # all of them before the models, which take longer
        if not desk.stopping.is_set():
            desk.owner.look(name)
    for name in desk.owner.names:
        if desk.stopping.is_set():
            return
        try:
            with desk.owner.gallery(name) as opened:
                embedder = desk.reader.embedder(opened.client)
            desk.reader.prepare(embedder)
        except Exception as error:  # a model's loader may raise anything
            _log.info("not warm", error=type(error).__name__)
