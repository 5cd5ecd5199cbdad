"""The details of a person: attributes, such as a number in another system, and an expiry.

They are sealed with the label of each of the person's references, so that they are as secret, as
well bound to the gallery's state, and erased as thoroughly as the label itself.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from math import isfinite
from operator import index
from typing import Any, Final, SupportsIndex

from gallery.client.integrity.printable_text import (
    check_listed,
    holds_controls,
    is_visible,
    normalize,
)
from gallery.errors import AuthenticationError, InvalidAttributeError
from gallery.hints import Hint

MAX_DETAILS: Final = 2048
"""Bytes of a person's details as they are sealed: with the longest label, and all that is sealed
with it, less than a sealed label may have."""

MAX_ATTRIBUTE_NAME: Final = 64
"""Characters of an attribute's name."""

_ATTRIBUTES, _EXPIRES = "a", "x"
_LATEST: Final = 253_402_300_799
"""The end of the year 9999, the last that dates are written of."""


@dataclass(frozen=True)
class PersonDetails:
    """The attributes of a person, beside the label, and the expiry.

    Attributes
    ----------
    attributes
        Values by name, such as ``{"id": "4711"}``; normalised as labels are.
    expires
        From when on the person is no match any more, whole seconds since 1970 UTC; None for never.

    Raises
    ------
    InvalidAttributeError
        If a name or a value is not printable text, a name is longer than 64 characters or holds
        ``=``, the expiry is not a moment before the year 10000, or all take more than 2,048 bytes.
    """

    attributes: Mapping[str, str] = field(default_factory=dict)
    expires: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.attributes, Mapping):
            raise InvalidAttributeError(
                "attributes must be values by name, such as {'id': '4711'}, not "
                f"{type(self.attributes).__name__}"
            )
        found = {normalize_name(name): _value(name, text) for name, text in self._items()}
        if len(found) != len(self.attributes):
            raise InvalidAttributeError("an attribute is given twice; give each name once")
        object.__setattr__(self, "attributes", dict(sorted(found.items())))
        if self.expires is not None:
            object.__setattr__(self, "expires", _whole_seconds(self.expires))
        if self.expires is not None and not 0 < self.expires <= _LATEST:
            raise InvalidAttributeError("an expiry must be a moment from 1970 to the year 9999")
        if (size := len(self.pack())) > MAX_DETAILS:
            raise InvalidAttributeError(
                f"the attributes of a person take {size:,} bytes, and at most {MAX_DETAILS:,} can "
                "be kept; shorten them, or keep a number here and the rest elsewhere under it"
            )

    def __bool__(self) -> bool:
        return bool(self.attributes) or self.expires is not None

    def is_expired(self, now: int) -> bool:
        """Tell whether the person has expired at a moment, seconds since 1970 UTC."""
        return self.expires is not None and now >= self.expires

    def has(self, attributes: Mapping[str, str]) -> bool:
        """Tell whether the person has all of these attributes with these values."""
        wanted = {normalize(name): normalize(text) for name, text in attributes.items()}
        return wanted.items() <= self.attributes.items()

    def updated(self, newer: PersonDetails) -> PersonDetails:
        """Return these details with those that newer ones state in their place."""
        expires = self.expires if newer.expires is None else newer.expires
        return PersonDetails({**self.attributes, **newer.attributes}, expires)

    def pack(self) -> bytes:
        """Return ASCII that says the same; nothing for no details."""
        return _packed(self.attributes, self.expires)

    @classmethod
    def unpack(cls, packed: bytes) -> PersonDetails:
        """Return the details that `pack` packed.

        Raises
        ------
        AuthenticationError
            If it is something else, such as what a newer program keeps.
        """
        if not packed:
            return NO_DETAILS
        try:
            stated = json.loads(packed)
            attributes, expires = stated.pop(_ATTRIBUTES, {}), stated.pop(_EXPIRES, None)
            found = cls(attributes, expires)
            # As it was stated: earlier versions kept fractions of a second that they were given.
            if stated or found.attributes != attributes or _packed(attributes, expires) != packed:
                raise ValueError("not what this program packs")
        except (ValueError, TypeError, AttributeError, InvalidAttributeError) as error:
            raise AuthenticationError(
                "the attributes that are sealed with a label are not what this program knows; a "
                "newer version of it wrote them: use that one"
            ) from error
        return found

    def _items(self) -> list[tuple[str, str]]:
        return list(self.attributes.items())


def normalize_name(name: str) -> str:
    """Return the name of an attribute as it is stored (`InvalidAttributeError` if not valid)."""
    if not isinstance(name, str):
        raise InvalidAttributeError("the name of an attribute must be text")
    normal = normalize(name)
    if not is_visible(normal):
        raise InvalidAttributeError("the name of an attribute is empty")
    if holds_controls(normal) or "=" in normal:
        raise InvalidAttributeError(
            "the name of an attribute holds control characters or an equals sign"
        )
    if len(normal) > MAX_ATTRIBUTE_NAME:
        raise InvalidAttributeError(
            f"the name of an attribute is longer than {MAX_ATTRIBUTE_NAME} characters"
        )
    return normal


def _packed(attributes: Mapping[str, str], expires: object) -> bytes:
    stated: dict[str, Any] = {}
    if attributes:
        stated[_ATTRIBUTES] = attributes
    if expires is not None:
        stated[_EXPIRES] = expires
    if not stated:
        return b""
    return json.dumps(stated, separators=(",", ":"), sort_keys=True).encode("ascii")


def _whole_seconds(expires: object) -> int:
    if isinstance(expires, float) and isfinite(expires):
        return int(expires)
    if isinstance(expires, bool) or not isinstance(expires, SupportsIndex):
        raise InvalidAttributeError(
            "an expiry must be seconds since 1970 UTC, such as int(moment.timestamp())"
        )
    return index(expires)


def _value(name: str, text: str) -> str:
    if not isinstance(text, str):
        raise InvalidAttributeError(f"the attribute {name!r} must be text")
    normal = normalize(text)
    if not is_visible(normal):
        raise InvalidAttributeError(f"the attribute {name!r} is empty", hint=Hint.UNSET_ATTRIBUTE)
    if holds_controls(normal):
        raise InvalidAttributeError(f"the attribute {name!r} holds control characters")
    return normal


NO_DETAILS: Final = PersonDetails()
"""Those of a person of whom nothing is known but the label."""


@dataclass(frozen=True)
class DetailsChange:
    """A change of what is known of a person.

    Attributes
    ----------
    details
        Attributes and expiry that the person gets; an attribute replaces one of the same name.
    without
        Names of attributes that the person loses, if they are there.
    unlimited
        Whether the person loses the expiry.

    Raises
    ------
    InvalidAttributeError
        If one of the names is none.
    """

    details: PersonDetails = NO_DETAILS
    without: Collection[str] = ()
    unlimited: bool = False

    def __post_init__(self) -> None:
        check_listed(self.without)
        object.__setattr__(self, "without", frozenset(map(normalize_name, self.without)))

    def of(self, former: PersonDetails) -> PersonDetails:
        """Return what is known of a person afterwards (`InvalidAttributeError` if too much)."""
        expires = None if self.unlimited else former.expires
        kept = {name: text for name, text in former.attributes.items() if name not in self.without}
        return PersonDetails(kept, expires).updated(self.details)
