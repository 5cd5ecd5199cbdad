"""Releases: content, publisher and tools are the same in every file that states them."""

from __future__ import annotations

import re
import shlex
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import gallery
from tests.packaging.conftest import CHECKOUT
from tools.check_release import problems

WORKFLOWS = {path.stem: path for path in (CHECKOUT / ".github" / "workflows").glob("*.yml")}
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))
MAKEFILE = (CHECKOUT / "Makefile").read_text("utf-8")
SOURCE = PROJECT["project"]["urls"]["Source"]

workflows = pytest.mark.parametrize("name", WORKFLOWS)


def loaded(name: str) -> dict[str, Any]:
    """Return a workflow; BaseLoader leaves words as they are, also `on` and `3.10`."""
    found: dict[str, Any] = yaml.load(WORKFLOWS[name].read_text("utf-8"), yaml.BaseLoader)
    return found


def steps(name: str) -> Iterator[dict[str, Any]]:
    for job in loaded(name)["jobs"].values():
        yield from job["steps"]


def commands(name: str) -> list[list[str]]:
    return [
        shlex.split(line)
        for step in steps(name)
        if "run" in step
        for line in step["run"].splitlines()
    ]


# --- the workflows --------------------------------------------------------------------------------


def test_there_are_the_two_workflows() -> None:
    assert set(WORKFLOWS) == {"ci", "release"}


@workflows
def test_a_workflow_runs_nothing_but_targets_of_the_makefile(name: str) -> None:
    found = commands(name)

    assert found
    for program, target, *_ in found:
        assert program == "make"
        assert re.search(rf"^{target}:", MAKEFILE, re.M), target


@workflows
def test_a_workflow_may_do_nothing_that_it_need_not(name: str) -> None:
    workflow = loaded(name)
    assert workflow["permissions"] in ({}, {"contents": "read"})
    granted = {
        job: rights
        for job, options in workflow["jobs"].items()
        if (rights := options.get("permissions"))
    }

    assert granted == (
        {"build": {"contents": "read"}, "publish": {"id-token": "write"}}
        if name == "release"
        else {}
    )
    for step in steps(name):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] == "false"


@workflows
def test_actions_are_named_by_commit(name: str) -> None:
    for step in steps(name):
        assert "run" in step or re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step["uses"])


def test_every_supported_python_is_tested_on_every_system() -> None:
    matrix = loaded("ci")["jobs"]["test"]["strategy"]["matrix"]
    prefix = "Programming Language :: Python :: 3."
    classifiers = PROJECT["project"]["classifiers"]

    assert matrix["python"] == [
        f"3.{item.removeprefix(prefix)}" for item in classifiers if item.startswith(prefix)
    ]
    assert {system.rsplit("-", 1)[0] for system in matrix["system"]} == {
        "ubuntu",
        "ubuntu-24.04",
        "macos",
    }
    low, high = re.findall(r"3\.(\d+)", PROJECT["project"]["requires-python"])
    assert [item.split(".")[1] for item in matrix["python"]] == [
        str(minor) for minor in range(int(low), int(high))
    ]


def test_all_but_the_publishing_is_tried_before_a_release() -> None:
    tried = {words[1] for words in commands("ci")}

    assert tried == {
        "browser",
        "deployment-tools",
        "test",
        "test-minimum",
        "coverage",
        "docs",
        "build",
        "containers",
    }
    assert [words[1] for words in commands("release")] == ["check-release", "test", "build"]


# --- before a commit ------------------------------------------------------------------------------


def test_the_hooks_are_the_linters_of_the_makefile() -> None:
    settings = yaml.safe_load((CHECKOUT / ".pre-commit-config.yaml").read_text("utf-8"))
    (repository,) = settings["repos"]
    recipe = "".join(
        re.findall(r"^lint-but-types: venv\n(?:\t.*\n)+|^TYPES = .*\n", MAKEFILE, re.M)
    )

    def programs(text: str) -> list[str]:
        return re.findall(r"bin/([a-z-]+)", text)

    assert repository["repo"] == "local"
    entries = [hook["entry"] for hook in repository["hooks"]]
    assert sorted(map(programs, entries)) == sorted([name] for name in programs(recipe))
    assert all(hook["language"] == "system" for hook in repository["hooks"])


# --- the release itself ---------------------------------------------------------------------------


def test_the_citation_has_the_version() -> None:
    citation = yaml.safe_load((CHECKOUT / "CITATION.cff").read_text("utf-8"))

    assert citation["version"] == gallery.__version__
    assert citation["license"] == PROJECT["project"]["license"]


def test_the_links_of_the_issue_form_are_in_the_repository() -> None:
    form = yaml.safe_load((CHECKOUT / ".github/ISSUE_TEMPLATE/config.yml").read_text("utf-8"))

    (link,) = form["contact_links"]
    assert link["url"] == f"{SOURCE}/blob/main/SECURITY.md"


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """Return a folder whose changelog and citation have the version and one date."""
    shutil.copy(CHECKOUT / "pyproject.toml", tmp_path)
    section = f"## [{gallery.__version__}] - 2026-12-31\n"
    (tmp_path / "CHANGELOG.md").write_text(f"## [Unreleased]\n\n{section}", "utf-8")
    citation = (CHECKOUT / "CITATION.cff").read_text("utf-8")
    dated = re.sub(r"^date-released: .*\n", "", citation, flags=re.M)
    (tmp_path / "CITATION.cff").write_text(f"{dated}date-released: 2026-12-31\n", "utf-8")
    return tmp_path


def test_a_release_whose_parts_belong_together_has_no_problem(released: Path) -> None:
    assert problems(f"v{gallery.__version__}", SOURCE, released) == []


@pytest.mark.parametrize("tag", ["v99.0.0", gallery.__version__, f"v{gallery.__version__}rc1", ""])
def test_a_tag_of_another_version_is_refused(released: Path, tag: str) -> None:
    (problem,) = problems(tag, SOURCE, released)

    assert f"the tag is {tag!r}" in problem


@pytest.mark.parametrize("elsewhere", ["https://github.com/somebody/fork", SOURCE[:-1], ""])
def test_a_repository_that_the_links_do_not_name_is_refused(released: Path, elsewhere: str) -> None:
    found = problems(f"v{gallery.__version__}", elsewhere, released)

    assert len(found) == len(PROJECT["project"]["urls"])
    assert all("[project.urls]" in problem for problem in found)


def test_a_changelog_without_the_version_is_refused(released: Path) -> None:
    (released / "CHANGELOG.md").write_text("## [Unreleased]\n", "utf-8")

    (problem,) = problems(f"v{gallery.__version__}", SOURCE, released)

    assert "CHANGELOG.md" in problem


@pytest.mark.parametrize(
    ("line", "other"),
    [
        (f"version: {gallery.__version__}", "version: 99.0.0"),
        ("date-released: 2026-12-31", "date-released: 2026-12-30"),
        ("date-released: 2026-12-31\n", ""),
    ],
    ids=["version", "date", "no date"],
)
def test_a_citation_of_another_release_is_refused(released: Path, line: str, other: str) -> None:
    citation = released / "CITATION.cff"
    citation.write_text(citation.read_text("utf-8").replace(line, other), "utf-8")

    (problem,) = problems(f"v{gallery.__version__}", SOURCE, released)

    assert problem.startswith("CITATION.cff")
