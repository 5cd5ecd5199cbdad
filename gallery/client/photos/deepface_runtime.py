"""The loading of DeepFace: late, on a chosen runtime, and off standard output.

DeepFace 0.0.103 decides on a runtime once per process, when it is first imported
(``commons/backend_utils.py``): the one in ``$DEEPFACE_BACKEND_ENGINE``, else TensorFlow, PyTorch or
ONNX, whichever is installed. Ours prefers ONNX, which loads in a second instead of ten.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import threading
import warnings
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any, Final

from gallery.client.photos.face_model import RUNTIMES, Runtime
from gallery.errors import FaceRuntimeError, MissingDependencyError

EXTRA: Final = "pip install 'encrypted-face-gallery[photos]'"
_RUNTIME_VARIABLE: Final = "DEEPFACE_BACKEND_ENGINE"
RUNTIME_MODULES: Final[dict[Runtime, tuple[str, ...]]] = {
    "onnx": ("onnxruntime",),
    "tensorflow": ("tensorflow", "tf_keras"),
}
"""The packages of each runtime."""

_INSTALLS: Final = {
    "insightface": "pip install insightface",
    "mtcnn": "pip install mtcnn",
    "sklearn": "pip install 'encrypted-face-gallery[grouping]'",
    "tensorflow": "pip install 'encrypted-face-gallery[tensorflow]'",
    "tf_keras": "pip install 'encrypted-face-gallery[tensorflow]'",
}
"""Advice for packages that the extra for photos does not bring."""

# DeepFace's models are singletons of the process, dlib's objects are not thread-safe, and standard
# output is redirected for all threads: one photo at a time.
_lock = threading.RLock()


def choose_runtime(wanted: str | None = None) -> Runtime:
    """Return the runtime to run DeepFace on.

    Parameters
    ----------
    wanted
        ``onnx`` or ``tensorflow``; None for ``$DEEPFACE_BACKEND_ENGINE``, else ONNX where it is
        installed, else TensorFlow.

    Raises
    ------
    FaceRuntimeError
        The runtime is neither of the two.
    MissingDependencyError
        The runtime, or any runtime, is not installed.
    """
    name = (wanted or os.environ.get(_RUNTIME_VARIABLE) or "").strip().lower()
    for runtime in RUNTIMES:
        if name == runtime:
            require_modules(RUNTIME_MODULES[runtime], f"DeepFace's runtime {runtime}")
            return runtime
    if name:
        raise FaceRuntimeError(
            f"DeepFace's runtime {name!r} is not supported here: use onnx or tensorflow"
            f" (argument or environment variable {_RUNTIME_VARIABLE})."
        )
    for runtime in RUNTIMES:
        if all(is_installed(module) for module in RUNTIME_MODULES[runtime]):
            return runtime
    raise MissingDependencyError(
        f"Neither onnxruntime nor tensorflow with tf-keras is installed: {EXTRA}"
    )


def require_modules(modules: Iterable[str], wanted_by: str) -> None:
    """Raise MissingDependencyError if one of `modules` is not installed; imports none of them."""
    missing = [module for module in modules if not is_installed(module)]
    if missing:
        raise MissingDependencyError(
            f"{wanted_by} needs {', '.join(missing)}, not installed here: "
            + " and ".join(dict.fromkeys(_INSTALLS.get(module, EXTRA) for module in missing))
        )


def deepface_version() -> str:
    """Return the version of the installed DeepFace (`MissingDependencyError`); imports nothing."""
    require_modules(("deepface",), "Reading photos")
    try:
        return version("deepface")
    except PackageNotFoundError:
        return "unknown"


def load_deepface(runtime: Runtime) -> Any:
    """Import DeepFace on `runtime` and return its module ``DeepFace``.

    Raises
    ------
    MissingDependencyError
        DeepFace, or something that it imports, is not installed or does not work.
    FaceRuntimeError
        DeepFace runs on another runtime in this process already.
    """
    require_modules(("deepface",), "Reading photos")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("DEEPFACE_LOG_LEVEL", "40")
    # Since 1.32, onnxruntime for Linux keeps a device's number and events, to send to its maker, as
    # soon as it is imported. Nothing leaves the owner's machine but what the owner asked for.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    # It stays set: retina-face reads it again, later.
    os.environ[_RUNTIME_VARIABLE] = runtime
    try:
        # DeepFace switches all warnings of the process off when it is imported.
        with quiet(), warnings.catch_warnings():
            deepface = importlib.import_module("deepface.DeepFace")
            backend = importlib.import_module("deepface.commons.backend_utils")
            running = backend.get_backend_engine()
    # Besides ImportError: ValueError where tf-keras is missing, OSError where the home folder
    # cannot be written to, and what broken binary packages raise.
    except Exception as error:
        raise MissingDependencyError(
            f"DeepFace is installed but cannot be loaded ({short(error)}): {EXTRA}"
        ) from error
    if running != runtime:
        os.environ[_RUNTIME_VARIABLE] = running
        raise FaceRuntimeError(
            f"DeepFace runs on {running} in this process already and cannot change to {runtime}."
        )
    return deepface


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Send what is printed meanwhile to standard error: standard output carries results only.

    DeepFace logs with `print`. Only one thread at a time is inside.
    """
    with _lock, contextlib.redirect_stdout(sys.stderr):
        yield


def short(error: BaseException, limit: int = 200) -> str:
    """Return the first line of an error, without DeepFace's advice on what to call instead."""
    lines = str(error).strip().splitlines() or [""]
    text = lines[0][:limit].rstrip()
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def is_installed(module: str) -> bool:
    """Whether a module is installed; it is not imported."""
    if module in sys.modules:
        return sys.modules[module] is not None
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False
