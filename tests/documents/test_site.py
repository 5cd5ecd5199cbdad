"""The site: built without a warning, and viewed without a request to another host."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.documents import CHECKOUT


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; a warning ends the build, such as a link that leads nowhere."""
    folder = tmp_path_factory.mktemp("site")
    mkdocs = [sys.executable, "-m", "mkdocs"]
    done = subprocess.run(
        [*mkdocs, "build", "--quiet", "--strict", "--site-dir", str(folder)],
        cwd=CHECKOUT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return folder


def test_the_site_has_every_part(site: Path) -> None:
    pages = {str(path.relative_to(site)) for path in site.rglob("*.html")}

    assert {"index.html", "tutorial.html", "photos.html", "cli.html", "api/client.html"} <= pages
    assert {"threat-model.html", "changelog.html", "security.html", "contributing.html"} <= pages
    assert (site / "images" / "columns.svg").is_file()
    assert not list(site.rglob("*.py"))


def test_the_api_is_documented_from_its_docstrings(site: Path) -> None:
    page = (site / "api" / "client.html").read_text("utf-8")

    assert 'id="gallery.client.GalleryClient.identify"' in page


def test_no_page_asks_another_host_for_anything(site: Path) -> None:
    loads = r"""<(?:link|script|img|iframe|source)[^>]*?(?:href|src)=["']?(?:https?:)?//[^>]*>"""
    for path in site.rglob("*.html"):
        text = path.read_text("utf-8")
        found = [tag for tag in re.findall(loads, text) if 'rel="canonical"' not in tag]
        assert not found, path
        assert 'class="mermaid"' not in text, "a diagram would be drawn by a script from elsewhere"
    loads = r"(?:url\(|@import)[ \"']*(?:https?:)?//"
    for path in site.rglob("*.css"):
        assert not re.search(loads, path.read_text("utf-8")), path
