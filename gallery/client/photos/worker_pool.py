"""The worker processes that embed photos, and the threads that hand them tasks.

A worker loads the model once. One that ends on a photo, killed by the system or by what the photo
holds, is replaced by another, and its photo is told of; no other photo is lost.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from queue import SimpleQueue
from typing import Final

from gallery.client.photos.child_interrupts import interrupts_blocked
from gallery.client.photos.face_model import FaceModel
from gallery.client.photos.faces import FaceOutcome
from gallery.client.photos.images import open_photo
from gallery.client.photos.sources import HeldPhoto
from gallery.client.photos.worker_messages import (
    ANSWER_LIMIT,
    BadAnswerError,
    PhotoTask,
    WorkerSetup,
    unpack_outcome,
)
from gallery.closing import Closing
from gallery.errors import GalleryError, PhotoError

# Run by a fresh interpreter: multiprocessing would run the user's main program again.
_PROGRAM: Final = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[2])\n"
    "from gallery.client.photos.embedding_worker import serve\n"
    "serve(int(sys.argv[1]))"
)

_ONE_THREAD: Final = {
    name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")
}
"""There is a worker for each core."""


class WorkerStartError(Exception):
    """No worker can be started."""


class Pending:
    """A photo that is being embedded.

    Attributes
    ----------
    task
        What is to be done.
    outcome
        What became of it; None where no worker can be started.
    seconds
        How long it took the worker.
    done
        Set when that is known.
    """

    def __init__(self, task: PhotoTask) -> None:
        self.task = task
        self.outcome: FaceOutcome | None = None
        self.seconds = 0.0
        self.done = threading.Event()


class WorkerPool(Closing):
    """Processes that embed photos, each with a thread that gives it one after another.

    Use as a context manager: on leaving it, the processes are ended whatever they do.

    Parameters
    ----------
    setup
        What they embed with.
    model
        The face model.
    count
        How many.
    """

    def __init__(self, setup: WorkerSetup, model: FaceModel, count: int) -> None:
        self._setup, self._model = setup, model
        self._tasks: SimpleQueue[Pending | None] = SimpleQueue()
        self._workers: list[_Worker] = []
        self._closed = False
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._run, name=f"photo worker {number}", daemon=True)
            for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, task: PhotoTask) -> Pending:
        """Have a photo embedded."""
        pending = Pending(task)
        self._tasks.put(pending)
        return pending

    def close(self) -> None:
        """End all processes, at once."""
        with self._lock:
            self._closed = True
            for worker in self._workers:
                worker.kill()
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        worker: _Worker | None = None
        startable = True
        while (pending := self._tasks.get()) is not None and not self._closed:
            try:
                if worker is None and startable:
                    worker = self._started()
                if worker is not None:
                    pending.outcome, pending.seconds = self._embedded(worker, pending.task)
            except WorkerStartError:
                startable = False
            except (EOFError, OSError, BadAnswerError):
                if worker is not None:
                    pending.outcome = worker.fate(pending.task)
                    self._dismiss(worker)
                    worker = None
            except Exception:  # nobody waits for ever: it shows where the photo is embedded again
                if worker is not None:
                    self._dismiss(worker)
                    worker = None
            finally:
                pending.done.set()
        if worker is not None:
            self._dismiss(worker)

    def _embedded(self, worker: _Worker, task: PhotoTask) -> tuple[FaceOutcome, float]:
        photo = task.photo
        if isinstance(photo, HeldPhoto) and not isinstance(photo.content, (bytes, os.PathLike)):
            # A picture of Pillow would lose on the way by what it is turned upright.
            try:
                task = PhotoTask(open_photo(photo), task.selection)
            except PhotoError as error:
                return error, 0.0
        return worker.embed(task, self._model)

    def _started(self) -> _Worker:
        worker = _Worker()
        with self._lock:
            self._workers.append(worker)
            if self._closed:
                worker.kill()
        try:
            worker.prepare(self._setup, self._model)
        except WorkerStartError:
            self._dismiss(worker)
            raise
        return worker

    def _dismiss(self, worker: _Worker) -> None:
        with self._lock:
            self._workers.remove(worker)
        worker.kill()
        worker.end()


class _Worker:
    """One process, and the pipe to it."""

    def __init__(self) -> None:
        self._pipe, theirs = multiprocessing.Pipe()
        with theirs, interrupts_blocked():
            descriptor = theirs.fileno()
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-c", _PROGRAM, str(descriptor), json.dumps(sys.path)],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    pass_fds=(descriptor,),
                    env=_environment(),
                )
            except OSError as error:
                self._pipe.close()
                raise WorkerStartError from error

    def prepare(self, setup: WorkerSetup, model: FaceModel) -> None:
        """Wait until it has loaded the model (`WorkerStartError`)."""
        try:
            self._pipe.send(setup)
            answer, _ = unpack_outcome(self._pipe.recv_bytes(ANSWER_LIMIT), model, "")
        except (EOFError, OSError, BadAnswerError) as error:
            raise WorkerStartError from error
        if isinstance(answer, GalleryError):
            raise WorkerStartError from answer

    def embed(self, task: PhotoTask, model: FaceModel) -> tuple[FaceOutcome, float]:
        """Have a photo embedded; raises EOFError, OSError or `BadAnswerError` if it breaks."""
        self._pipe.send(task)
        return unpack_outcome(self._pipe.recv_bytes(ANSWER_LIMIT), model, task.photo.name)

    def fate(self, task: PhotoTask) -> PhotoError:
        """Say that it broke on a photo, and how."""
        self.kill()
        code = self._process.wait()
        if code == -signal.SIGKILL:
            how = "was killed, as the system does it when memory is short"
        elif code < 0:
            how = f"ended with {signal.Signals(-code).name}"
        else:
            how = f"ended with code {code}"
        return PhotoError(
            f"the worker process {self._process.pid} that embedded {task.photo.name} {how}; the "
            "photo may break its decoder"
        )

    def kill(self) -> None:
        """End it, whatever it does."""
        self._process.kill()

    def end(self) -> None:
        """Forget it, once it was killed."""
        self._process.wait()
        self._pipe.close()


def _environment() -> dict[str, str]:
    """Return the environment of a worker: without what this project's own variables say."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("GALLERY_")}
    return {**_ONE_THREAD, **kept}
