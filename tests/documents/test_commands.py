"""Commands in README and docs: examples run, commands and options exist."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

from gallery.demo.samples import Samples
from tests.support.command_line import (
    check_words,
    command_named,
    command_names,
    former_spellings,
    shown_options,
)
from tests.support.documents import (
    CHECKOUT,
    DOCS,
    DOCUMENTS,
    NAMES,
    README,
    blocks_of,
    documents,
    files_of,
    prose_of,
    section_of,
    spans_of,
)
from tests.support.forked_commands import AS_OUTPUT, ForkingProcess, forking_process

# --- Python examples ------------------------------------------------------------------------------

# Those of the desk need one that runs: tests/desk/test_examples.py.
PYTHON = [
    pytest.param(code, id=f"{name}-{number}")
    for path, name in zip(DOCUMENTS, NAMES, strict=True)
    if path != DOCS / "desk.md"
    for number, code in enumerate(blocks_of(path, "python"))
]


@pytest.mark.parametrize("code", PYTHON)
def test_python_examples_run(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    exec(compile(code, "example", "exec"), {"__name__": "__main__"})


def test_the_readme_has_a_python_example() -> None:
    assert blocks_of(README, "python")


# --- the command line -----------------------------------------------------------------------------


def gallery_lines(path: Path) -> Iterator[str]:
    """Yield the command lines of console and shell blocks, and those in the text."""
    for language, prompt in (("console", "$ "), ("sh", "")):
        for block in blocks_of(path, language):
            for line in block.splitlines():
                if line.startswith(f"{prompt}gallery "):
                    yield line.removeprefix(prompt)
    yield from re.findall(r"`(gallery [a-z][^`]*)`", prose_of(path))


@documents
def test_commands_and_options_exist(path: Path) -> None:
    for line in gallery_lines(path):
        try:
            check_words(shlex.split(line)[1:])
        except click.ClickException as error:
            pytest.fail(f"{line}: {error.format_message()}")


FOREIGN = {
    "coming-from.md": {"--despite-duplicates", "--key-file", "--token-file"},
    "operations.md": {"--no-deps"},
    "performance.md": {
        "--kill",
        "--down",
        "--quick",
        "--postgresql",
        "--references",
        "--dimension",
        "--before",
        "--repeats",
    },
    "scaling.md": {"--nthreads", "--memory-limit", "--no-dashboard"},
    "video.md": {"--device"},
}
"""Options in documents that are of other programs: pip's, the benchmarks', Dask's, an example's."""


@documents
def test_options_in_the_text_exist(path: Path) -> None:
    known = {
        option for name in command_names() for item in shown_options(name) for option in item.opts
    }
    named = {span.split()[0] for span in spans_of(path) if span.startswith("--")}

    assert named <= known | {"--help"} | FOREIGN.get(path.name, set())


@documents
def test_no_former_spelling_is_used(path: Path) -> None:
    words = set(re.findall(r"--[a-z-]+|GALLERY_[A-Z_]+", path.read_text("utf-8")))

    assert {"--engine", "GALLERY_ENGINE"} < former_spellings()
    assert not words & former_spellings()


def test_the_reference_of_the_command_line_is_what_the_commands_say() -> None:
    program = DOCS / "tools" / "generate_cli.py"
    done = subprocess.run([sys.executable, program, "--check"], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr


def test_the_reference_of_the_command_line_has_every_command() -> None:
    page = (DOCS / "cli.md").read_text("utf-8")
    listed = re.findall(r"^## gallery (.+)$", page, re.M)

    assert listed == [name for name in command_names() if not command_named(name).hidden]
    for name in listed:
        for item in command_named(name).params:
            if isinstance(item, click.Option) and not item.hidden:
                assert f"`{item.opts[0]}" in page, f"{name}: {item.opts[0]}"


def test_the_reference_of_the_command_line_has_every_word_of_the_options() -> None:
    page = (DOCS / "cli.md").read_text("utf-8").replace("`", "").replace("\\", "")

    for name in command_names():
        for item in command_named(name).params:
            if isinstance(item, click.Option) and not item.hidden and item.help:
                words = re.sub(r" ?\[(env|default): [^]]*]", "", item.help)
                assert " ".join(words.split()) in page, f"{name}: {item.opts[0]}"


def test_extras_that_are_named_exist() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]
    named = {
        extra.strip()
        for path in DOCUMENTS
        for found in re.findall(r"pip install '[\w.-]+\[([\w, ]+)\]'", path.read_text("utf-8"))
        for extra in found.split(",")
    }

    assert len(named) > 3
    assert named <= set(project["optional-dependencies"])


def test_the_page_about_installing_has_every_extra_for_users() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]
    page = (DOCS / "install.md").read_text("utf-8")
    shown = {
        extra.strip()
        for found in re.findall(r"^pip install '\.\[([\w, ]+)\]'", page, re.M)
        for extra in found.split(",")
    }

    assert shown == set(project["optional-dependencies"]) - {"benchmark", "docs", "dev"}


def test_an_option_that_does_not_exist_is_noticed() -> None:
    with pytest.raises(click.NoSuchOption):
        check_words(["verify", "--deeper"])
    with pytest.raises(click.BadParameter):
        check_words(["init", "--metric", "manhattan"])


# --- sessions -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Session:
    """Commands of a document that are run one after the other in an empty folder."""

    path: Path
    sections: tuple[str, ...] = ()

    @property
    def blocks(self) -> list[str]:
        """The console blocks of the sections, or of the whole document."""
        if not self.sections:
            return blocks_of(self.path, "console")
        return [
            block
            for title in self.sections
            for block in blocks_of(section_of(self.path, title), "console")
        ]


SESSIONS = [
    Session(README, ("Five commands",)),
    Session(DOCS / "tutorial.md"),
    Session(DOCS / "people.md"),
]
PHOTO_SESSIONS = [
    Session(README, ("Five commands", "With photos")),
    Session(DOCS / "photos.md"),
]


def test_every_console_block_is_run() -> None:
    run = {block for session in SESSIONS + PHOTO_SESSIONS for block in session.blocks}

    assert run == {block for path in DOCUMENTS for block in blocks_of(path, "console")}


@pytest.fixture(scope="module")
def commands() -> Iterator[ForkingProcess]:
    with forking_process({"PYTHONPATH": str(CHECKOUT), "COLUMNS": "100"}) as process:
        yield process


@pytest.mark.slow
@pytest.mark.parametrize("session", SESSIONS, ids=lambda session: session.path.stem)
def test_sessions_run_as_they_say(
    session: Session, tmp_path: Path, commands: ForkingProcess
) -> None:
    run_session(session, tmp_path, commands)


@pytest.mark.photos
@pytest.mark.slow
@pytest.mark.parametrize("session", PHOTO_SESSIONS, ids=lambda session: session.path.stem)
def test_sessions_with_photos_run_as_they_say(
    session: Session, tmp_path: Path, samples: Samples, commands: ForkingProcess
) -> None:
    if importlib.util.find_spec("deepface") is None:
        pytest.skip("the photos extra is not installed")
    # So that the session's own download finds all files and needs no network.
    shutil.copytree(samples.root, tmp_path / "samples")

    run_session(session, tmp_path, commands)


def run_session(session: Session, folder: Path, commands: ForkingProcess) -> None:
    """Run the commands of a session; what is shown of their output must be what they print."""
    own = [name for name in os.environ if name.startswith("GALLERY_")]
    for name, text in files_of(session.path).items():
        (folder / name).write_text(text, "utf-8")
    environment = {"DEEPFACE_HOME": str(folder), "GALLERY_CACHE_DIR": str(folder / "cache")}
    code = 0
    for command, expected in steps(session.blocks):
        words = shlex.split(command)
        if words[0] == "export":
            environment |= dict(word.split("=", 1) for word in words[1:])
            continue
        if command == "echo $?":
            assert expected.strip() == str(code)
            code = 0
            continue
        assert code == 0, f"the command before {command!r} ended with {code}"
        assert words[0] == "gallery"
        done = commands.run(
            folder, words[1:], stderr=AS_OUTPUT, environment=environment, without=own
        )
        code = done.code
        if expected:
            assert masked(done.out.decode()) == masked(expected), command
    assert code == 0, f"the last command ended with {code}"


def masked(text: str) -> str:
    """Return a text without what differs from run to run: identifiers, numbers, space."""
    without = re.sub(r"\b[0-9a-f]{32}\b", "ID", text)
    return " ".join(re.sub(r"\d+(\.\d+)?", "#", without).split())


def steps(blocks: list[str]) -> Iterator[tuple[str, str]]:
    """Yield each command of console blocks with the output that is shown for it, if any is."""
    for block in blocks:
        assert block.startswith("$ ")
        for step in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, output = step.partition("\n")
            yield command, output


@documents
def test_make_targets_exist(path: Path) -> None:
    makefile = (CHECKOUT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.M))
    named = set(re.findall(r"`make ([a-z-]+)", path.read_text("utf-8")))

    assert named <= targets
