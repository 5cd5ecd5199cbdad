"""A wheel holds what the program needs and no more; an sdist holds the whole repository."""

from __future__ import annotations

import re
import subprocess
import tarfile
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

import gallery
from tests.packaging.conftest import CHECKOUT


def files(*which: str) -> set[str]:
    """Return the files of the repository that `git ls-files` names."""
    if not (CHECKOUT / ".git").exists():
        pytest.skip("not a checkout: nothing says which files belong to the project")
    listed = subprocess.run(
        ["git", "ls-files", "-z", *which], cwd=CHECKOUT, check=True, capture_output=True
    )
    names = {name for name in listed.stdout.decode().split("\0") if name}
    return {name for name in names if (CHECKOUT / name).exists()}


def tracked() -> set[str]:
    return files("--cached")


def not_ignored() -> set[str]:
    """Return what is tracked, and what may be before long."""
    return files("--cached", "--others", "--exclude-standard")


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture
def metadata(wheel: Path) -> Message:
    folder = f"encrypted_face_gallery-{gallery.__version__}.dist-info"
    with zipfile.ZipFile(wheel) as archive:
        return message_from_bytes(archive.read(f"{folder}/METADATA"))


def test_the_wheel_has_what_is_read_at_run_time(wheel: Path) -> None:
    names = names_in(wheel)

    assert {"gallery/py.typed", "gallery/accuracy/report.html.j2"} <= names
    assert {"gallery/migrations/env.py", "gallery/migrations/script.py.mako"} <= names
    assert any(name.startswith("gallery/migrations/versions/0001") for name in names)


def in_the_wheel(names: set[str]) -> set[str]:
    """Return where a wheel has the files of the package, of all those of the repository."""
    return {
        f"gallery/{name}" if name.startswith("migrations/") else name
        for name in names
        if name.startswith(("gallery/", "migrations/"))
    }


def test_the_wheel_has_the_package_and_nothing_else(wheel: Path) -> None:
    found = {name for name in names_in(wheel) if ".dist-info/" not in name}

    assert found >= in_the_wheel(tracked())
    assert found <= in_the_wheel(not_ignored())


def test_the_sdist_has_the_whole_repository(sdist: Path) -> None:
    """`make test` runs from an unpacked sdist, so pyproject.toml lists all that is at the top."""
    with tarfile.open(sdist) as archive:
        found = {name.partition("/")[2] for name in archive.getnames()} - {"PKG-INFO"}

    assert found >= tracked()
    assert found <= not_ignored()


def test_the_metadata_are_those_of_the_project(metadata: Message) -> None:
    urls = dict(line.split(", ") for line in metadata.get_all("Project-URL", []))

    assert metadata["Version"] == gallery.__version__
    assert metadata["License-Expression"] == "Apache-2.0"
    assert set(urls) == {"Documentation", "Source", "Changelog", "Issues"}
    assert all(url.startswith(urls["Source"]) for url in urls.values())
    assert "Typing :: Typed" in metadata.get_all("Classifier", [])


def test_links_of_the_readme_on_a_package_index_lead_into_the_repository(metadata: Message) -> None:
    payload = metadata.get_payload(decode=True)
    assert isinstance(payload, bytes)
    prose = re.sub(r"^```.*?^```$", "", payload.decode(), flags=re.M | re.S)
    urls = dict(line.split(", ") for line in metadata.get_all("Project-URL", []))
    place = rf"{re.escape(urls['Source'])}/(blob|raw)/v{re.escape(gallery.__version__)}/([^#]+)"

    assert metadata["Description-Content-Type"] == "text/markdown"
    kinds: list[str] = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if found := re.match(place, target):
            kinds.append(found[1])
            assert (CHECKOUT / found[2]).exists(), target
        assert target.startswith(("https://", "http://")), target
    assert kinds.count("raw") == len(re.findall(r"!\[", prose)) == 2
    assert kinds.count("blob") > 20
