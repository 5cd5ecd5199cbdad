"""The selection of references by label and by reference identifier."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from gallery.client.gallery_state import GalleryState
from gallery.client.integrity.labels import normalize_label
from gallery.client.integrity.printable_text import check_listed
from gallery.client.session import GallerySession
from gallery.errors import AmbiguousNameError, ReferenceNotFoundError
from gallery.hints import Hint
from gallery.messages import ID_SIZE, StoredReference

_DIGITS = frozenset("0123456789abcdef")


@dataclass(frozen=True)
class Reference:
    """One enrolled reference, as its owner sees it.

    Attributes
    ----------
    reference_id
        32 hexadecimal digits.
    label
        The label of the person.
    block_index, position
        The block that it is in, and its position there, both from 0.
    """

    reference_id: str
    label: str
    block_index: int
    position: int


_Found = list[tuple[int, StoredReference]]
"""Block index and reference of some references."""


class Selection:
    """Selects references of one state of a gallery; only labels of what is selected are opened."""

    def __init__(self, session: GallerySession, state: GalleryState) -> None:
        self._session, self._state = session, state

    def all(self) -> Iterator[Reference]:
        """Yield all references by block and position."""
        for index, block in enumerate(self._state.blocks):
            for item in block.table:
                yield self._opened(index, item)

    def labelled(self, labels: Iterable[str]) -> tuple[Reference, ...]:
        """Return the references that have one of the labels, by block and position; opens none."""
        check_listed(labels)
        normal = {normalize_label(label) for label in labels}
        by_pseudonym = {self._session.labels.pseudonym(label): label for label in normal}
        return tuple(
            Reference(item.reference_id.hex(), by_pseudonym[item.pseudonym], index, item.position)
            for index, item in self._state.find("pseudonym", by_pseudonym)
        )

    def named(
        self, names: Sequence[str], labels: Sequence[str], reference_ids: Sequence[str]
    ) -> tuple[Reference, ...]:
        """Return the references that are named, each once.

        Parameters
        ----------
        names
            Labels or reference identifiers.
        labels, reference_ids
            Names that are the one or the other.

        Raises
        ------
        AmbiguousNameError
            If a name is the label of some references and the identifier of another one.
        ReferenceNotFoundError
            If there is nothing of a name.
        """
        for listed in (names, labels, reference_ids):
            check_listed(listed)
        by_label = self._by_label([*names, *labels])
        by_identifier = self._by_identifier([*names, *reference_ids])
        chosen: dict[bytes, tuple[int, StoredReference]] = {}
        for name, is_label, is_identifier in (
            *((name, True, True) for name in names),
            *((name, True, False) for name in labels),
            *((name, False, True) for name in reference_ids),
        ):
            identified = by_identifier[_normal(name)] if is_identifier else []
            meant = by_label[name] if is_label else []
            if any(item not in meant for item in identified) and meant:
                raise AmbiguousNameError(
                    f"{name!r} is the label of {len(meant)} references of gallery "
                    f"{self._session.description.name!r}, and the identifier of another one",
                    hint=Hint.SAY_WHICH_NAME,
                )
            if not (meant := meant or identified):
                raise ReferenceNotFoundError(
                    f"gallery {self._session.description.name!r} holds no reference named {name!r}",
                    hint=Hint.LIST_REFERENCES,
                )
            chosen |= {item.reference_id: (index, item) for index, item in meant}
        return tuple(self._opened(*place) for place in chosen.values())

    def _by_label(self, labels: Sequence[str]) -> dict[str, _Found]:
        pseudonyms = {label: self._pseudonym(label) for label in labels}
        found = defaultdict[bytes, _Found](list)
        for index, item in self._state.find("pseudonym", set(pseudonyms.values())):
            found[item.pseudonym].append((index, item))
        return {label: found[pseudonym] for label, pseudonym in pseudonyms.items()}

    def _by_identifier(self, names: Iterable[str]) -> defaultdict[str, _Found]:
        """Return the references of identifiers, as `Reference` has them; other names find none."""
        wanted = {_normal(name) for name in names}
        sought = {
            bytes.fromhex(name)
            for name in wanted
            if len(name) == 2 * ID_SIZE and {*name} <= _DIGITS
        }
        found = defaultdict[str, _Found](list)
        for index, item in self._state.find("reference_id", sought):
            found[item.reference_id.hex()].append((index, item))
        return found

    def _pseudonym(self, label: str) -> bytes:
        return self._session.labels.pseudonym(normalize_label(label))

    def _opened(self, block_index: int, item: StoredReference) -> Reference:
        """Return a reference with its label opened."""
        label = self._session.labels.open(item.sealed_label, item.reference_id)
        return Reference(item.reference_id.hex(), label, block_index, item.position)


def _normal(identifier: str) -> str:
    """Return an identifier as `Reference` has it, which may be typed in capitals."""
    return identifier.strip().lower()
