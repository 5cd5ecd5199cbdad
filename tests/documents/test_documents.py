"""README and docs: links lead somewhere, names exist, tables are the code's."""

from __future__ import annotations

import ast
import inspect
import pkgutil
import re
import sys
import tomllib
from pathlib import Path

import pytest

import gallery.client
import gallery.commands
from gallery import errors
from gallery.arrays import residue_bytes
from gallery.client.photos.detectors import DETECTORS
from gallery.client.photos.model_table import MODELS
from gallery.messages.wire import MessageType
from gallery.parameters import COMPACT, LIGHT, STANDARD, SWIFT
from gallery.store.tables import METADATA, SCHEMA_REVISION
from tests.support.command_line import former_spellings
from tests.support.documents import (
    CHECKOUT,
    DOCS,
    README,
    documents,
    prose_of,
    rows_of,
    section_of,
    spans_of,
)

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
def test_no_mark_of_a_merge_was_left(path: Path) -> None:
    assert not re.search(r"^(<{7}|>{7}|={7}|\|{7})( |$)", path.read_text("utf-8"), re.M)


@documents
def test_files_that_are_named_exist(path: Path) -> None:
    """Paths in code spans: of tests, of modules (also given from within the package), of others."""
    files = r"[\w./-]+/[\w./-]*\w\.(?:py|md|toml|lock|svg|service|conf|yml|sh)"
    folders = r"(?:gallery|tests|docs|deploy|migrations|benchmarks|requirements)/(?:[\w.-]+/)*"
    packages = "|".join(module.name for module in pkgutil.iter_modules(gallery.__path__))
    rooms = rf"(?:{packages})/(?:[\w.-]+/)*"
    for span in spans_of(path):
        if re.fullmatch(f"{files}|{folders}|{rooms}", span):
            places = (CHECKOUT, CHECKOUT / "gallery", path.parent)
            assert any((base / span).exists() for base in places), span


@documents
def test_modules_and_names_that_are_written_with_dots_exist(path: Path) -> None:
    for span in spans_of(path):
        suffix = span.rpartition(".")[2]
        if re.fullmatch(r"gallery(\.\w+)+", span) and suffix not in ("db", "key", "backup"):
            pkgutil.resolve_name(span)


def packages_in(section: str) -> set[str]:
    """Return the packages of a table of rooms: the code spans of its first column."""
    return {name for cells in rows_of(section) for name in re.findall(r"`([a-z_]+)`", cells[0])} - {
        "gallery"
    }


@pytest.mark.parametrize(
    ("section", "container"),
    [
        ("Rooms", "gallery"),
        ("Rooms of the client", "gallery.client"),
        ("Rooms of the server", "gallery.server"),
        ("Rooms of the desk", "gallery.desk"),
    ],
)
def test_the_rooms_are_those_of_the_import_contracts(section: str, container: str) -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))
    (layers,) = [
        contract["layers"]
        for contract in project["tool"]["importlinter"]["contracts"]
        if contract.get("containers") == [container]
    ]
    names = {name.strip() for layer in layers for name in layer.split("|")}

    assert packages_in(section_of(DOCS / "architecture.md", section)) == names


def test_the_readme_is_short() -> None:
    assert len(README.read_text("utf-8").splitlines()) <= 150


def test_every_promise_names_a_test_or_says_not_yet() -> None:
    section = section_of(DOCS / "threat-model.md", "Promises")
    promises = re.split(r"^\*\*\d+\. ", section, flags=re.M)[1:]

    assert len(promises) >= 5
    for promise in promises:
        tests = promise.partition("- Tests:")[2]
        assert re.search(r"`tests/[\w/]+\.py`", tests) or "not yet" in tests, promise[:60]


# --- tables that repeat the code ------------------------------------------------------------------


def test_the_exit_codes_are_those_of_the_code() -> None:
    listed: dict[str, int] = {}
    bare: set[int] = set()
    for cells in rows_of(section_of(DOCS / "exit-codes.md", "Exit codes")):
        if cells[0].isdigit():
            bare.add(int(cells[0]))
            listed |= {name.strip(): int(cells[0]) for name in cells[1].split(",")}
    listed.pop("–")
    classes = {
        name: kind.exit_code
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, errors.GalleryError)
    }
    commands = vars(sys.modules["gallery.commands.main"])
    own = {0} | {value for name, value in commands.items() if name.startswith("EXIT_")}

    assert listed == classes
    assert bare == own | set(classes.values())


def test_the_environment_variables_are_those_of_the_code() -> None:
    named = set(re.findall(r"`([A-Z][A-Z_]+)`", section_of(DOCS / "environment.md", "Variables")))
    used: set[str] = set()
    for folder in ("gallery", "migrations"):
        for path in (CHECKOUT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    pattern = r"(?:GALLERY|DEEPFACE|ORT|TF)_[A-Z_]+"
                    used |= {node.value} if re.fullmatch(pattern, node.value) else set()

    assert named == used - former_spellings()


def test_the_models_and_detectors_are_those_of_the_code() -> None:
    section = section_of(DOCS / "photos.md", "Models and detectors")
    listed = {
        name.strip().removesuffix(" (default)"): (int(cells[1]), cells[2])
        for cells in rows_of(section)
        if cells[1].isdigit()
        for name in cells[0].split(",")
    }
    assert listed == {name: (m.dimension, m.default_detector) for name, m in MODELS.items()}
    (sentence,) = re.findall(r"^Detectors: (.*?);", section, re.M | re.DOTALL)
    assert set(re.findall(r"`([a-z]+)`", sentence)) == set(DETECTORS)


FORMAT = DOCS / "format.md"


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
            columns = parameters.column_count(dimension, normalized=True)
            size = residue_bytes(parameters.block_shape(columns))
            assert found[f"bytes of a block d = {dimension}"] == str(size)


def test_the_hinted_parameter_sets_are_those_of_the_code() -> None:
    rows = {cells[0]: cells[1:] for cells in rows_of(section_of(FORMAT, "Sets"))}
    for column, parameters in enumerate((SWIFT, LIGHT)):
        found = {
            name.replace(",", ""): cells[column].replace(",", "") for name, cells in rows.items()
        }
        assert found["N of blocks"] == str(parameters.poly_modulus_degree)
        assert found["n of probes"] == str(parameters.probe_degree)
        assert found["slices m = N / n"] == str(parameters.slices)
        assert found["k the rank of a probe's secret"] == str(parameters.rank)
        assert found["primes"] == " ".join(map(str, parameters.data_primes))
        assert found["modulus q"] == f"{parameters.data_modulus_bits} bits"
        bound = parameters.max_distance_error(128)
        (stated,) = (cell for name, cell in found.items() if name.startswith("bound of the error"))
        assert float(stated) == pytest.approx(bound, rel=0.05)


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

    tables = METADATA.tables
    assert listed == {name: set(table.columns.keys()) for name, table in tables.items()}
    assert f"`{SCHEMA_REVISION}`" in version


def test_the_purposes_of_sub_keys_are_those_of_the_code() -> None:
    section = section_of(FORMAT, "Keys")
    listed = {cells[0].strip("`") for cells in rows_of(section) if cells[0].startswith("`")}
    source = "".join(p.read_text("utf-8") for p in (CHECKOUT / "gallery/client").rglob("*.py"))
    used = set(re.findall(r'\.subkey\(\s*"([^"]+)"', source))

    assert listed == used | {"key id"}
