"""A service whose calls a test can hold up, refuse, or have something happen before."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from gallery.forwarding import ForwardingService
from gallery.protocol import GalleryService

Interceptor = Callable[[Callable[[], Any]], Any]
"""Takes a call that is not made yet, makes it or not, and returns what the caller gets."""


class InterceptedService(ForwardingService):
    """Gives the calls of some methods to an interceptor, and passes all others on.

    Parameters
    ----------
    service
        The service that does the work.
    methods
        Names of the methods.
    intercept
        The interceptor.
    """

    def __init__(
        self, service: GalleryService, methods: Iterable[str], intercept: Interceptor
    ) -> None:
        super().__init__(service)
        for name in methods:
            setattr(self, name, self._intercepted(getattr(service, name), intercept))

    @staticmethod
    def _intercepted(call: Callable[..., Any], intercept: Interceptor) -> Callable[..., Any]:
        return lambda *arguments: intercept(partial(call, *arguments))


def before(acts: Iterable[Callable[[], object]]) -> Interceptor:
    """Return an interceptor that makes each call after one of some acts, as long as any is left."""
    waiting = iter(acts)

    def intercept(call: Callable[[], Any]) -> Any:
        next(waiting, lambda: None)()
        return call()

    return intercept
