"""The writer of the audit log: events of many requests in one transaction, by one thread.

A commit of SQLite waits for the disk and for other writers. Requests that come meanwhile share the
next one, so the log costs a busy server little and an idle one a single commit for a request.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from queue import Empty, Full, Queue

from gallery.closing import Closing
from gallery.errors import DatabaseError, ServerBusyError
from gallery.store.audit_store import Action, AuditEvent, AuditStore

__all__ = ["Action", "AuditEvent", "AuditLog"]

_MAX_WAITING = 1_024
"""Events that may wait to be written; a server that is further behind is to refuse requests."""

_EVENTS_PER_TRANSACTION = 256
"""Events in one transaction."""

_Entry = tuple[AuditEvent, "Future[None]"]


class AuditLog(Closing):
    """Records events; any number of threads may share it.

    Parameters
    ----------
    store
        Where they are written.
    """

    def __init__(self, store: AuditStore) -> None:
        self._store = store
        self._queue: Queue[_Entry | None] = Queue(_MAX_WAITING)
        self._lock = threading.Lock()
        self._closed = False
        self._writer = threading.Thread(target=self._write, name="audit log", daemon=True)
        self._writer.start()

    def record(self, event: AuditEvent) -> Future[None]:
        """Have an event written; return at once.

        Returns
        -------
        concurrent.futures.Future
            Done when the event is committed. It fails with `DatabaseError` if the event cannot be
            written, and with `ServerBusyError` if too many wait or the log is closed. A caller that
            must not act unrecorded waits for it before it gives anything away. It cannot be
            cancelled.
        """
        future: Future[None] = Future()
        # From here on it cannot be cancelled: a client that hangs up is recorded too.
        future.set_running_or_notify_cancel()
        with self._lock:
            if self._closed:
                future.set_exception(ServerBusyError("the server is shutting down"))
                return future
            try:
                self._queue.put_nowait((event, future))
            except Full:
                future.set_exception(
                    ServerBusyError(
                        "the server cannot write its audit log as fast as requests come; "
                        "try again later"
                    )
                )
        return future

    def close(self) -> None:
        """Write the events that wait, and end the thread."""
        with self._lock:
            closed_before, self._closed = self._closed, True
        if not closed_before:
            self._queue.put(None)
        self._writer.join()

    def _write(self) -> None:
        more = True
        while more:
            entries, more = self._next()
            if entries:
                self._commit(entries)

    def _next(self) -> tuple[list[_Entry], bool]:
        """Return the entries that wait, at least one, and whether the log goes on after them."""
        entries: list[_Entry] = []
        entry = self._queue.get()
        while entry is not None:
            entries.append(entry)
            if len(entries) == _EVENTS_PER_TRANSACTION:
                break
            try:
                entry = self._queue.get_nowait()
            except Empty:
                break
        return entries, entry is not None

    def _commit(self, entries: list[_Entry]) -> None:
        failure: Exception | None = None
        try:
            self._store.append([event for event, _ in entries])
        except DatabaseError as error:
            failure = error
        except Exception as error:
            # The thread must outlive any mistake, or every later request would wait for ever.
            failure = DatabaseError(f"the audit log cannot be written ({type(error).__name__})")
            failure.__cause__ = error
        for _, future in entries:
            if failure is None:
                future.set_result(None)
            else:
                future.set_exception(failure)
