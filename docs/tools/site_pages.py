"""The site's pages that are not in docs/: files of the checkout, and links between the two.

Documents link to each other as they lie in the repository. Here each link is led to where its
target lies on the site; a file of the repository that is not on the site keeps its name alone.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

CHECKOUT: Final = Path(__file__).resolve().parents[2]

ADDED: Final = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
    "LICENSE": "license.txt",
    "requirements/README.md": "locks.md",
    "examples/README.md": "examples.md",
    **{
        f"benchmarks/results/{name}.svg": f"images/{name}.svg"
        for name in ("history", "latency", "load", "sizing")
    },
}
"""Files of the checkout outside of docs/, and where they are on the site."""

_FENCE = re.compile(r"(^```.*?^```$)", re.M | re.S)
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s#]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files of the checkout."""
    for source, place in ADDED.items():
        files.append(File.generated(config, place, abs_src_path=str(CHECKOUT / source)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Lead the links of a page to where their targets are on the site."""
    here = page.file.src_uri
    if here == "index.md":
        page.meta["hide"] = ["navigation"]  # the tabs above are all there would be
    places = {place: source for source, place in ADDED.items()}
    source = places.get(here, f"docs/{here}")
    parts = _FENCE.split(markdown)
    parts[::2] = [_LINK.sub(lambda found: _led(found, source, here), part) for part in parts[::2]]
    return "".join(parts)


def _led(found: re.Match[str], source: str, here: str) -> str:
    """Return a link of the file ``source`` as it must be on the page ``here``."""
    image, text, target, fragment = found[1], found[2], found[3], found[4] or ""
    if re.match(r"[a-z]+:", target):
        return found[0]
    name = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
    place = ADDED.get(name) or (name.removeprefix("docs/") if name.startswith("docs/") else None)
    if place is None:
        return text if (CHECKOUT / name).exists() else found[0]
    if text.endswith(".md"):
        text = _title(CHECKOUT / name)
    return f"{image}[{text}]({posixpath.relpath(place, posixpath.dirname(here) or '.')}{fragment})"


def _title(document: Path) -> str:
    """Return the first heading of a document, or its name if it has none or is not there."""
    text = document.read_text("utf-8") if document.is_file() else ""
    heading = re.search(r"^# (.+)$", text, re.M)
    return heading[1] if heading else document.name
