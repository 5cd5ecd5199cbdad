"""A client of a Dask scheduler that raises this program's errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from distributed import Client, Future, Security, fire_and_forget

from gallery.errors import GalleryError, ServerBusyError, ServerError
from gallery.server.cluster.address import ClusterAddress

REPLY_TIMEOUT_S = 30.0
"""Seconds within which the scheduler, and with it every worker, must answer."""


class DaskClient:
    """A connection to a cluster, for any thread; one that was lost is made again.

    Parameters
    ----------
    address
        The cluster.

    Raises
    ------
    ServerError
        If it cannot be reached.
    """

    def __init__(self, address: ClusterAddress) -> None:
        self._address = address
        self._client = self._connect()

    def workers(self) -> list[str]:
        """Return the addresses of the workers that are connected, sorted.

        Raises
        ------
        ServerError
            If one is on another machine at ``tcp://``, and that is not meant.
        ServerBusyError
            If no worker is connected, or the scheduler does not answer.
        """
        found = self._worker_addresses()
        if not found:
            raise ServerBusyError(
                f"the cluster at {self._address.scheduler} has no workers; start some with: "
                f"dask worker {self._address.scheduler}"
            )
        return sorted(found)

    def scatter(self, content: object, workers: Sequence[str]) -> Future[Any]:
        """Put an object on the first worker that takes it; the others fetch it from there.

        Not on all at once: Dask's broadcast never returns if a worker is lost meanwhile.

        Raises
        ------
        ServerBusyError
            If none takes it.
        """
        for worker in workers:
            with suppress(ServerBusyError), self._connected() as client:
                # Not by its hash: equal content is never sent twice, and hashing it takes time.
                scatter = partial(client.scatter, content, workers=[worker], hash=False)
                placed: Future[Any] = _call(client, scatter)
                return placed
        self.workers()  # raises if none is left
        raise ServerBusyError(
            f"no worker of the cluster at {self._address.scheduler} takes a search; try again in "
            "a while"
        )

    def submit(self, worker: str, function: Callable[..., Any], *arguments: object) -> Future[Any]:
        """Have a function called on a worker and on no other (`ServerBusyError`)."""
        with self._connected() as client:
            return client.submit(
                function, *arguments, workers=[worker], allow_other_workers=False, pure=False
            )

    def submit_and_forget(
        self, worker: str, function: Callable[..., Any], *arguments: object
    ) -> None:
        """Have a function called on a worker without waiting for it (`ServerBusyError`)."""
        fire_and_forget(self.submit(worker, function, *arguments))

    def cancel(self, futures: list[Future[Any]]) -> None:
        """Cancel submitted calls, as far as the scheduler can still be reached."""
        with suppress(ServerError), self._connected() as client:
            _call(client, partial(client.cancel, futures))

    def run_on_all(self, function: Callable[..., Any], *arguments: object) -> dict[str, Any]:
        """Call a quick function on all workers at once, beside the tasks that they compute.

        Returns
        -------
        dict of str to object
            What the function returned, by the worker's address.

        Raises
        ------
        ServerBusyError
            If the call failed on a worker that is still connected.
        """
        with self._connected() as client:
            run = partial(client.run, function, *arguments, on_error="return")
            answers: dict[str, Any] = _call(client, run)
        failed = {worker for worker, answer in answers.items() if isinstance(answer, Exception)}
        left = sorted(failed.intersection(self._worker_addresses())) if failed else []
        if left:
            raise ServerBusyError(
                f"{len(left)} workers of the cluster have failed, {left[0]} with "
                f"{type(answers[left[0]]).__name__}; their logs say more"
            )
        return {worker: answer for worker, answer in answers.items() if worker not in failed}

    def close(self) -> None:
        """End the connection."""
        self._client.close()

    def _worker_addresses(self) -> list[str]:
        with self._connected() as client:
            found: list[str] = list(_call(client, client.nthreads))
        for worker in found:
            self._address.check_reach(worker)
        return found

    @contextmanager
    def _connected(self) -> Iterator[Client]:
        """Give the client, connected, and raise `ServerBusyError` if it gets no answer."""
        if self._client.status == "closed":
            self._client = self._connect()
        client = self._client
        try:
            yield client
        except Exception as error:
            # Dask has errors of several classes for a connection that it has just given up.
            lost = isinstance(error, OSError) or client.status != "running"
            if isinstance(error, GalleryError) or not lost:
                raise
            raise ServerBusyError(
                f"the cluster at {self._address.scheduler} does not answer: "
                f"{type(error).__name__}; try again in a while"
            ) from error

    def _connect(self) -> Client:
        address = self._address
        try:
            return Client(
                address.scheduler,
                security=_security(address),
                timeout=REPLY_TIMEOUT_S,
                name="encrypted-face-gallery",
                set_as_default=False,
                direct_to_workers=True,
            )
        except (OSError, TypeError, ValueError, RuntimeError) as error:
            raise ServerError(
                f"cannot reach the scheduler of a cluster at {address.scheduler}: {error}; "
                "start one with: dask scheduler"
            ) from error


def _call(client: Client, call: Callable[[], Any]) -> Any:
    """Return the result of a method of the client, or raise `TimeoutError`."""

    async def answer() -> Any:
        return await call()  # within the client's own thread, its methods can be waited for

    return client.sync(answer, callback_timeout=REPLY_TIMEOUT_S)


def _security(address: ClusterAddress) -> Security | None:
    if address.authorities is None:
        return None
    return Security(
        require_encryption=True,
        tls_ca_file=str(address.authorities),
        tls_client_cert=str(address.certificate),
        tls_client_key=str(address.key),
    )
