"""The texts of the pages, by language."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).with_name("words")


class Texts:
    """The texts of one language.

    Parameters
    ----------
    language
        Name of its file in the folder ``words``.
    """

    def __init__(self, language: str = "en") -> None:
        self.language = language
        self._words: dict[str, str] = json.loads((_FOLDER / f"{language}.json").read_text("utf-8"))

    def __call__(self, key: str, **values: object) -> str:
        """Return a text with values in its places; `KeyError` if there is none."""
        return self._words[key].format(**values)

    def __contains__(self, key: str) -> bool:
        """Tell whether there is a text."""
        return key in self._words

    def count(self, key: str, number: int) -> str:
        """Return a text for one thing or for several."""
        form = "one" if number == 1 else "many"
        return self(f"{key}.{form}", number=f"{number:,}")


def whole(text: str) -> str:
    """Return a text that UTF-8 can hold, with U+FFFD for what is half a character or no text.

    Names of files may have both: on disks of Windows, and on others, where any bytes are a name.
    """
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@cache
def english() -> Texts:
    """Return the texts in English."""
    return Texts()
