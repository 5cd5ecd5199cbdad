"""Selection of the scheme that a gallery's parameter set belongs to."""

from __future__ import annotations

from gallery.backends import Backend
from gallery.client.keys.secrets import GalleryKey
from gallery.client.scheme import Scheme
from gallery.errors import ParameterSetError
from gallery.hints import Hint
from gallery.messages import GalleryDescription
from gallery.parameters import CkksParameterSet, HintedParameterSet, ParameterSet, find_parameters


def make_scheme(backend: Backend, key: GalleryKey, description: GalleryDescription) -> Scheme:
    """Make the scheme of a gallery.

    Raises
    ------
    ParameterSetError
        If the backend does not know the gallery's scheme, or the key was made before that parameter
        set existed.
    """
    parameters = find_parameters(description.parameters)
    if isinstance(parameters, CkksParameterSet):
        from gallery.client.ckks.scheme import CkksScheme

        return CkksScheme(backend, key, description, parameters)
    check_backend(backend, parameters)
    assert isinstance(parameters, HintedParameterSet)
    from gallery.client.hinted.scheme import HintedScheme

    return HintedScheme(key, description, parameters)


def check_key(key: GalleryKey, parameters: ParameterSet) -> None:
    """Check that a key has what a parameter set needs (`ParameterSetError`)."""
    if isinstance(parameters, CkksParameterSet):
        key.serialized_context(parameters)


def check_backend(backend: Backend, parameters: ParameterSet) -> None:
    """Check that a backend knows the scheme of a parameter set (`ParameterSetError`)."""
    if backend is Backend.SEAL and not isinstance(parameters, CkksParameterSet):
        raise ParameterSetError(
            f"parameter set {parameters.name!r} is not one of CKKS, and the backend seal knows no "
            "other scheme",
            hint=Hint.USE_NATIVE_BACKEND,
        )
