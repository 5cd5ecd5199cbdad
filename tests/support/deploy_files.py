"""The files for operators, as their programs read them."""

from __future__ import annotations

import configparser
import re
from typing import Any

import yaml

from tests.support.documents import CHECKOUT

DEPLOY = CHECKOUT / "deploy"
_UNITS = {"k": 2**10, "m": 2**20, "g": 2**30}


def stages() -> list[str]:
    """Return the names of the stages of the Dockerfile; the last is built where none is named."""
    return re.findall(r"^FROM \S+ AS ([\w-]+)$", (CHECKOUT / "Dockerfile").read_text("utf-8"), re.M)


def instructions(kind: str, *names: str) -> list[str]:
    """Return the arguments of all instructions of a kind in some stages, their lines joined."""
    whole = (CHECKOUT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    parts = dict(re.findall(r"^FROM \S+ AS ([\w-]+)$(.*?)(?=^FROM |\Z)", whole, re.M | re.S))
    found: list[str] = []
    for name in names:
        found += re.findall(rf"^{kind} (.*)$", parts[name], re.M)
    return found


def compose(name: str) -> Any:
    """Return what a file of Compose says."""
    return yaml.safe_load((CHECKOUT / name).read_text("utf-8"))


def unit(name: str) -> configparser.SectionProxy:
    """Return the section ``Service`` of a unit of systemd; of a setting that recurs, the last."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(DEPLOY / name, "utf-8")
    return parser["Service"]


def size_of(words: str) -> int:
    """Return bytes from a size as Compose, systemd and nginx write it."""
    found = re.fullmatch(r"(\d+)([kmg])", words.lower())
    assert found, words
    return int(found[1]) * _UNITS[found[2]]


def seconds_of(words: str) -> int:
    """Return seconds as Compose writes them."""
    return int(words.removesuffix("s"))
