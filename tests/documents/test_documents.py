"""What README and docs say is true: examples run, options exist, tables agree with the code."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from gallery import errors
from gallery.ciphertexts.blocks import columns_size
from gallery.client.photos.detectors import DETECTORS
from gallery.client.photos.model_table import MODELS
from gallery.commands.main import (
    EXIT_INTERNAL,
    EXIT_INTERRUPTED,
    EXIT_PARTIAL,
    EXIT_USAGE,
    cli,
)
from gallery.demo.samples import Samples
from gallery.messages.wire import MessageType
from gallery.parameters import COMPACT, STANDARD
from gallery.store.tables import SCHEMA_REVISION, Base

CHECKOUT = Path(__file__).resolve().parents[2]
README = CHECKOUT / "README.md"
DOCUMENTS = [README, *sorted((CHECKOUT / "docs").glob("*.md"))]
NAMES = [str(path.relative_to(CHECKOUT)) for path in DOCUMENTS]

documents = pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)


def blocks_of(path: Path, language: str) -> list[str]:
    """Return the fenced code blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", path.read_text("utf-8"), re.DOTALL | re.M)


def prose_of(path: Path) -> str:
    """Return a document without its fenced code blocks."""
    return re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.DOTALL | re.M)


def section_of(path: Path, title: str) -> str:
    """Return the text below one heading, up to the next of its level."""
    found = re.search(
        rf"^(##+) {re.escape(title)}\n(.*?)(?=^\1 |\Z)", path.read_text("utf-8"), re.DOTALL | re.M
    )
    assert found, f"{path.name} has no section {title!r}"
    return found[2]


def rows_of(text: str) -> Iterator[list[str]]:
    """Yield the cells of all table rows but headings' rules."""
    for line in text.splitlines():
        if line.startswith("|") and not set(line) <= set("|- "):
            yield [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def squeezed(text: str) -> str:
    return " ".join(text.split())


# --- Python examples ------------------------------------------------------------------------------

PYTHON = [
    pytest.param(code, id=f"{name}-{number}")
    for path, name in zip(DOCUMENTS, NAMES, strict=True)
    for number, code in enumerate(blocks_of(path, "python"))
]


@pytest.mark.parametrize("code", PYTHON)
def test_python_examples_run(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    exec(compile(code, "example", "exec"), {"__name__": "__main__"})


def test_the_readme_has_a_python_example() -> None:
    assert blocks_of(README, "python")


# --- the command line -----------------------------------------------------------------------------


def command_named(name: str) -> click.Command:
    found: click.Command = cli
    for word in name.split():
        assert isinstance(found, click.Group), f"gallery {name} has no commands"
        inner = found.get_command(click.Context(found), word)
        assert inner is not None, f"there is no command gallery {name}"
        found = inner
    return found


def command_names() -> Iterator[str]:
    """Yield the names of all commands; of a group, those of the commands in it."""
    for name in cli.list_commands(click.Context(cli)):
        command = command_named(name)
        if isinstance(command, click.Group):
            yield from (
                f"{name} {inner}" for inner in command.list_commands(click.Context(command))
            )
        else:
            yield name


def check_words(words: list[str]) -> None:
    """Check that a command and its options exist, and that values are of the options' types."""
    command = command_named(words[0])
    if isinstance(command, click.Group) and len(words) > 1:
        command, words = command_named(f"{words[0]} {words[1]}"), words[1:]
    context = click.Context(command, info_name=words[0])
    values, _, _ = command.make_parser(context).parse_args(words[1:])
    for parameter in command.params:
        value = values.get(parameter.name)
        is_text = isinstance(parameter.type, click.Path | click.types.StringParamType)
        if isinstance(value, str) and not is_text:
            parameter.type.convert(value, parameter, context)


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


def test_an_option_that_does_not_exist_is_noticed() -> None:
    with pytest.raises(click.NoSuchOption):
        check_words(["verify", "--deeper"])
    with pytest.raises(click.BadParameter):
        check_words(["init", "--metric", "manhattan"])


def options_in(section: str, pattern: str) -> set[str]:
    """Return the options that the one sentence names that matches a pattern."""
    (sentence,) = re.findall(pattern, section, re.M | re.S)
    return set(re.findall(r"--[a-z-]+", sentence))


KEYLESS = ("migrate", "serve", "token", "audit")


def test_the_table_of_commands_is_complete() -> None:
    section = section_of(README, "Commands")
    keyless = options_in(section, r"^`migrate`, .*?\.\s")
    common = keyless | options_in(
        section, r"All others but `samples`, `demo` and `evaluate` take these, (.*?)\.\s"
    )
    rows = {
        match[1]: set(re.findall(r"--[a-z-]+", cells[2]))
        for cells in rows_of(section)
        if (match := re.match(r"`gallery ([a-z]+(?: [a-z]+)*)", cells[0]))
    }

    assert list(rows) == list(command_names())
    for name, listed in rows.items():
        options = {option for item in shown_options(name) for option in item.opts}
        long = {option for option in options if option.startswith("--")}
        shared = keyless if name.split()[0] in KEYLESS else common
        alone = name.split()[0] in ("samples", "demo", "evaluate")
        assert listed == (long if alone else long - shared), name
        assert alone or shared <= long, name


def shown_options(name: str) -> list[click.Parameter]:
    """Return the options of a command without former spellings, which no document names."""
    found = command_named(name).params
    return [item for item in found if not (isinstance(item, click.Option) and item.hidden)]


def former_spellings() -> set[str]:
    """Return the options and environment variables that are understood but hidden."""
    hidden = [
        item
        for name in command_names()
        for item in command_named(name).params
        if item not in shown_options(name)
    ]
    return {name for item in hidden for name in (*item.opts, item.envvar) if name}


@documents
def test_no_former_spelling_is_used(path: Path) -> None:
    words = set(re.findall(r"--[a-z-]+|GALLERY_[A-Z_]+", path.read_text("utf-8")))

    assert {"--engine", "GALLERY_ENGINE"} < former_spellings()
    assert not words & former_spellings()


def masked(text: str) -> str:
    """Return a text without what differs from run to run: identifiers, numbers, space."""
    without = re.sub(r"\b[0-9a-f]{32}\b", "ID", text)
    return squeezed(re.sub(r"\d+(\.\d+)?", "#", without))


@pytest.mark.photos
@pytest.mark.slow
def test_the_session_of_the_readme_runs_as_it_says(tmp_path: Path, samples: Samples) -> None:
    if importlib.util.find_spec("deepface") is None:
        pytest.skip("the photos extra is not installed")
    # So that the session's own download finds all files and needs no network.
    shutil.copytree(samples.root, tmp_path / "samples")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GALLERY_")}
    environment |= {"COLUMNS": "100", "PYTHONPATH": str(CHECKOUT), "DEEPFACE_HOME": str(tmp_path)}
    code = 0
    for command, expected in steps(blocks_of(README, "console")):
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
        done = subprocess.run(
            [sys.executable, str(CHECKOUT / "cli.py"), *words[1:]],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        code = done.returncode
        assert masked(done.stdout) == masked(expected), command
    assert code == 0


def steps(blocks: list[str]) -> Iterator[tuple[str, str]]:
    """Yield each command of console blocks with the output that is shown for it."""
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


# --- links and names ------------------------------------------------------------------------------


def anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@documents
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose_of(path)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, fragment = target.partition("#")
        linked = (path.parent / name).resolve() if name else path
        assert linked.exists(), f"{path.name} links to {target}"
        if fragment:
            headings = re.findall(r"^#+ (.+)$", linked.read_text("utf-8"), re.M)
            assert fragment in map(anchor, headings), f"{path.name} links to {target}"


@documents
def test_files_that_are_named_exist(path: Path) -> None:
    """Paths in code spans: of tests, of modules (also given from within the package), of others."""
    spans = re.findall(r"`([\w./-]+/[\w./-]*\w\.(?:py|md|toml|lock|svg))`", prose_of(path))
    for name in spans:
        assert any((base / name).exists() for base in (CHECKOUT, CHECKOUT / "gallery")), name


def test_every_promise_names_a_test_or_says_not_yet() -> None:
    section = section_of(CHECKOUT / "docs" / "threat-model.md", "Promises")
    promises = re.split(r"^\*\*\d+\. ", section, flags=re.M)[1:]

    assert len(promises) >= 5
    for promise in promises:
        tests = promise.partition("- Tests:")[2]
        assert re.search(r"`tests/[\w/]+\.py`", tests) or "not yet" in tests, promise[:60]


# --- tables that repeat the code ------------------------------------------------------------------


def test_the_exit_codes_are_those_of_the_code() -> None:
    listed: dict[str, int] = {}
    bare: set[int] = set()
    for cells in rows_of(section_of(README, "Exit codes")):
        if cells[0].isdigit():
            bare.add(int(cells[0]))
            listed |= {name.strip(): int(cells[0]) for name in cells[1].split(",")}
    listed.pop("–")
    classes = {
        name: kind.exit_code
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, errors.GalleryError)
    }
    own = {0, EXIT_PARTIAL, EXIT_USAGE, EXIT_INTERNAL, EXIT_INTERRUPTED}

    assert listed == classes
    assert bare == own | set(classes.values())


def test_the_environment_variables_are_those_of_the_code() -> None:
    named = set(re.findall(r"`([A-Z][A-Z_]+)`", section_of(README, "Environment variables")))
    used: set[str] = set()
    for folder in ("gallery", "migrations"):
        for path in (CHECKOUT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    pattern = r"(?:GALLERY|DEEPFACE|TF)_[A-Z_]+"
                    used |= {node.value} if re.fullmatch(pattern, node.value) else set()

    assert named == used - former_spellings()


def test_the_models_and_detectors_are_those_of_the_code() -> None:
    section = section_of(README, "Models and detectors")
    listed = {
        name.strip().removesuffix(" (default)"): (int(cells[1]), cells[2])
        for cells in rows_of(section)
        if cells[1].isdigit()
        for name in cells[0].split(",")
    }
    assert listed == {name: (m.dimension, m.default_detector) for name, m in MODELS.items()}
    (sentence,) = re.findall(r"^Detectors: (.*?);", section, re.M | re.DOTALL)
    assert set(re.findall(r"`([a-z]+)`", sentence)) == set(DETECTORS)


FORMAT = CHECKOUT / "docs" / "format.md"


def test_the_message_types_are_those_of_the_code() -> None:
    listed = {
        cells[1]: int(cells[0])
        for cells in rows_of(section_of(FORMAT, "Messages"))
        if cells[0].isdigit() and cells[1].isupper()
    }

    assert listed == {item.name: item.value for item in MessageType}


def test_the_parameter_sets_are_those_of_the_code() -> None:
    rows = {cells[0]: cells[1:] for cells in rows_of(section_of(FORMAT, "Parameter sets"))}
    for column, parameters in enumerate((STANDARD, COMPACT)):
        found = {
            name.replace(",", ""): cells[column].replace(",", "") for name, cells in rows.items()
        }
        sizes, primes = parameters.coeff_mod_bit_sizes, parameters.data_primes
        assert found["ring degree N"] == str(parameters.poly_modulus_degree)
        assert found["SEAL's `coeff_mod_bit_sizes`"] == " ".join(map(str, sizes))
        assert found["data primes"] == " ".join(map(str, primes))
        assert found["data modulus"] == f"{parameters.data_modulus_bits} bits"
        assert found["security of what is published"] == f"{parameters.security_bits} bits"
        assert power(found["scale of a column"]) == parameters.column_scale
        assert power(found["scale of a probe"]) == parameters.probe_scale
        assert power(found["grid"]) == parameters.grid
        bound = parameters.max_distance_error(128)
        stated = float(found["bound of the error of a squared distance d = 128"])
        assert stated == pytest.approx(bound, rel=0.05)
        for dimension in (128, 512):
            size = columns_size(dimension, parameters)
            assert found[f"bytes of a block d = {dimension}"] == str(size)


def power(text: str) -> float:
    """Return the value of a power of two as the table writes it."""
    exponent = re.fullmatch(r"2\^(-?\d+)", text)
    assert exponent, text
    return 2.0 ** int(exponent[1])


def test_the_database_tables_are_those_of_the_code() -> None:
    listed: dict[str, set[str]] = {}
    table = ""
    for cells in rows_of(section_of(FORMAT, "Database")):
        if cells[0].startswith("`"):
            table = cells[0].strip("`")
        if table:
            listed.setdefault(table, set()).update(re.findall(r"`([a-z_]+)`", cells[1]))
    (version,) = [c[3] for c in rows_of(section_of(FORMAT, "Database")) if "version_num" in c[1]]
    listed.pop("alembic_version")

    tables = Base.metadata.tables
    assert listed == {name: set(table.columns.keys()) for name, table in tables.items()}
    assert f"`{SCHEMA_REVISION}`" in version


def test_the_purposes_of_sub_keys_are_those_of_the_code() -> None:
    section = section_of(FORMAT, "Keys")
    listed = {cells[0].strip("`") for cells in rows_of(section) if cells[0].startswith("`")}
    source = "".join(p.read_text("utf-8") for p in (CHECKOUT / "gallery/client").rglob("*.py"))
    used = set(re.findall(r'\.subkey\(\s*"([^"]+)"', source))

    assert listed == used | {"key id"}
