"""Parameter sets of both schemes: CKKS (`standard`, `compact`) and hinted (`swift`, `light`)."""

from __future__ import annotations

from typing import Final

from gallery.errors import ParameterSetError
from gallery.parameters.base import (
    INSECURE_PREFIX,
    LANES,
    MAX_DIMENSION,
    MAX_MODULUS_BITS,
    NOISE_SIGMA,
    ParameterSet,
)
from gallery.parameters.ckks import COMPACT, INSECURE_TOY, NORM_WEIGHT, STANDARD, CkksParameterSet
from gallery.parameters.hinted import LIGHT, SWIFT, HintedParameterSet

__all__ = [
    "COMPACT",
    "DEFAULT_PARAMETERS",
    "INSECURE_PREFIX",
    "INSECURE_TOY",
    "LANES",
    "LIGHT",
    "MAX_DIMENSION",
    "MAX_MODULUS_BITS",
    "NOISE_SIGMA",
    "NORM_WEIGHT",
    "PARAMETER_SETS",
    "STANDARD",
    "SWIFT",
    "CkksParameterSet",
    "HintedParameterSet",
    "ParameterSet",
    "find_parameters",
]

PARAMETER_SETS: Final[dict[str, ParameterSet]] = {
    p.name: p for p in (SWIFT, LIGHT, STANDARD, COMPACT)
}
"""All sets that galleries can have, by name; the default first."""

DEFAULT_PARAMETERS: Final[ParameterSet] = SWIFT
"""The default of a new gallery: the fastest set whose errors change no decision, and whose
results are checked before they are decrypted."""


def find_parameters(name: str, *, allow_insecure: bool = False) -> ParameterSet:
    """Look up a parameter set by name.

    Parameters
    ----------
    name
        For example ``"standard"``.
    allow_insecure
        Whether sets for tests count. Nothing outside tests may say so.

    Returns
    -------
    ParameterSet

    Raises
    ------
    ParameterSetError
        If there is no such set, or it is insecure. The message lists the names there are.
    """
    if name in PARAMETER_SETS:
        return PARAMETER_SETS[name]
    if name == INSECURE_TOY.name:
        if allow_insecure:
            return INSECURE_TOY
        raise ParameterSetError(f"parameter set {name!r} is insecure and for tests only")
    raise ParameterSetError(f"no parameter set {name!r}; there are: {', '.join(PARAMETER_SETS)}")
