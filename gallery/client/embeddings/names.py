"""Names under which files hold embeddings and labels, besides the usual ones.

A name is taken where only one thing in the file can be meant by it; else the file is refused, and
the message says what it holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

EMBEDDING_NAMES: Final = frozenset(
    {"embeddings", "embedding", "x", "features", "encodings", "vectors", "representations"}
    | {"arr_0"}
)
LABEL_NAMES: Final = frozenset(
    {"labels", "label", "y", "names", "name", "subjects", "subject", "persons", "person", "people"}
    | {"identities", "identity", "targets", "target", "classes", "class"}
)


@dataclass(frozen=True)
class Taken:
    """The arrays or columns taken for embeddings and labels, where these have unusual names.

    Attributes
    ----------
    embeddings, labels
        The names; None where there are no labels.
    kind
        The kind of thing that they name: ``array`` or ``column``.
    """

    embeddings: str
    labels: str | None
    kind: str

    @property
    def statement(self) -> str:
        """The names, in words."""
        said = f"embeddings are taken from {self.kind} {self.embeddings}"
        return said if self.labels is None else f"{said}, labels from {self.labels}"


def the_only(names: Iterable[str], known: frozenset[str]) -> str | None:
    """Return the one of `names` that is among the known ones, in any case; None unless one is."""
    fitting = [name for name in names if name.casefold() in known]
    return fitting[0] if len(fitting) == 1 else None
