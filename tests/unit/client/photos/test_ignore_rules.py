"""Ignore rules: names in ``.galleryignore`` are passed over, as git reads ``.gitignore``."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pathspec import GitIgnoreSpec

from gallery.client import find_photos, find_probe_photos
from gallery.client.photos.ignore_rules import IgnoreRules
from gallery.errors import SourceError

PHOTOS = (
    "Ada/1.jpg",
    "Ada/2.jpg",
    "Ada/draft 1.jpg",
    "Ada/old/1.jpg",
    "Ada/old/keep.jpg",
    "Grace/1.jpg",
    "Grace/#1.jpg",
    "Grace/old/deep/1.jpg",
    "Grace/!.jpg",
    "old/1.jpg",
)
RULES = {
    "a name anywhere": {"": "old"},
    "a folder alone": {"": "old/\n1.jpg/"},
    "one place": {"": "/old\nAda/1.jpg"},
    "a star within a name": {"": "Ada/*.jpg\n"},
    "two stars": {"": "**/deep/**\nAda/**/keep.jpg"},
    "taken back": {"": "*.jpg\n!1.jpg"},
    "not taken back below what is ignored": {"": "old\n!old/keep.jpg\n!keep.jpg"},
    "taken back by the folder": {"": "1.jpg", "Grace": "!1.jpg"},
    "the folder's own come first": {"": "!2.jpg", "Ada": "2.jpg\n/old"},
    "comments and escapes": {"": "# old\n\\#1.jpg\n\\!.jpg\n\n   \n"},
    "spaces at the end": {"": "old   \nAda/draft\\ 1.jpg"},
    "Windows' ends of lines and a mark": {"": "\ufeffold\r\n2.jpg\r\n"},
    "classes of characters": {"": "Ada/[12].jpg\n[!A]*/1.jpg"},
    "everything but": {"": "/*\n!/Ada/\n/Ada/*\n!/Ada/2.jpg"},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with photos, as far as their first bytes go."""
    top = tmp_path / "people"
    for name in PHOTOS:
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(b"\xff\xd8\xff")
    return top


def write_rules(folder: Path, name: str, rules: dict[str, str]) -> None:
    for place, text in rules.items():
        (folder / place / name).write_bytes(text.encode())


def known_to_git(folder: Path) -> list[str]:
    """Return what git sees of a folder that it has never seen before."""
    nowhere = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    subprocess.run(["git", "init", "-q", folder], check=True, env=nowhere)
    listed = subprocess.run(
        ["git", "-C", folder, "ls-files", "-z", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
        env=nowhere,
    )
    return [name for name in listed.stdout.decode().split("\0") if name.endswith(".jpg")]


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git to compare with")
@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
def test_patterns_are_read_as_git_reads_them(folder: Path, rules: dict[str, str]) -> None:
    write_rules(folder, ".galleryignore", rules)
    write_rules(folder, ".gitignore", rules)

    found = [str(path.relative_to(folder)) for path in find_probe_photos(folder)]

    assert sorted(found) == sorted(known_to_git(folder))
    assert 0 < len(found) < len(PHOTOS)


def test_what_is_ignored_is_named_and_not_looked_into(folder: Path) -> None:
    write_rules(folder, ".galleryignore", {"": "old/\nbroken"})
    (folder / "Ada/broken").symlink_to("nowhere")

    found = find_photos(folder)

    passed_over = [str(item.path.relative_to(folder)) for item in found.passed_over]
    assert "named in .galleryignore" in {item.reason for item in found.passed_over}
    assert {"Ada/old", "Grace/old", "old"} <= set(passed_over)
    assert {photo.label for photo in found} == {"Ada", "Grace"}
    assert found.failures == ()


def test_photos_beside_the_folders_of_people_may_be_ignored(folder: Path) -> None:
    (folder / "everybody.jpg").write_bytes(b"\xff\xd8\xff")
    (loose,) = find_photos(folder).failures
    assert loose.path == folder / "everybody.jpg"

    write_rules(folder, ".galleryignore", {"": "/*.jpg"})

    found = find_photos(folder)
    assert (len(found), found.failures) == (len(PHOTOS), ())


@pytest.mark.parametrize("how", ["a folder", "a link that leads nowhere"])
def test_rules_that_cannot_be_read_let_nothing_in(folder: Path, how: str) -> None:
    place = folder / "Ada/.galleryignore"
    place.mkdir() if how == "a folder" else place.symlink_to("nowhere")

    with pytest.raises(SourceError, match=r"Ada/\.galleryignore cannot be read"):
        find_photos(folder)


@pytest.mark.parametrize("line", ["!", "[z-a]", "a\\", "[[:alpha:]]*"])
def test_a_line_that_is_no_pattern_is_named(folder: Path, line: str) -> None:
    write_rules(folder, ".galleryignore", {"": f"old\n{line}\n"})

    with pytest.raises(SourceError, match=r"\.galleryignore, line 2, is no pattern: ") as caught:
        find_photos(folder)
    assert str(caught.value).endswith(repr(line))


def test_rules_that_are_no_ones_to_read_are_refused(folder: Path) -> None:
    for content, said in ((b"*" * 5000, "line 1, is longer"), (b"#\n" * 2**20, "more than 1 MiB")):
        (folder / ".galleryignore").write_bytes(content)
        with pytest.raises(SourceError, match=said):
            find_photos(folder)


WORDS = st.sampled_from(["a", "b", "ab", "*", "*", "?", "[ab]", "(", "$", "."])
NAMES = st.lists(WORDS, min_size=1, max_size=7).map("".join)
PATTERNS = st.lists(st.one_of(NAMES, st.just("**")), min_size=1, max_size=3).map("/".join)
SEGMENTS = st.text("ab.($", min_size=1, max_size=8).filter(lambda name: name not in (".", ".."))
PATHS = st.lists(SEGMENTS, min_size=1, max_size=3).map("/".join)


SHORT = st.sampled_from(["a", "b", "ab", "a*", "*b", "?", "**", "**"])
DEEP_PATTERNS = st.lists(SHORT, min_size=2, max_size=7).map("/".join)
DEEP_PATHS = st.lists(st.sampled_from(["a", "b", "ab"]), min_size=1, max_size=7).map("/".join)


@settings(max_examples=500, deadline=None)
@given(lines=st.lists(DEEP_PATTERNS, min_size=1, max_size=2), path=DEEP_PATHS)
def test_folders_that_end_at_the_first_fit_decide_alike(lines: list[str], path: str) -> None:
    rules = IgnoreRules().with_patterns(Path(), "\n".join(lines).encode())
    expected = GitIgnoreSpec.from_lines(lines)

    for is_folder, name in ((False, path), (True, f"{path}/")):
        assert rules.ignore(Path(path), is_folder=is_folder) == bool(
            expected.check_file(name).include
        )


def test_a_path_that_nearly_fits_many_folders_is_compared_soon() -> None:
    lines = ["/a/" + "**/a/" * 12 + "b", "**/a/**/a?/**/*a/**/a*a/**/a/**/c", "**/" * 9 + "d"]
    rules = IgnoreRules().with_patterns(Path(), "\n".join(lines).encode())

    for name in ("a/" * 900 + "e", "aa/" * 600 + "e"):
        assert not rules.ignore(Path(name), is_folder=False)
    assert rules.ignore(Path("a/" * 900 + "b"), is_folder=False)


@settings(max_examples=300, deadline=None)
@given(lines=st.lists(PATTERNS, min_size=1, max_size=3), path=PATHS)
def test_asterisks_that_end_at_the_first_fit_decide_alike(lines: list[str], path: str) -> None:
    rules = IgnoreRules().with_patterns(Path(), "\n".join(lines).encode())

    assert rules.ignore(Path(path), is_folder=False) == bool(
        GitIgnoreSpec.from_lines(lines).check_file(path).include
    )


def test_a_name_that_nearly_fits_many_asterisks_is_compared_soon() -> None:
    """Were each place of each asterisk tried, this would not end."""
    lines = [f"{'*a' * 20}b", "*[!b]*[!b]*[!b]*[!b]*[!b]c", "*a?*a?*a?*a?*a?*c", "*(a*(a*(a*(a*(ab"]
    rules = IgnoreRules().with_patterns(Path(), "\n".join(lines).encode())

    for name in ("a" * 255, "(a" * 127):
        assert not rules.ignore(Path(name), is_folder=False)
    assert rules.ignore(Path("a" * 250 + "b"), is_folder=False)
