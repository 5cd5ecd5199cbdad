"""Names and sizes of modules: a name stands for one idea, and a module has one subject."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path
from statistics import median

import gallery

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGE = Path(gallery.__file__).parent
BASES = (PACKAGE, CHECKOUT)
"""Where the rooms are that unit tests mirror: those of `gallery`, and `benchmarks`."""

COMMAND = "a command, and what it runs or prints"
PAGES_AND_API = "one subject: its command, its pages and its routes, as far as there are any"
BOTH_SIDES = "one thing as the owner makes it and as the keyless side has it"
TWO_SERVERS = "the same part of the two programs that serve HTTP"
TWO_LANGUAGES = "one thing in terms of the library, and in words of the command line"

SHARED = {
    "accuracy": (PAGES_AND_API, "accuracy", "desk.pages.accuracy"),
    "cache": (COMMAND, "client.cache", "commands.cache"),
    "check_sums": (BOTH_SIDES, "client.hinted.check_sums", "messages.check_sums"),
    "ckks": ("a scheme, and its parameter sets", "client.ckks", "parameters.ckks"),
    "config": (TWO_SERVERS, "desk.config", "server.http.config"),
    "decisions": (PAGES_AND_API, "desk.api.decisions", "desk.decisions", "desk.pages.decisions"),
    "demo": (COMMAND, "commands.demo", "demo"),
    "deprecation": (TWO_LANGUAGES, "commands.deprecation", "deprecation"),
    "desk": (COMMAND, "commands.desk", "desk"),
    "duplicates": (COMMAND, "client.enrolling.duplicates", "commands.duplicates"),
    "embeddings": ("embeddings, and those of nobody", "client.embeddings", "demo.embeddings"),
    "enroll": (PAGES_AND_API, "commands.enroll", "desk.pages.enroll"),
    "enrolling": ("enrollment, and what a desk adds to it", "client.enrolling", "desk.enrolling"),
    "errors": ("one tree of errors, and its branch of the desk", "desk.errors", "errors"),
    "folders": (
        "folders with one sub-folder per person, on a disk or sent by a browser",
        "client.photos.folders",
        "desk.folders",
    ),
    "galleries": (
        PAGES_AND_API,
        "commands.galleries",
        "desk.api.galleries",
        "desk.pages.galleries",
    ),
    "hinted": ("a scheme, and its parameter sets", "client.hinted", "parameters.hinted"),
    "hints": (TWO_LANGUAGES, "commands.hints", "hints"),
    "identify": (PAGES_AND_API, "commands.identify", "desk.pages.identify"),
    "native": (BOTH_SIDES, "client.ckks.native", "evaluator.native"),
    "openapi": (TWO_SERVERS, "desk.api.openapi", "server.http.openapi"),
    "people": (PAGES_AND_API, "client.editing.people", "desk.api.people", "desk.pages.people"),
    "problems": (TWO_SERVERS, "desk.problems", "server.http.problems"),
    "references": (
        "the references of a gallery, as a message and as routes",
        "desk.api.references",
        "messages.references",
    ),
    "refresh": (COMMAND, "client.editing.refresh", "commands.refresh"),
    "relabelling": (BOTH_SIDES, "client.editing.relabelling", "messages.relabelling"),
    "renewal": ("a room, and its own main module", "client.renewal", "client.renewal.renewal"),
    "request_log": (TWO_SERVERS, "desk.request_log", "server.http.request_log"),
    "samples": (COMMAND, "commands.samples", "demo.samples"),
    "scanner": (
        "the interface of scanners, and its implementation on a cluster",
        "server.cluster.scanner",
        "server.scanning.scanner",
    ),
    "scheme": (
        "the interface of schemes, and its implementation by each",
        "client.ckks.scheme",
        "client.hinted.scheme",
        "client.scheme",
    ),
    "seal": (BOTH_SIDES, "client.ckks.seal", "evaluator.seal"),
    "sightings": (COMMAND, "client.video.sightings", "commands.sightings"),
    "state": (TWO_SERVERS, "desk.state", "server.http.state"),
    "video": (COMMAND, "client.video", "commands.video"),
}
"""Names that several modules or packages have: the one idea that they stand for, and which."""

LARGE = {
    "errors.py": "a list of all errors with their exit codes, which is read from top to bottom",
}
"""Modules of more than 400 lines, and why they are not divided."""


def test_a_name_stands_for_one_idea() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for path in PACKAGE.rglob("*.py"):
        place = path.relative_to(PACKAGE).with_suffix("")
        if path.stem == "__init__":
            place = place.parent
        if place.name and path.stem != "__main__":
            places[place.name].append(".".join(place.parts))
    several = {name: sorted(found) for name, found in places.items() if len(found) > 1}

    assert several == {name: sorted(modules) for name, (_, *modules) in SHARED.items()}


def test_modules_are_short() -> None:
    lines = {
        path.relative_to(PACKAGE).as_posix(): len(path.read_text("utf-8").splitlines())
        for path in PACKAGE.rglob("*.py")
        if path.stem != "__init__"
    }

    assert median(lines.values()) < 150
    assert {name for name, count in lines.items() if count > 400} == set(LARGE)


def test_a_class_has_its_name_for_itself() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for path in PACKAGE.rglob("*.py"):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(path.relative_to(PACKAGE).as_posix())

    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_unit_tests_lie_as_what_they_test() -> None:
    tests = CHECKOUT / "tests" / "unit"
    rooms = {path.parent.relative_to(tests) for path in tests.rglob("test_*.py")}

    assert {room for room in rooms if not any((base / room).is_dir() for base in BASES)} == set()
