"""A check that a tag, the version, its date and the place that publishes belong together.

Run as ``make check-release TAG=v1.2.3 REPOSITORY=https://host/owner/name`` before anything is
published: a tag that disagrees with the version would be found by nobody afterwards, and links to
a repository of somebody else would be believed.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import gallery

CHECKOUT = Path(__file__).resolve().parent.parent


def problems(tag: str, repository: str, checkout: Path = CHECKOUT) -> list[str]:
    """Return what keeps a release from being published, as sentences.

    Parameters
    ----------
    tag
        The tag that is released, such as ``v1.2.3``.
    repository
        The address of the repository that publishes, without a slash at its end.
    checkout
        The folder that is released.
    """
    found = []
    version = gallery.__version__
    if tag != f"v{version}":
        found.append(f"the tag is {tag!r}, but gallery/__init__.py has version {version}")
    changelog = (checkout / "CHANGELOG.md").read_text("utf-8")
    section = rf"^## \[{re.escape(version)}\] - (\d{{4}}-\d\d-\d\d)$"
    dated = re.search(section, changelog, re.M)
    if not dated:
        found.append(f"CHANGELOG.md has no section [{version}] with a date")
    citation = (checkout / "CITATION.cff").read_text("utf-8")
    if not re.search(rf"^version: {re.escape(version)}$", citation, re.M):
        found.append(f"CITATION.cff has another version than {version}")
    if dated and not re.search(rf"^date-released: {dated[1]}$", citation, re.M):
        found.append(f"CITATION.cff has not the date-released {dated[1]} that CHANGELOG.md has")
    project = tomllib.loads((checkout / "pyproject.toml").read_text("utf-8"))["project"]
    for name, url in project["urls"].items():
        if url != repository and not url.startswith(f"{repository}/"):
            found.append(f"{name} in [project.urls] is {url}, which is not in {repository}")
    return found


def main() -> None:
    """Check the tag and the repository of the command line; exit with 1 if they do not fit."""
    tag, repository = sys.argv[1:]
    if found := problems(tag, repository.removesuffix("/")):
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main()
